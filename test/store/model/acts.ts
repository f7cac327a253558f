import type { ActBatch } from "../../../src/store/contract.ts";
import { adoptStep } from "./adopt.ts";
import { cancelTask } from "./cancels.ts";
import { add, childrenOf, name, need } from "./disk.ts";
import { changeGate, park, tell } from "./gates.ts";
import { writeSends } from "./messages.ts";
import { count, happened } from "./runs.ts";
import { firstEnd, giveBirth, pinTask } from "./tasks.ts";
import { cancelWait, writeWaits } from "./waits.ts";
import { holdsLease, type Writing } from "./writing.ts";

/** What running code asked for. An attempt that lost its lease changes nothing. */
export function writeActs(w: Writing, batches: readonly ActBatch[]): void {
  for (const b of batches) {
    if (!holdsLease(w, b.lease)) {
      w.fencedActs.push(b.lease);
      continue;
    }
    if (b.pin !== undefined) pinTask(w, b.lease.task, b.pin);
    openGate(w, b);
    for (const child of b.children) {
      count(w, child, "total");
      // Of a child that has ended before it began its parent is told like of any other; of a detached one nobody is.
      const end = firstEnd(w.rows, child);
      giveBirth(w, child, end && !child.detached ? tell(w, b.lease.task, { act: child.act as number, ...end }) : null);
    }
    writeSteps(w, b);
    for (const { act, key, askedAfter, name: what, value } of b.emits) {
      const { task } = b.lease;
      add(w.rows.emits, name(task, act), { task, act, key, askedAfter, name: what, value, at: w.now });
      happened(w, b.run, { type: "emit", task, act });
    }
    writeWaits(w, b);
    writeSends(w, b);
    for (const c of b.cancels) {
      const child = childrenOf(w.rows, b.lease.task).find((t) => t.row.act === c.act);
      if (child) cancelTask(w, child.row.id, c.reason, false);
      else cancelWait(w, b.lease.task, c.act, c.reason);
    }
    if (b.park) parkRunning(w, b.lease.task);
  }
}

/** Not an attempt's end: when it comes back it is the same one, under a new lease. */
function parkRunning(w: Writing, task: number): void {
  const place = need(w.rows.places, task);
  if (place.in !== "running") throw new Error(`task ${task} does not run`);
  const { leaseNo, attempt, crashes } = place;
  if (park(w, task, { leaseNo, attempt: attempt - 1, crashes })) w.parked.push(task);
}

/** From the first act on. What settles in this same batch wakes it again. */
function openGate(w: Writing, b: ActBatch): void {
  const { startedAt, unwinds } = b;
  const first = { remaining: 0, acts: 0, lastSeq: 0, armed: false, startedAt, baseAct: 0, baseSeq: 0, unwinds, cancel: null };
  const gate = w.rows.gates.get(b.lease.task) ?? first;
  const holding = b.children.filter((c) => !c.detached && !c.refused && c.adopts === null).length;
  w.rows.gates.set(b.lease.task, gate);
  changeGate(w, b.lease.task, {
    remaining: gate.remaining + holding,
    acts: Math.max(gate.acts, b.lastAct),
    // What settled for it earlier in this batch its worker cannot have seen.
    armed: b.armed && gate.lastSeq <= b.seen,
  });
}

function writeSteps(w: Writing, b: ActBatch): void {
  const { task } = b.lease;
  for (const { act, key, askedAfter } of b.steps) {
    const open = { seq: null, endedAt: null, value: null, ref: null, error: null };
    add(w.rows.steps, name(task, act), { task, act, key, askedAfter, ...open });
  }
  for (const s of b.steps) if (s.adopts) adoptStep(w, task, s.act, s.adopts);
  for (const { act, value, ref, error } of b.stepResults) {
    const step = w.rows.steps.get(name(task, act));
    // The first result counts.
    if (!step || step.seq !== null) continue;
    const seq = tell(w, task, { act, status: error ? "failed" : "succeeded", value, ref, error });
    w.rows.steps.set(name(task, act), { ...step, seq, endedAt: w.now, value, ref, error });
  }
}
