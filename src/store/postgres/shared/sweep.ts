// What ended lives were running goes back to ready, in slices, as SQLite's boot does it for the one life that was.
import type { ReadyRow } from "../../contract.ts";
import type { SharedStore, Swept } from "../../shared.ts";
import { addDepth, countByLane, nobody, parkedLane } from "../depth.ts";
import { lockRuns } from "../locks.ts";
import { readyRow, type RawReady } from "../rows.ts";
import { clearCompletions, takeOver } from "../completions.ts";
import type { Database, Sql } from "../sql.ts";
import { releaseCalls } from "../webhooks.ts";

const how = "orchestrator ended";
/** Of a life that resigns. */
const sliceOfResign = 500;

/**
 * One sweep at a time: two would take the same slice, and both fold into the rows of boot 0. Held by the schema's own
 * number, so that stores in one database do not wait for each other.
 */
const sweepLock = "hashtextextended('flotilla sweep ' || current_schema(), 0)";

// A life that is late is dead only in the eyes of one that was never late itself for a whole lease, on a server that has
// been up for as long: after an outage everybody is late. One that commits, or beats, at this instant holds its row: it is
// left for the next time.
const declare = `WITH awake AS MATERIALIZED (SELECT 1 FROM orchestrator WHERE id = $1 AND expires_at > clock_timestamp()
    AND beating_since <= clock_timestamp() - $2 * interval '1 ms' AND pg_postmaster_start_time() <= clock_timestamp() - $2 * interval '1 ms'),
  dead AS MATERIALIZED (SELECT id FROM orchestrator WHERE EXISTS (SELECT 1 FROM awake) AND expires_at < clock_timestamp()
    ORDER BY id FOR UPDATE SKIP LOCKED),
  gone AS (DELETE FROM orchestrator o USING dead d WHERE o.id = d.id RETURNING o.id)
  INSERT INTO swept (boot, at) SELECT id, $3::bigint FROM gone ON CONFLICT DO NOTHING RETURNING boot`;

export async function sweep(db: Database, leaseMs: number, p: Parameters<SharedStore["sweep"]>[0]): Promise<Swept> {
  const lives = (await db.rows<{ boot: number }>(declare, [p.boot, leaseMs, p.now])).map((r) => r.boot);
  const dead = (await db.rows<{ boot: number }>("SELECT boot FROM swept ORDER BY boot")).map((r) => r.boot);
  await clearCompletions(db, p.slice);
  if (dead.length === 0) return { lives, ...none };
  return { lives, ...(await takeBack(db, dead, { now: p.now, slice: p.slice, by: p.boot })) };
}

/** Ends a life from within. What it held is ready, or parked, when this returns. */
export async function resign(
  db: Database,
  p: Parameters<SharedStore["resign"]>[0],
): Promise<{ readonly ready: readonly ReadyRow[] }> {
  // Waits for its own commits that are under way: they hold its row.
  await db.rows(
    `WITH gone AS (DELETE FROM orchestrator WHERE id = $1 RETURNING id)
     INSERT INTO swept (boot, at) SELECT id, $2::bigint FROM gone ON CONFLICT DO NOTHING`,
    [p.boot, p.now],
  );
  const ready: ReadyRow[] = [];
  for (;;) {
    const slice = await takeBack(db, [p.boot], { now: p.now, slice: sliceOfResign, by: null });
    ready.push(...slice.ready);
    if (!slice.more) return { ready };
  }
}

const none = { ready: [], parked: 0, completed: [], more: false } as const;

interface Taken {
  readonly task: number;
  readonly lease_no: number;
  readonly top: number;
  readonly worker: number;
  readonly attempt: number;
  readonly crashes: number;
  readonly alone: number;
  readonly claimed_at: number;
}

async function takeBack(
  db: Database,
  dead: readonly number[],
  /** `by`: the life that sweeps; null: its own last act, which waits for its turn. */
  o: { readonly now: number; readonly slice: number; readonly by: number | null },
): Promise<Omit<Swept, "lives">> {
  // Without locks: only which runs to lock.
  const found = await db.rows<{ task: number; lease_no: number; run: number | null }>(
    `SELECT r.task, r.lease_no, t.run FROM running r LEFT JOIN task t ON t.id = r.task
     WHERE r.orchestrator = ANY($1::bigint[]) AND (NOT $3 OR NOT EXISTS (SELECT 1 FROM completion c WHERE c.task = r.task))
     ORDER BY r.task, r.lease_no LIMIT $2`,
    // Completed tasks are left to a life that goes on.
    [dead, o.slice + 1, o.by === null],
  );
  const more = found.length > o.slice;
  const slice = found.slice(0, o.slice);
  return await db.transaction(async (tx) => {
    if (!(await takeTurn(tx, o.by === null))) return none;
    await lockRuns(
      tx,
      slice.map((r) => r.run).filter((run) => run !== null),
    );
    const completed = await takeOver(tx, slice, { dead, boot: o.by });
    const taken = await tx.rows<Taken>(
      `DELETE FROM running r USING unnest($1::bigint[], $2::int[]) w(task, lease_no)
       WHERE r.task = w.task AND r.lease_no = w.lease_no AND r.orchestrator = ANY($3::bigint[])
         AND NOT EXISTS (SELECT 1 FROM completion c WHERE c.task = r.task)
       RETURNING r.task, r.lease_no, r.top, r.worker, r.attempt, r.crashes, r.alone, r.claimed_at`,
      [slice.map((r) => r.task), slice.map((r) => r.lease_no), dead],
    );
    const back = await giveBack(tx, taken, o.now);
    if (!more) {
      await releaseCalls(tx, { dead, now: o.now });
      await forget(tx, dead, o.now);
    }
    return { ...back, completed, more };
  });
}

