import { FlotillaError } from "../../../src/core/error.ts";
import type { CancelRequest, Closed } from "../../../src/store/contract.ts";
import { childrenOf, need, type Place } from "./disk.ts";
import { dropExpiries } from "./expiries.ts";
import { cancelChildren, changeGate, closeGate, tell, tellOfChild } from "./gates.ts";
import { noticeHolder } from "./notices.ts";
import { countEnd } from "./runs.ts";
import type { Writing } from "./writing.ts";

/** Cancels what was asked for, then goes on with the children of what was canceled or has ended, `slice` of them at most. */
export function writeCancels(w: Writing, requests: readonly CancelRequest[], slice: number): void {
  for (const { task, reason, once } of requests) cancelTask(w, task, reason, once !== true);
  let left = slice;
  while (left > 0 && w.rows.cancelJobs.size > 0) {
    const parent = Math.min(...w.rows.cancelJobs.keys());
    const job = need(w.rows.cancelJobs, parent);
    const next = childrenOf(w.rows, parent)
      .filter((c) => (c.row.act as number) > job.afterAct && (c.row.act as number) <= (job.upto ?? Infinity))
      .slice(0, left);
    // A full slice may be the last one: only a look that finds less knows that the job is done.
    if (next.length < left) w.rows.cancelJobs.delete(parent);
    else w.rows.cancelJobs.set(parent, { ...job, afterAct: next.at(-1)?.row.act as number });
    for (const child of next)
      if (!child.row.detached && (!child.shielded || job.shielded)) cancelTask(w, child.row.id, job.reason, job.force);
    left -= Math.max(next.length, 1);
  }
}

/** A workflow that has begun is told, once, and ends by itself; anything else is closed, by force also what was told. An outcome stays what it is. */
export function cancelTask(w: Writing, task: number, reason: string, force: boolean): void {
  const place = w.rows.places.get(task);
  if (!place) return;
  if (place.in === "outcome") {
    if (force) cancelChildren(w, task, { upto: null, shielded: true, force, reason });
    return;
  }
  const gate = w.rows.gates.get(task);
  if (!gate?.unwinds || place.in === "held") return closeTask(w, task, place, { ...canceled(reason), reason }, force);
  if (gate.cancel) {
    if (force) closeTask(w, task, place, { ...canceled(reason), reason }, force);
    return;
  }
  // Its code has no act 0. What it asks for from now on, to clean up, is not canceled.
  const seq = tell(w, task, { act: 0, ...canceled(reason) }) as number;
  changeGate(w, task, { cancel: { seq, reason, at: w.now } });
  if (gate.remaining > 0) cancelChildren(w, task, { upto: gate.acts, shielded: false, force: false, reason });
}

/** How a task is closed from outside. `reason` is what the tasks below are told. */
type Closing = Pick<Closed, "status" | "error" | "reason">;

/** Takes a task from wherever it is. */
export function closeTask(
  w: Writing,
  task: number,
  place: Exclude<Place, { in: "outcome" }>,
  { status, error, reason }: Closing,
  force: boolean,
): void {
  const { row } = need(w.rows.tasks, task);
  const told = { act: row.act as number, status, value: null, ref: null, error };
  const seq = row.parent === null || row.detached ? null : tellOfChild(w, row.parent, told);
  const ran = place.in === "running" ? place : null;
  noticeHolder(w, task, { kind: "closed", task, leaseNo: place.leaseNo, status, error, reason });
  w.rows.places.set(task, {
    in: "outcome",
    outcome: {
      task,
      leaseNo: place.leaseNo,
      status,
      attempt: place.attempt,
      worker: ran?.worker ?? null,
      seq,
      startedAt: ran?.claimedAt ?? null,
      finishedAt: w.now,
      value: null,
      ref: null,
      error,
      spent: null,
      gaps: null,
    },
  });
  closeGate(w, task, reason, force);
  dropExpiries(w, task);
  countEnd(w, row, status);
  const { run, parent, definition, lane } = row;
  w.closed.push({ task, run, parent, definition, leaseNo: place.leaseNo, status, error, reason, was: place.in, lane });
}

function canceled(reason: string) {
  const error = new FlotillaError("FLOTILLA_CANCELED", { by: reason }).toJSON();
  return { status: "canceled", value: null, ref: null, error } as const;
}
