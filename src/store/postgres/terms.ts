import type { NewTask, Terms } from "../contract.ts";
import { ints } from "./values.ts";
import type { Writing } from "./writing.ts";

/** What an `expiry` row closes its run for. */
export const expiryKinds = { deadline: 1, ttl: 2 } as const;

/** The rows that new runs have beside their own, because they were asked for. */
export function writeTerms(w: Writing, tasks: readonly NewTask[]): void {
  const bound = tasks.filter((t): t is NewTask & { terms: Terms } => t.terms !== null);
  if (bound.length === 0) return;
  const expiries: { at: number; task: number; kind: number }[] = [];
  for (const { id, claim, terms } of bound) {
    if (terms.deadlineAt !== null) expiries.push({ at: terms.deadlineAt, task: id, kind: expiryKinds.deadline });
    // Claimed at once: it has begun.
    if (terms.ttlAt !== null && claim === null) expiries.push({ at: terms.ttlAt, task: id, kind: expiryKinds.ttl });
  }
  if (expiries.length > 0)
    w.tx.later("INSERT INTO expiry (at, task, kind) SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::smallint[])", [
      ints(expiries.map((e) => e.at)),
      ints(expiries.map((e) => e.task)),
      ints(expiries.map((e) => e.kind)),
    ]);
  const scheduled = bound.filter((t) => t.terms.schedule !== null);
  if (scheduled.length > 0)
    w.tx.later("INSERT INTO schedule_open (schedule, task) SELECT * FROM unnest($1::bigint[], $2::bigint[])", [
      ints(scheduled.map((t) => t.terms.schedule)),
      ints(scheduled.map((t) => t.id)),
    ]);
}

/** The runs have ended: nothing is left to close. */
export function dropExpiries(w: Writing, tasks: readonly number[]): void {
  if (tasks.length > 0) w.tx.later("DELETE FROM expiry WHERE task = ANY($1::bigint[])", [ints(tasks)]);
}
