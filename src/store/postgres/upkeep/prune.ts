import { outcomeCode } from "../../../core/task.ts";
import type { PruneSlice, UpkeepStore } from "../../upkeep.ts";
import { namespace } from "../rows.ts";
import type { Sql } from "../sql.ts";
import { closedAmong, lockToDelete, nextJobs, Removal, type Job } from "./remove.ts";

const succeeded = [outcomeCode("succeeded"), outcomeCode("partial")];
/** Runs that are being deleted, looked at a slice. */
const jobsMax = 100;
/** Artifacts that lost their last use a while ago, a slice. */
const leftMax = 100;

interface Root {
  readonly id: number;
  readonly createdAt: number;
  readonly due: boolean;
  /** It has more than its root: children, emits or spending. */
  readonly wide: boolean;
}

/**
 * One slice of retention, inside a transaction. One life at a time: they would look at the same roots. What it means to
 * delete is found first, then all of it is locked in one statement, then it is judged by what is true by then.
 * @returns null when another life is at it.
 */
export async function pruneSlice(
  tx: Sql,
  p: Parameters<UpkeepStore["prune"]>[0],
  graceMs: number,
): Promise<PruneSlice | null> {
  const turn = await tx.row<{ mine: boolean }>(
    "SELECT pg_try_advisory_xact_lock(hashtextextended('flotilla prune ' || current_schema(), 0)) AS mine",
  );
  if (!turn?.mine) return null;
  const removal = new Removal(tx, p);
  const jobs = await nextJobs(tx, { purges: false, limit: jobsMax });
  const newest = Math.max(p.succeededBefore ?? 0, p.failedBefore ?? 0);
  const cursor = newest === 0 ? 0 : await readCursor(tx);
  const roots = newest === 0 ? [] : await readRoots(tx, p, cursor);
  const candidates = roots.filter((r) => r.due).map((r) => r.id);
  await lockToDelete(tx, [...jobs.map((j) => j.run), ...candidates]);
  const closed = await closedAmong(tx, candidates);
  await goOnWithJobs(removal, jobs);
  if (!removal.spent) await removal.expiredKeys();
  const ended = { count: 0, more: removal.spent || jobs.length === jobsMax };
  const looked = ended.more || newest === 0 ? ended : await walk(removal, { roots, closed, cursor, newest, page: p.slice });
  const late = await lateArtifacts(tx, graceMs);
  const { runs, tasks, unused } = removal;
  return {
    runs,
    tasks,
    unused: [...new Set([...unused, ...late])],
    looked: looked.count,
    more: looked.more || late.length === leftMax,
  };
}

async function readCursor(tx: Sql): Promise<number> {
  return (await tx.row<{ value: number }>("SELECT value FROM upkeep WHERE name = 'retention_cursor'"))?.value ?? 0;
}

function readRoots(tx: Sql, p: Parameters<UpkeepStore["prune"]>[0], cursor: number): Promise<Root[]> {
  return tx.rows<Root>(
    `SELECT t.id, t.created_at AS "createdAt",
       coalesce(o.finished_at < CASE WHEN o.status = ANY($4::int[]) THEN $5::bigint ELSE $6::bigint END, false) AS due,
       EXISTS (SELECT 1 FROM run r WHERE r.id = t.id) OR EXISTS (SELECT 1 FROM origin g WHERE g.run = t.id) AS wide
     FROM task t LEFT JOIN outcome o ON o.task = t.id WHERE t.namespace = $1 AND t.parent IS NULL AND t.id > $2 ORDER BY t.id LIMIT $3`,
    [namespace, cursor, p.slice, succeeded, p.succeededBefore, p.failedBefore],
  );
}

async function goOnWithJobs(removal: Removal, jobs: readonly Job[]): Promise<void> {
  for (const job of jobs) {
    if (removal.spent) return;
    if ((await removal.goOn(job)) === "later") return;
  }
}

/** Looks at the next roots after the cursor; at the end of those old enough, the cursor goes back to the first. */
async function walk(
  removal: Removal,
  o: {
    readonly roots: readonly Root[];
    readonly closed: ReadonlySet<number>;
    readonly cursor: number;
    readonly newest: number;
    readonly page: number;
  },
): Promise<{ count: number; more: boolean }> {
  const { roots, closed, cursor, newest, page } = o;
  const singles: number[] = [];
  let at = cursor;
  for (const root of roots) {
    if (removal.left <= singles.length) break;
    if (root.due && closed.has(root.id)) {
      if (!root.wide) singles.push(root.id);
      else {
        await removal.begin(root.id, false);
        await removal.goOn({ run: root.id, verified: 0, deleting: 0, purge: 0 });
      }
    }
    at = root.id;
  }
  // Ids follow time, roughly: each life takes them from blocks of its own. One young run ends nothing.
  const allYoung = roots.every((r) => r.createdAt >= newest);
  const more = roots.length === page && !allYoung;
  // What did not fit is met again: the cursor stays in front of it.
  if (!(await removal.singles(singles))) return { count: roots.length, more: true };
  const over = !more && at === (roots.at(-1)?.id ?? at);
  await removal.sql.run(
    `INSERT INTO upkeep (name, value) VALUES ('retention_cursor', $1)
     ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE upkeep.value <> excluded.value`,
    [over ? 0 : at],
  );
  // Spent: a wide run may have been begun and not ended.
  return { count: roots.length, more: !over || removal.spent };
}

/** Artifacts whose last use went so long ago that whoever put them since has said so. */
async function lateArtifacts(tx: Sql, graceMs: number): Promise<string[]> {
  const rows = await tx.rows<{ hash: string; used: boolean }>(
    `DELETE FROM artifact_left WHERE hash IN (SELECT hash FROM artifact_left WHERE at < clock_timestamp() - $1 * interval '1 ms' ORDER BY at LIMIT $2)
     RETURNING hash, EXISTS (SELECT 1 FROM artifact_use u WHERE u.hash = artifact_left.hash) AS used`,
    [graceMs, leftMax],
  );
  return rows.filter((r) => !r.used).map((r) => r.hash);
}
