import type { NewTask, Terms } from "../contract.ts";
import type { Writing } from "./writing.ts";

/** What an `expiry` row closes its run for. */
export const expiryKinds = { deadline: 1, ttl: 2 } as const;

/** The rows that a new run has beside its own, because it was asked for. */
export function writeTerms(w: Writing, t: NewTask, { deadlineAt, ttlAt, schedule }: Terms): void {
  const expire = (at: number, kind: number) => w.sql.run("INSERT INTO expiry (at, task, kind) VALUES (?,?,?)", at, t.id, kind);
  if (deadlineAt !== null) expire(deadlineAt, expiryKinds.deadline);
  // Claimed at once: it has begun.
  if (ttlAt !== null && t.claim === null) expire(ttlAt, expiryKinds.ttl);
  if (schedule !== null) w.sql.run("INSERT INTO schedule_open (schedule, task) VALUES (?,?)", schedule, t.id);
}

/** The run has ended: nothing is left to close. */
export function dropExpiries(w: Writing, task: number): void {
  w.sql.run("DELETE FROM expiry WHERE task = ?", task);
}
