import type { Requeue } from "../../../src/store/contract.ts";
import { add, name, need, type Place } from "./disk.ts";
import { changeGate, park, renewGate, wake } from "./gates.ts";
import { count, spend } from "./runs.ts";
import { pinTask } from "./tasks.ts";
import { holdsLease, type Writing } from "./writing.ts";

/** Ends attempts whose task goes on. The lease number stays: the next claim counts on from it. */
export function writeRequeues(w: Writing, requeues: readonly Requeue[]): void {
  for (const r of requeues) {
    if (!holdsLease(w, r.lease)) {
      w.fenced.push(r.lease);
      continue;
    }
    const { task, leaseNo } = r.lease;
    const { attempt, worker, startedAt, how, error } = r;
    add(w.rows.attempts, name(task, leaseNo), { task, leaseNo, attempt, worker, startedAt, endedAt: w.now, how, error });
    if (r.pin) pinTask(w, task, r.lane);
    go(w, r);
    spend(w, r.run, r.spent);
    if (!r.isRoot && (how === "failed" || how === "timeout")) count(w, need(w.rows.tasks, task).row, "retried");
  }
}

/** To where it waits next. */
function go(w: Writing, { lease: { task, leaseNo }, error, next }: Requeue): void {
  const put = (place: Place) => {
    changeGate(w, task, { armed: false });
    w.rows.places.set(task, place);
  };
  switch (next.to) {
    case "ready":
      return put({ in: "ready", leaseNo, attempt: next.attempt, crashes: next.crashes, alone: next.alone, since: w.now });
    case "delayed":
      return put({ in: "delayed", leaseNo, attempt: next.attempt, crashes: next.crashes, alone: next.alone, dueAt: next.dueAt });
    case "held": {
      const { attempt, crashes, reason } = next;
      return put({ in: "held", leaseNo, attempt, crashes, alone: false, reason, error, since: w.now });
    }
    case "parked":
      if (!park(w, task, { leaseNo, attempt: next.attempt, crashes: next.crashes })) wake(w, task, { leaseNo, ...next });
      return;
    case "continued": {
      renewGate(w, task, next.seen);
      w.rows.bases.set(task, w.rows.gates.get(task)?.baseAct ?? 0);
      const stored = need(w.rows.tasks, task);
      w.rows.tasks.set(task, { ...stored, row: { ...stored.row, input: next.input, options: next.options } });
      return wake(w, task, { leaseNo, attempt: 0, crashes: 0 });
    }
  }
}
