import type { NewTask, ReadyRow, TaskRow } from "../../../src/store/contract.ts";
import { adoptedEnd, type End } from "./adopt.ts";
import { add, childrenOf, name, need, type Place, type Rows } from "./disk.ts";
import { expiries, writeTerms } from "./expiries.ts";
import { countEnd } from "./runs.ts";
import { timedWaits } from "./waits.ts";
import type { Writing } from "./writing.ts";

/** Roots: each is born, unless its idempotency key has a run already. */
export function writeRoots(w: Writing, tasks: readonly NewTask[]): void {
  const before = new Set(w.rows.tasks.keys());
  for (const [index, t] of tasks.entries()) {
    if (t.idempotency) {
      const key = keyOf(t, t.idempotency.key);
      const taken = w.rows.keys.get(key);
      if (taken) {
        // A run of this same batch has no secret to tell yet: whoever sent the batch knows it.
        const secret = before.has(taken.task) ? (need(w.rows.tasks, taken.task).row.secret ?? "") : "";
        w.existing.set(index, { task: taken.task, secret, inputHash: taken.inputHash });
        continue;
      }
      w.rows.keys.set(key, { task: t.id, inputHash: t.idempotency.inputHash });
    }
    giveBirth(w, t, null);
  }
}

/** Keys are a definition's own within a namespace. */
export function keyOf(t: NewTask, key: string): string {
  return `${t.namespace} ${name(t.definition, key)}`;
}

/** Puts a task where it belongs: closed when it was refused, running when claimed at once, delayed, else ready. */
export function giveBirth(w: Writing, t: NewTask, seq: number | null): void {
  const {
    inputHash,
    askedAfter,
    shielded,
    refused: _,
    claim: __,
    dueAt: ___,
    idempotency: ____,
    adopts: _____,
    origin,
    terms: ______,
    ...row
  } = t;
  if (t.parent !== null && childrenOf(w.rows, t.parent).some((c) => c.row.act === t.act))
    throw new Error(`task ${t.parent} has a child with act ${t.act} already`);
  add(w.rows.tasks, t.id, { row, inputHash, askedAfter, shielded });
  add(w.rows.places, t.id, firstPlace(w, t, seq));
  if (origin) add(w.rows.origins, t.id, origin);
  const end = firstEnd(w.rows, t);
  if (end) countEnd(w, row, end.status);
  else writeTerms(w, t);
}

/** How a task has ended before it began: refused, or as another one that it takes over. */
export function firstEnd(rows: Rows, t: NewTask): End | null {
  if (t.refused) return { status: "failed", value: null, ref: null, error: t.refused };
  return t.adopts === null ? null : adoptedEnd(rows, t.adopts);
}

function firstPlace(w: Writing, t: NewTask, seq: number | null): Place {
  const fresh = { leaseNo: 0, attempt: 0, crashes: 0, alone: false };
  const end = firstEnd(w.rows, t);
  if (end) {
    return {
      in: "outcome",
      outcome: {
        task: t.id,
        leaseNo: 0,
        attempt: 0,
        worker: null,
        seq,
        startedAt: null,
        finishedAt: w.now,
        ...end,
        spent: null,
        gaps: null,
      },
    };
  }
  if (t.claim !== null)
    return { in: "running", ...fresh, leaseNo: 1, attempt: 1, boot: w.boot, worker: t.claim, claimedAt: w.now };
  if (t.dueAt !== null) return { in: "delayed", ...fresh, dueAt: t.dueAt };
  return { in: "ready", ...fresh, since: w.now };
}

/** Delayed tasks whose time has come are ready, the longest overdue first. */
export function promoteDue(w: Writing, limit: number): void {
  const due = delayedTasks(w.rows).filter((d) => d.dueAt <= w.now);
  for (const { task, dueAt: _, ...standing } of due.slice(0, limit)) {
    w.rows.places.set(task, { ...standing, in: "ready", since: w.now });
    w.due.push(readyRow(w.rows, task));
  }
}

/** The next one first. */
export function delayedTasks(rows: Rows): (Extract<Place, { in: "delayed" }> & { readonly task: number })[] {
  const delayed = [];
  for (const [task, place] of rows.places) if (place.in === "delayed") delayed.push({ task, ...place });
  return delayed.toSorted((a, b) => a.dueAt - b.dueAt || a.task - b.task);
}

/** When the clock will have something to do. */
export function nextDue(rows: Rows): number | null {
  const times = [delayedTasks(rows)[0]?.dueAt, timedWaits(rows)[0]?.dueAt, expiries(rows)[0]?.at].filter(
    (at) => at !== undefined,
  );
  return times.length === 0 ? null : Math.min(...times);
}

/** The lane that a task is in from here on. */
export function pinTask(w: Writing, task: number, lane: number): void {
  const stored = need(w.rows.tasks, task);
  w.rows.tasks.set(task, { ...stored, row: { ...stored.row, lane } });
}

/** A ready task as dispatch sees it. */
export function readyRow(rows: Rows, task: number): ReadyRow {
  const place = need(rows.places, task);
  if (place.in !== "ready") throw new Error(`task ${task} is not ready`);
  const { lane, prio, pass }: TaskRow = need(rows.tasks, task).row;
  const { leaseNo, attempt, crashes, alone, since } = place;
  return { task, lane, prio, pass, leaseNo, attempt, crashes, alone, since };
}