async function takeTurn(tx: Sql, wait: boolean): Promise<boolean> {
  if (!wait) return (await tx.row<{ mine: boolean }>(`SELECT pg_try_advisory_xact_lock(${sweepLock}) AS mine`))?.mine ?? false;
  await tx.rows(`SELECT pg_advisory_xact_lock(${sweepLock})`);
  return true;
}

async function giveBack(tx: Sql, taken: readonly Taken[], now: number): Promise<{ ready: readonly ReadyRow[]; parked: number }> {
  if (taken.length === 0) return { ready: [], parked: 0 };
  const column = <K extends keyof Taken>(rows: readonly Taken[], key: K) => rows.map((r) => r[key]);
  await tx.run(
    `INSERT INTO attempt (task, lease_no, attempt, worker, started_at, ended_at, how)
     SELECT a.task, a.lease_no, a.attempt, a.worker, a.started_at, $6::bigint, $7::text
     FROM unnest($1::bigint[], $2::int[], $3::int[], $4::bigint[], $5::bigint[]) a(task, lease_no, attempt, worker, started_at)`,
    [
      column(taken, "task"),
      column(taken, "lease_no"),
      column(taken, "attempt"),
      column(taken, "worker"),
      column(taken, "claimed_at"),
      now,
      how,
    ],
  );
  // The last row of a task takes it back: while another attempt of it lives, it is where that one is.
  const last = [...new Map(taken.toSorted((a, b) => a.lease_no - b.lease_no).map((r) => [r.task, r])).values()];
  const alive = new Set(
    (
      await tx.rows<{ task: number }>("SELECT DISTINCT task FROM running WHERE task = ANY($1::bigint[])", [column(last, "task")])
    ).map((r) => r.task),
  );
  const free = last.filter((r) => !alive.has(r.task));
  // Idle: it has nothing to run for.
  const idle = new Set(
    (
      await tx.rows<{ task: number }>("UPDATE gate SET armed = 2 WHERE task = ANY($1::bigint[]) AND armed = 1 RETURNING task", [
        column(free, "task"),
      ])
    ).map((r) => r.task),
  );
  const standing = "unnest($1::bigint[], $2::int[], $3::int[], $4::int[], $5::smallint[]) s(task, top, attempt, crashes, alone)";
  const values = (rows: readonly Taken[]) => [
    column(rows, "task"),
    column(rows, "top"),
    column(rows, "attempt"),
    column(rows, "crashes"),
    column(rows, "alone"),
    now,
  ];
  const parked = await tx.run(
    `INSERT INTO parked (task, lease_no, attempt, crashes, since) SELECT s.task, s.top, s.attempt - 1, s.crashes, $6::bigint FROM ${standing}`,
    values(free.filter((r) => idle.has(r.task))),
  );
  const ready = await tx.rows<RawReady>(
    `INSERT INTO ready (lane, prio, pass, task, lease_no, attempt, crashes, alone, since)
     SELECT t.lane, t.prio, t.pass, t.id, s.top, s.attempt - 1, s.crashes, s.alone, $6::bigint FROM ${standing} JOIN task t ON t.id = s.task
     RETURNING lane, prio, pass, task, lease_no AS "leaseNo", attempt, crashes, alone, since`,
    values(free.filter((r) => !idle.has(r.task))),
  );
  await addDepth(tx, nobody, countByLane(ready).set(parkedLane, parked));
  return { ready: ready.map(readyRow), parked };
}

/** What else ended lives have left; they themselves when nothing runs under their name any more. */
async function forget(tx: Sql, dead: readonly number[], now: number): Promise<void> {
  await tx.run("UPDATE worker SET left_at = $2, left_how = $3 WHERE orchestrator = ANY($1::bigint[]) AND left_at IS NULL", [
    dead,
    now,
    how,
  ]);
  await tx.run("DELETE FROM notice WHERE boot = ANY($1::bigint[])", [dead]);
  await tx.run(
    `WITH gone AS (DELETE FROM lane_depth WHERE boot = ANY($1::bigint[]) RETURNING lane, tasks)
     INSERT INTO lane_depth (lane, boot, tasks) SELECT lane, ${nobody}, sum(tasks)::bigint FROM gone GROUP BY lane ORDER BY lane
     ON CONFLICT (lane, boot) DO UPDATE SET tasks = lane_depth.tasks + excluded.tasks`,
    [dead],
  );
  await tx.run(
    "DELETE FROM swept s WHERE s.boot = ANY($1::bigint[]) AND NOT EXISTS (SELECT 1 FROM running r WHERE r.orchestrator = s.boot)",
    [dead],
  );
}
