import { readyRow, type RawReady } from "./rows.ts";
import type { Writing } from "./writing.ts";

/**
 * The next `n` numbers in the parent's order of delivery; the first one. Null when the parent has closed. What settles
 * wakes the parent, so its gate is no longer armed; one that was parked becomes ready.
 */
export function takeSeqs(w: Writing, parent: number, n: number): number | null {
  const row = w.sql.row<{ last_seq: number; armed: number }>(
    `UPDATE gate SET last_seq = last_seq + ?, armed = ${waking} WHERE task = ? RETURNING last_seq, armed`,
    n,
    parent,
  );
  if (!row) return null;
  if (row.armed === wasParked) unpark(w, parent);
  return row.last_seq - n + 1;
}

/**
 * The same for children that have settled, by their acts: null for each that belongs to an execution of the parent before
 * its last `continueAs`, or to a parent that has closed.
 */
export function takeChildSeqs(w: Writing, parent: number, acts: readonly number[]): readonly (number | null)[] {
  const first = acts.length === 1 ? (acts[0] as number) : Math.min(...acts);
  const count = (since: number, n: number) =>
    w.sql.row<{ last_seq: number; armed: number }>(
      `UPDATE gate SET last_seq = last_seq + ?, remaining = remaining - ?, armed = ${waking} WHERE task = ? AND base_act < ? RETURNING last_seq, armed`,
      n,
      n,
      parent,
      since,
    );
  let row = count(first, acts.length);
  let base = 0;
  if (!row) {
    const gate = w.sql.row<{ base_act: number }>("SELECT base_act FROM gate WHERE task = ?", parent);
    base = gate?.base_act ?? Number.POSITIVE_INFINITY;
    const mine = acts.filter((act) => act > base).length;
    if (mine > 0) row = count(base + 1, mine);
  }
  if (!row) return acts.map(() => null);
  if (row.armed === wasParked) unpark(w, parent);
  let seq = row.last_seq - acts.filter((act) => act > base).length;
  return acts.map((act) => (act > base ? ++seq : null));
}

/** In `UPDATE gate`: no longer idle; 3 says that it was parked. */
export const waking = "CASE armed WHEN 2 THEN 3 ELSE 0 END";
export const wasParked = 3;

/** A parked task comes back: it is ready, in the place that it has had from the start. */
export function unpark(w: Writing, task: number): void {
  const row = w.sql.row<RawReady>(
    `SELECT t.lane, t.prio, t.pass, p.task, p.lease_no AS leaseNo, p.attempt, p.crashes, 0 AS alone, ? AS since
     FROM parked p JOIN task t ON t.id = p.task WHERE p.task = ?`,
    w.now,
    task,
  );
  // One that a worker holds stays as it is, idle or not.
  if (!row) return;
  w.sql.run("UPDATE gate SET armed = 0 WHERE task = ?", task);
  w.sql.run("DELETE FROM parked WHERE task = ?", task);
  w.tables.ready.insert([row.lane, row.prio, row.pass, task, row.leaseNo, row.attempt, row.crashes, 0, w.now]);
  w.woken.push(readyRow(row));
}

/** An idle task leaves the workers' memory. @returns false when something has settled for it meanwhile. */
export function park(w: Writing, p: { task: number; leaseNo: number; attempt: number; crashes: number }): boolean {
  if (w.sql.run("UPDATE gate SET armed = 2 WHERE task = ? AND armed = 1", p.task) === 0) return false;
  w.sql.run(
    "INSERT INTO parked (task, lease_no, attempt, crashes, since) VALUES (?,?,?,?,?)",
    p.task,
    p.leaseNo,
    p.attempt,
    p.crashes,
    w.now,
  );
  return true;
}

/** The end of a task that may have children: those still under way are canceled, by a job that goes on in slices. */
export function closeGate(w: Writing, task: number, reason: string, force = false): void {
  const gate = w.sql.row<{ remaining: number; waits: number }>(
    "DELETE FROM gate WHERE task = ? RETURNING remaining, waits",
    task,
  );
  if (!gate) return;
  if (gate.waits > 0) w.sql.run("DELETE FROM wait WHERE task = ? AND ended_at IS NULL", task);
  if (gate.remaining > 0) cancelChildren(w, task, { upto: null, shielded: true, force, reason });
}

/** `shielded`: also children that a shield protects. `force`: also those that were told before, and unwind. */
export function cancelChildren(
  w: Writing,
  task: number,
  o: { upto: number | null; shielded: boolean; force: boolean; reason: string },
): void {
  w.sql.run(
    `INSERT INTO cancel_job (task, after_act, reason, at, upto, shielded) VALUES (?,0,?,?,?,?) ON CONFLICT (task) DO UPDATE SET
     after_act = 0, upto = CASE WHEN upto IS NULL OR excluded.upto IS NULL THEN NULL ELSE max(upto, excluded.upto) END,
     shielded = max(shielded, excluded.shielded)`,
    task,
    o.reason,
    w.now,
    o.upto,
    o.force ? 2 : o.shielded ? 1 : 0,
  );
}

/**
 * The next execution of a task: what was asked and settled before counts no more. A cancel that the last one had not
 * learned of is the first thing that the next one learns.
 */
export function renewGate(w: Writing, task: number, seen: number): void {
  const gate = w.sql.row<{ remaining: number; acts: number }>("SELECT remaining, acts FROM gate WHERE task = ?", task);
  if (!gate) return;
  w.sql.run(
    `UPDATE gate SET base_act = acts, base_seq = last_seq, remaining = 0, armed = 0, waits = 0, started_at = ?,
     last_seq = last_seq + (cancel_seq IS NOT NULL), cancel_seq = CASE WHEN cancel_seq IS NULL THEN NULL ELSE last_seq + 1 END
     WHERE task = ?`,
    w.now,
    task,
  );
  for (const m of w.sql.rows<{ name: string; value: string }>(
    "SELECT name, value FROM wait WHERE task = ? AND kind = 2 AND seq > ? AND status = 0 AND given_back = 0 ORDER BY seq DESC",
    task,
    seen,
  ))
    giveBack(w, task, m);
  w.sql.run("DELETE FROM step WHERE task = ?", task);
  w.sql.run("DELETE FROM wait WHERE task = ?", task);
  w.sql.run("DELETE FROM sent WHERE task = ?", task);
  if (gate.remaining > 0)
    cancelChildren(w, task, { upto: gate.acts, shielded: true, force: false, reason: "its parent has continued" });
}

/** A message that was bound to a wait and that no code will look at: before all others in the box. */
export function giveBack(w: Writing, task: number, m: { name: string; value: string }): void {
  w.sql.run(
    "INSERT INTO message (id, task, name, value, at) VALUES ((SELECT min(id) FROM message) - 1, ?, ?, ?, ?)",
    task,
    m.name,
    m.value,
    w.now,
  );
}
