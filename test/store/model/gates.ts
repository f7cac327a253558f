import type { StoredDelivery } from "../../../src/store/contract.ts";
import type { Gate } from "./disk.ts";
import { noticeHolder } from "./notices.ts";
import { readyRow } from "./tasks.ts";
import type { Writing } from "./writing.ts";

export type Told = Pick<StoredDelivery, "act" | "status" | "value" | "ref" | "error">;

/**
 * Tells a task what settled for it, at the next place in its order, and wakes it: it is no longer idle, and no longer parked.
 * @returns the place; null when the task has closed, and hears of nothing any more.
 */
export function tell(w: Writing, task: number, told: Told): number | null {
  const gate = w.rows.gates.get(task);
  if (!gate) return null;
  const seq = gate.lastSeq + 1;
  w.rows.gates.set(task, { ...gate, lastSeq: seq, armed: false });
  const { act, status, value, ref, error } = told;
  const delivery = { parent: task, seq, act, status, value, ref, error, at: w.now };
  w.deliveries.push(delivery);
  noticeHolder(w, task, { kind: "delivery", delivery });
  unpark(w, task);
  return seq;
}

/** The same of a child that held its parent's gate. One that an earlier execution asked for is nobody's any more. */
export function tellOfChild(w: Writing, parent: number, told: Told): number | null {
  const gate = w.rows.gates.get(parent);
  if (!gate || told.act <= gate.baseAct) return null;
  w.rows.gates.set(parent, { ...gate, remaining: gate.remaining - 1 });
  return tell(w, parent, told);
}

export function changeGate(w: Writing, task: number, change: Partial<Gate>): void {
  const gate = w.rows.gates.get(task);
  if (gate) w.rows.gates.set(task, { ...gate, ...change });
}

/** An idle task leaves the workers' memory. @returns false when it is not idle: something has settled for it. */
export function park(w: Writing, task: number, o: { leaseNo: number; attempt: number; crashes: number }): boolean {
  if (!w.rows.gates.get(task)?.armed) return false;
  changeGate(w, task, { armed: false });
  w.rows.places.set(task, { in: "parked", ...o, alone: false, since: w.now });
  return true;
}

/** A parked task comes back; any other is left where it is. */
export function unpark(w: Writing, task: number): void {
  const place = w.rows.places.get(task);
  if (place?.in !== "parked") return;
  wake(w, task, place);
}

/** Ready at once, and told to the orchestrator as a row. */
export function wake(w: Writing, task: number, o: { leaseNo: number; attempt: number; crashes: number }): void {
  const { leaseNo, attempt, crashes } = o;
  w.rows.places.set(task, { in: "ready", leaseNo, attempt, crashes, alone: false, since: w.now });
  w.woken.push(readyRow(w.rows, task));
}

/** A task ends: nobody waits for its waits, and children that are still under way are canceled. */
export function closeGate(w: Writing, task: number, reason: string, force = false): void {
  const gate = w.rows.gates.get(task);
  w.rows.gates.delete(task);
  for (const [key, wait] of w.rows.waits) if (wait.task === task && wait.endedAt === null) w.rows.waits.delete(key);
  if (gate && gate.remaining > 0) cancelChildren(w, task, { upto: null, shielded: true, force, reason });
}

/**
 * The next execution of a task: what was asked and settled before counts no more. A cancel that the last one was told of
 * is the first thing that the next one learns.
 */
export function renewGate(w: Writing, task: number, seen: number): void {
  const gate = w.rows.gates.get(task);
  if (!gate) return;
  const unseen = [...w.rows.waits.values()].filter(
    (x) => x.task === task && x.kind === "message" && x.status === "succeeded" && !x.givenBack && (x.seq ?? 0) > seen,
  );
  for (const x of unseen.toSorted((a, b) => (b.seq ?? 0) - (a.seq ?? 0))) giveBack(w, task, x);
  const { acts: baseAct, lastSeq: baseSeq } = gate;
  const cancel = gate.cancel && { ...gate.cancel, seq: baseSeq + 1 };
  const lastSeq = baseSeq + (cancel ? 1 : 0);
  changeGate(w, task, { baseAct, baseSeq, lastSeq, cancel, remaining: 0, armed: false, startedAt: w.now });
  for (const table of [w.rows.steps, w.rows.waits, w.rows.sent])
    for (const [key, row] of table) if (row.task === task) table.delete(key);
  if (gate.remaining > 0)
    cancelChildren(w, task, { upto: baseAct, shielded: true, force: false, reason: "its parent has continued" });
}

/** By a job that goes on in slices. One that is under way already begins again, and reaches as far as both would. */
export function cancelChildren(
  w: Writing,
  task: number,
  o: { upto: number | null; shielded: boolean; force: boolean; reason: string },
): void {
  const job = w.rows.cancelJobs.get(task) ?? { afterAct: 0, ...o };
  w.rows.cancelJobs.set(task, {
    afterAct: 0,
    upto: job.upto === null || o.upto === null ? null : Math.max(job.upto, o.upto),
    shielded: job.shielded || o.shielded,
    force: job.force || o.force,
    reason: job.reason,
  });
}

/** A message that was bound to a wait and that no code will look at: before all others in the box. */
export function giveBack(w: Writing, task: number, m: { readonly name: string | null; readonly value: string | null }): void {
  w.rows.messages.unshift({ task, name: m.name ?? "", value: m.value ?? "", key: null, taken: false });
}
