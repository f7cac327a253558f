import { FlotillaError } from "../../core/error.ts";
import { outcomeCode } from "../../core/task.ts";
import type { CancelRequest, Closed } from "../contract.ts";
import { completedOf } from "./completions.ts";
import { delayedLane, parkedLane } from "./depth.ts";
import { cancelChildren, closeGates, takeChildSeqs, unparkWoken, waking } from "./gates.ts";
import { closedDetail, noticeKinds } from "./notices.ts";
import { errorText } from "./rows.ts";
import { dropExpiries } from "./terms.ts";
import { ints } from "./values.ts";
import { cancelWait } from "./waits.ts";
import { addTo, type Writing } from "./writing.ts";

export interface Target {
  readonly id: number;
  readonly run: number;
  readonly parent: number | null;
  readonly act: number | null;
  readonly definition: number;
  readonly lane: number;
  readonly prio: number;
  readonly pass: number;
  readonly detached: number;
}
export const targetColumns = "id, run, parent, act, definition, lane, prio, pass, detached";

/** Closes what was asked for, then goes on with the jobs that close the trees below, of the runs that are locked. */
export async function writeCancels(w: Writing, requests: readonly CancelRequest[], slice: number): Promise<void> {
  for (const { task, reason, once } of requests) {
    const target = await w.tx.row<Target>(`SELECT ${targetColumns} FROM task WHERE id = $1`, [task]);
    // One that was not there yet when the runs were looked for is not there.
    if (target && w.locked.has(target.run)) await cancelTasks(w, [target], reason, once !== true);
  }
  let left = slice;
  while (left > 0) {
    const job = await w.tx.row<{ task: number; after_act: number; reason: string; upto: number | null; shielded: number }>(
      `SELECT j.task, j.after_act, j.reason, j.upto, j.shielded FROM cancel_job j JOIN task t ON t.id = j.task
       WHERE t.run = ANY($1::bigint[]) ORDER BY j.task LIMIT 1`,
      [ints([...w.locked])],
    );
    if (!job) return;
    const children = await w.tx.rows<Target>(
      `SELECT ${targetColumns} FROM task WHERE parent = $1 AND act > $2 AND act <= $3 ORDER BY act LIMIT $4`,
      [job.task, job.after_act, job.upto ?? actMax, left],
    );
    const meant = children.filter((c) => c.detached === plain || (c.detached === shielded && job.shielded > 0));
    await cancelTasks(w, meant, job.reason, job.shielded === forced);
    if (children.length < left) w.tx.later("DELETE FROM cancel_job WHERE task = $1", [job.task]);
    else w.tx.later("UPDATE cancel_job SET after_act = $1 WHERE task = $2", [(children.at(-1) as Target).act, job.task]);
    left -= Math.max(children.length, 1);
  }
}

/** A parent's code stops a child of its own: however often it says so, the child is told once. */
export async function closeChild(w: Writing, parent: number, act: number, reason: string): Promise<void> {
  const target = await w.tx.row<Target>(`SELECT ${targetColumns} FROM task WHERE parent = $1 AND act = $2`, [parent, act]);
  if (target) await cancelTasks(w, [target], reason, false);
  else await cancelWait(w, parent, act, reason);
}

/** int4 */
const actMax = 2_147_483_647;
/** `task.detached` */
const plain = 0;
const shielded = 2;
/** `cancel_job.shielded` */
const forced = 2;

/**
 * Workflows that have begun are told, and end by themselves; anything else is closed. `force`: who was told before is
 * closed as well. Without it the end of a parent, which comes soon after its cancel, would cut off what its children undo.
 * None of `targets` lies below another.
 */
