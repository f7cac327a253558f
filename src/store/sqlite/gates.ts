import type { Writing } from "./writing.ts";

/**
 * The next `n` numbers in the parent's order of delivery; the first one. Null when the parent has closed. What settles
 * wakes the parent, so its gate is no longer armed.
 */
export function takeSeqs(w: Writing, parent: number, n: number, settledChildren: number): number | null {
  const row = w.sql.row<{ last_seq: number }>(
    "UPDATE gate SET last_seq = last_seq + ?, remaining = remaining - ?, armed = 0 WHERE task = ? RETURNING last_seq",
    n,
    settledChildren,
    parent,
  );
  return row ? row.last_seq - n + 1 : null;
}

/** The end of a task that may have children: those still under way are canceled, by a job that goes on in slices. */
export function closeGate(w: Writing, task: number, reason: string): void {
  const gate = w.sql.row<{ remaining: number }>("DELETE FROM gate WHERE task = ? RETURNING remaining", task);
  if (gate && gate.remaining > 0)
    w.sql.run("INSERT OR IGNORE INTO cancel_job (task, after_act, reason, at) VALUES (?,0,?,?)", task, reason, w.now);
}
