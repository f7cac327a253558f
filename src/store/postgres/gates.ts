import { parkedLane } from "./depth.ts";
import { readyRow, type RawReady } from "./rows.ts";
import { ints } from "./values.ts";
import { addTo, type Writing } from "./writing.ts";

/** In `UPDATE gate`: no longer idle; 3 says that it was parked. */
export const waking = "CASE armed WHEN 2 THEN 3 ELSE 0 END";
const wasParked = 3;

interface Taken {
  readonly last_seq: number;
  readonly armed: number;
}

/**
 * The next `n` numbers in the parent's order of delivery; the first one. Null when the parent has closed. What settles
 * wakes the parent, so its gate is no longer armed; one that was parked becomes ready.
 */
export async function takeSeqs(w: Writing, parent: number, n: number): Promise<number | null> {
  const row = await w.tx.row<Taken>(
    `UPDATE gate SET last_seq = last_seq + $1, armed = ${waking} WHERE task = $2 RETURNING last_seq, armed`,
    [n, parent],
  );
  if (!row) return null;
  if (row.armed === wasParked) unpark(w, [parent]);
  return row.last_seq - n + 1;
}

/**
 * The same for children that have settled, by their acts: null for each that belongs to an execution of the parent before
 * its last `continueAs`, or to a parent that has closed.
 */
export async function takeChildSeqs(w: Writing, parent: number, acts: readonly number[]): Promise<readonly (number | null)[]> {
  const row = await w.tx.row<Taken & { base_act: number; n: number }>(
    `WITH n AS (SELECT count(*)::int AS n FROM unnest($2::int[]) a(act), gate WHERE gate.task = $1 AND a.act > gate.base_act)
     UPDATE gate SET last_seq = last_seq + n.n, remaining = remaining - n.n, armed = ${waking} FROM n
     WHERE task = $1 AND n.n > 0 RETURNING last_seq, armed, base_act, n.n`,
    [parent, ints(acts)],
  );
  if (!row) return acts.map(() => null);
  if (row.armed === wasParked) unpark(w, [parent]);
  let seq = row.last_seq - row.n;
  return acts.map((act) => (act > row.base_act ? ++seq : null));
}

const comeBack = (of: string) => `WITH p AS (${of} RETURNING p.task, p.lease_no, p.attempt, p.crashes),
  g AS (UPDATE gate SET armed = 0 FROM p WHERE gate.task = p.task)
  INSERT INTO ready (lane, prio, pass, task, lease_no, attempt, crashes, alone, since)
  SELECT t.lane, t.prio, t.pass, p.task, p.lease_no, p.attempt, p.crashes, 0, $2::bigint FROM p JOIN task t ON t.id = p.task
  RETURNING lane, prio, pass, task, lease_no AS "leaseNo", attempt, crashes, alone, since`;
const unparkAll = comeBack("DELETE FROM parked p WHERE p.task = ANY($1::bigint[])");
const unparkMarked = comeBack(
  `DELETE FROM parked p USING gate m WHERE p.task = ANY($1::bigint[]) AND m.task = p.task AND m.armed = ${wasParked}`,
);

/** Parked tasks come back: they are ready, in the place that they have had from the start. One that a worker holds stays as it is. */
export function unpark(w: Writing, tasks: readonly number[]): void {
  if (tasks.length > 0) w.tx.later<RawReady>(unparkAll, [ints(tasks), w.now], (rows) => woken(w, rows));
}

/** Those of them whose gate a statement has marked as woken. */
export function unparkWoken(w: Writing, tasks: readonly number[]): void {
  if (tasks.length > 0) w.tx.later<RawReady>(unparkMarked, [ints(tasks), w.now], (rows) => woken(w, rows));
}

function woken(w: Writing, rows: readonly RawReady[]): void {
  for (const row of rows) {
    w.woken.push(readyRow(row));
    addTo(w.depth, parkedLane, -1);
    addTo(w.depth, row.lane, 1);
  }
}

