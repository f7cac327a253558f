import { FlotillaError } from "../../../src/core/error.ts";
import type { NewTask } from "../../../src/store/contract.ts";
import { closeTask } from "./cancels.ts";
import { name, type Expiry, type Rows } from "./disk.ts";
import type { Writing } from "./writing.ts";

/** What binds a new run beside its row. One that was claimed at once has begun, so it has no ttl. */
export function writeTerms(w: Writing, { id, claim, terms }: NewTask): void {
  if (!terms) return;
  const expire = (kind: Expiry["kind"], at: number) => w.rows.expiries.set(name(id, kind), { at, task: id, kind });
  if (terms.deadlineAt !== null) expire("deadline", terms.deadlineAt);
  if (terms.ttlAt !== null && claim === null) expire("ttl", terms.ttlAt);
  if (terms.schedule !== null) w.rows.aloneOf.set(id, terms.schedule);
}

/** Closes runs whose time has passed; a ttl only those that no attempt was ever begun of. */
export function fireExpiries(w: Writing, limit: number): void {
  const due = expiries(w.rows).filter((e) => e.at <= w.now);
  for (const { task, kind } of due.slice(0, limit)) {
    w.rows.expiries.delete(name(task, kind));
    const place = w.rows.places.get(task);
    if (!place || place.in === "outcome") continue;
    const fresh = (place.in === "ready" || place.in === "delayed") && place.leaseNo === 0;
    if (kind === "ttl" && !fresh) continue;
    const error = new FlotillaError("FLOTILLA_TIMEOUT", { after: kind }).toJSON();
    closeTask(w, task, place, { status: "failed", error, reason: `the run's ${kind} has passed` }, true);
  }
}

/** The run has ended: nothing is left to close. */
export function dropExpiries(w: Writing, task: number): void {
  w.rows.expiries.delete(name(task, "deadline"));
  w.rows.expiries.delete(name(task, "ttl"));
}

/** The next one first. */
export function expiries(rows: Rows): Expiry[] {
  return [...rows.expiries.values()].toSorted((a, b) => a.at - b.at || a.task - b.task || (a.kind === "deadline" ? -1 : 1));
}