async function cancelTasks(w: Writing, targets: readonly Target[], reason: string, force: boolean): Promise<void> {
  if (targets.length === 0) return;
  const states = await w.tx.rows<{ id: number; held: boolean; unwinds: number | null; told: boolean }>(
    `SELECT t.id, EXISTS (SELECT 1 FROM held h WHERE h.task = t.id) AS held, g.unwinds, g.cancel_seq IS NOT NULL AS told
     FROM unnest($1::bigint[]) t(id) LEFT JOIN gate g ON g.task = t.id`,
    [ints(targets.map((t) => t.id))],
  );
  const stateOf = new Map(states.map((s) => [s.id, s]));
  const told: Target[] = [];
  const closed: Target[] = [];
  for (const t of targets) {
    const s = stateOf.get(t.id);
    if (s && !s.held && s.unwinds === 1 && !s.told) told.push(t);
    else if (!s || s.held || force || !s.told) closed.push(t);
  }
  tell(w, told, reason);
  await closeTasks(w, closed, canceled(reason), force);
}

function tell(w: Writing, targets: readonly Target[], reason: string): void {
  if (targets.length === 0) return;
  const ids = ints(targets.map((t) => t.id));
  const { error } = canceled(reason);
  w.tx.later<{ task: number; cancel_seq: number }>(
    `UPDATE gate SET last_seq = last_seq + 1, cancel_seq = last_seq + 1, cancel_reason = $2, cancel_at = $3, armed = ${waking}
     WHERE task = ANY($1::bigint[]) RETURNING task, cancel_seq`,
    [ids, reason, w.now],
    (rows) => {
      for (const { task, cancel_seq: seq } of rows)
        w.deliveries.push({ parent: task, seq, act: 0, status: "canceled", value: null, ref: null, error, at: w.now });
    },
  );
  unparkWoken(
    w,
    targets.map((t) => t.id),
  );
  // What was asked for by now; what it asks for while it unwinds is not meant.
  w.tx.later(
    `INSERT INTO cancel_job (task, after_act, reason, at, upto, shielded)
     SELECT task, 0, $2::text, $3::bigint, acts, 0 FROM gate WHERE task = ANY($1::bigint[]) AND remaining > 0
     ON CONFLICT (task) DO UPDATE SET after_act = 0,
       upto = CASE WHEN cancel_job.upto IS NULL THEN NULL ELSE greatest(cancel_job.upto, excluded.upto) END`,
    [ids, reason, w.now],
  );
}

/** How a task is closed from outside. `reason` is what the code that still runs and the tasks below are told. */
type Closing = Pick<Closed, "status" | "error" | "reason">;

function canceled(reason: string): Closing {
  return { status: "canceled", error: new FlotillaError("FLOTILLA_CANCELED", { by: reason }).toJSON(), reason };
}

interface Place {
  readonly was: Closed["was"];
  readonly task: number;
  readonly lease_no: number;
  readonly attempt: number;
  readonly worker: number | null;
  readonly claimed_at: number | null;
  readonly orchestrator: number | null;
}

const queues = ["delayed", "held", "parked"] as const;
const takeAway = `WITH t AS (SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::smallint[], $4::bigint[]) t(id, lane, prio, pass)),
  running_gone AS (DELETE FROM running r USING t WHERE r.task = t.id RETURNING r.task, r.lease_no, r.attempt, r.worker, r.claimed_at, r.orchestrator),
  ready_gone AS (DELETE FROM ready r USING t WHERE r.lane = t.lane AND r.prio = t.prio AND r.pass = t.pass AND r.task = t.id
    RETURNING r.task, r.lease_no, r.attempt),
  ${queues.map((q) => `${q}_gone AS (DELETE FROM ${q} r USING t WHERE r.task = t.id RETURNING r.task, r.lease_no, r.attempt)`).join(", ")}
  SELECT 'running' AS was, task, lease_no, attempt, worker, claimed_at, orchestrator FROM running_gone
  ${["ready", ...queues].map((q) => `UNION ALL SELECT '${q}', task, lease_no, attempt, NULL, NULL, NULL FROM ${q}_gone`).join(" ")}`;