/** `cancel_job`, from rows (task, reason, at, upto, shielded); `shielded`: of children that a shield protects, 2: by force. */
export const addJobs = `ON CONFLICT (task) DO UPDATE SET after_act = 0,
  upto = CASE WHEN cancel_job.upto IS NULL OR excluded.upto IS NULL THEN NULL ELSE greatest(cancel_job.upto, excluded.upto) END,
  shielded = greatest(cancel_job.shielded, excluded.shielded)`;

/**
 * The end of tasks that may have children: those still under way are canceled, by jobs that go on in slices. `of` selects
 * the tasks; `$1` the reason, `$2` the instant, `$3` the job's `shielded`.
 */
export const closeGatesOf = (of: string) => `WITH s AS (${of}),
  g AS (DELETE FROM gate USING s WHERE gate.task = s.task RETURNING gate.task, gate.remaining, gate.waits),
  x AS (DELETE FROM wait USING g WHERE g.waits > 0 AND wait.task = g.task AND wait.ended_at IS NULL)
  INSERT INTO cancel_job (task, after_act, reason, at, upto, shielded)
  SELECT g.task, 0, $1::text, $2::bigint, NULL, $3::smallint FROM g WHERE g.remaining > 0 ${addJobs}`;
const closeThese = closeGatesOf("SELECT t.task FROM unnest($4::bigint[]) t(task)");

export function closeGates(w: Writing, tasks: readonly number[], reason: string, force: boolean): void {
  if (tasks.length > 0) w.tx.later(closeThese, [reason, w.now, force ? 2 : 1, ints(tasks)]);
}

/** `shielded`: also children that a shield protects. `force`: also those that were told before, and unwind. */
export function cancelChildren(
  w: Writing,
  tasks: readonly number[],
  o: { upto: number | null; shielded: boolean; force: boolean; reason: string },
): void {
  if (tasks.length === 0) return;
  w.tx.later(
    `INSERT INTO cancel_job (task, after_act, reason, at, upto, shielded)
     SELECT t.task, 0, $2::text, $3::bigint, $4::int, $5::smallint FROM unnest($1::bigint[]) t(task) ${addJobs}`,
    [ints(tasks), o.reason, w.now, o.upto, o.force ? 2 : o.shielded ? 1 : 0],
  );
}

/**
 * The next execution of a task: what was asked and settled before counts no more. A cancel that the last one had not
 * learned of is the first thing that the next one learns.
 */
export async function renewGate(w: Writing, task: number, seen: number): Promise<void> {
  const gate = await w.tx.row<{ remaining: number; acts: number }>("SELECT remaining, acts FROM gate WHERE task = $1", [task]);
  if (!gate) return;
  w.tx.later(
    `UPDATE gate SET base_act = acts, base_seq = last_seq, remaining = 0, armed = 0, waits = 0, started_at = $1,
     last_seq = last_seq + CASE WHEN cancel_seq IS NULL THEN 0 ELSE 1 END,
     cancel_seq = CASE WHEN cancel_seq IS NULL THEN NULL ELSE last_seq + 1 END WHERE task = $2`,
    [w.now, task],
  );
  const unseen = await w.tx.rows<{ name: string; value: string }>(
    "SELECT name, value FROM wait WHERE task = $1 AND kind = 2 AND seq > $2 AND status = 0 AND given_back = 0 ORDER BY seq DESC",
    [task, seen],
  );
  for (const m of unseen) giveBack(w, task, m);
  for (const table of ["step", "wait", "sent"]) w.tx.later(`DELETE FROM ${table} WHERE task = $1`, [task]);
  if (gate.remaining > 0)
    cancelChildren(w, [task], { upto: gate.acts, shielded: true, force: false, reason: "its parent has continued" });
}

/** A message that was bound to a wait and that no code will look at: before all others in its task's box. */
export function giveBack(w: Writing, task: number, m: { name: string; value: string }): void {
  w.tx.later(
    `INSERT INTO message (task, id, name, value, at)
     SELECT $1::bigint, least(coalesce(min(id), 0), 0) - 1, $2::text, $3::text, $4::bigint FROM message WHERE task = $1::bigint`,
    [task, m.name, m.value, w.now],
  );
}