/** Takes tasks from wherever they are. One that has an outcome already keeps it; by force, what unwinds below it is closed. */
export async function closeTasks(w: Writing, asked: readonly Target[], how: Closing, force: boolean): Promise<void> {
  if (asked.length === 0) return;
  // Too late for those: their success is committed, and their attempts' ends will settle it.
  const done = await completedOf(
    w,
    asked.map((t) => t.id),
  );
  const targets = asked.filter((t) => !done.has(t.id));
  const places = await w.tx.rows<Place>(takeAway, [
    ints(targets.map((t) => t.id)),
    ints(targets.map((t) => t.lane)),
    ints(targets.map((t) => t.prio)),
    ints(targets.map((t) => t.pass)),
  ]);
  const placeOf = new Map(places.map((p) => [p.task, p]));
  const gone = targets.filter((t) => !placeOf.has(t.id)).map((t) => t.id);
  if (force) cancelChildren(w, gone, { upto: null, shielded: true, force, reason: how.reason });
  const open = targets.flatMap((t) => {
    const place = placeOf.get(t.id);
    return place ? [{ t, place }] : [];
  });
  if (open.length === 0) return;
  dropExpiries(
    w,
    open.filter(({ t }) => t.parent === null).map(({ t }) => t.id),
  );
  const seqs = await seqsOf(
    w,
    open.map(({ t }) => t),
  );
  const { status, error } = how;
  for (const { t } of open) {
    const seq = seqs.get(t.id);
    if (seq !== undefined)
      w.deliveries.push({
        parent: t.parent as number,
        seq,
        act: t.act as number,
        status,
        value: null,
        ref: null,
        error,
        at: w.now,
      });
  }
  w.tx.later(
    `INSERT INTO outcome (task, lease_no, status, attempt, worker, seq, started_at, finished_at, error)
     SELECT o.task, o.lease_no, $1::smallint, o.attempt, o.worker, o.seq, o.started_at, $2::bigint, $3::text
     FROM unnest($4::bigint[], $5::int[], $6::int[], $7::bigint[], $8::int[], $9::bigint[]) o(task, lease_no, attempt, worker, seq, started_at)`,
    [
      outcomeCode(status),
      w.now,
      errorText(error),
      ints(open.map(({ t }) => t.id)),
      ints(open.map(({ place }) => place.lease_no)),
      ints(open.map(({ place }) => place.attempt)),
      ints(open.map(({ place }) => place.worker)),
      ints(open.map(({ t }) => seqs.get(t.id) ?? null)),
      ints(open.map(({ place }) => place.claimed_at)),
    ],
  );
  closeGates(
    w,
    open.map(({ t }) => t.id),
    how.reason,
    force,
  );
  for (const { t, place } of open) note(w, t, place, how);
}

/** Their places in their parents' order, of those that have one. */
async function seqsOf(w: Writing, targets: readonly Target[]): Promise<ReadonlyMap<number, number>> {
  const seqs = new Map<number, number>();
  const ordered = targets.filter((t) => t.parent !== null && t.detached !== 1);
  for (const [parent, children] of Map.groupBy(ordered, (t) => t.parent as number)) {
    const taken = await takeChildSeqs(
      w,
      parent,
      children.map((t) => t.act as number),
    );
    for (const [i, t] of children.entries()) {
      const seq = taken[i];
      if (seq !== null && seq !== undefined) seqs.set(t.id, seq);
    }
  }
  return seqs;
}

function note(w: Writing, t: Target, place: Place, how: Closing): void {
  const { was, lease_no: leaseNo, orchestrator } = place;
  if (was === "ready") addTo(w.depth, t.lane, -1);
  else if (was === "delayed") addTo(w.depth, delayedLane, -1);
  else if (was === "parked") addTo(w.depth, parkedLane, -1);
  if (t.parent !== null) w.runs.settled(t.run, t.definition, t.id, how.status);
  else w.webhooks.finished(t.run, how.status, how.error);
  w.closed.push({ task: t.id, run: t.run, parent: t.parent, definition: t.definition, leaseNo, ...how, was, lane: t.lane });
  if (orchestrator !== null && orchestrator !== w.boot)
    w.notices.push({
      boot: orchestrator,
      kind: noticeKinds.closed,
      task: t.id,
      leaseNo,
      seq: null,
      act: null,
      detail: closedDetail(how),
    });
}
