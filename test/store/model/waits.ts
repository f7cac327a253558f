import { FlotillaError, type ErrorJson } from "../../../src/core/error.ts";
import type { ActBatch, Answer } from "../../../src/store/contract.ts";
import { adoptWait } from "./adopt.ts";
import { add, name, type Rows, type Wait } from "./disk.ts";
import { giveBack, tell } from "./gates.ts";
import { takeMessage } from "./messages.ts";
import { happened } from "./runs.ts";
import type { Writing } from "./writing.ts";

interface End {
  readonly status: "succeeded" | "failed" | "canceled";
  readonly value: string | null;
  readonly error: ErrorJson | null;
}

/** Begins waits. One for a message that has arrived before ends at once. */
export function writeWaits(w: Writing, b: ActBatch): void {
  const { task } = b.lease;
  for (const a of b.waits) {
    const open = { givenBack: false, endedAt: null, seq: null, status: null, value: null, error: null };
    const { adopts, ...asked } = a;
    add(w.rows.waits, name(task, a.act), { task, begunAt: w.now, ...asked, ...open });
    if (a.kind === "approval" && !adopts) happened(w, b.run, { type: "approval", task, act: a.act });
  }
  for (const a of b.waits) if (a.adopts) adoptWait(w, task, a.act, a.adopts);
  for (const a of b.waits) {
    const value = a.kind === "message" && !a.adopts ? takeMessage(w, task, a.name) : undefined;
    if (value !== undefined) endWait(w, task, a.act, { status: "succeeded", value, error: null });
  }
}

/** What came of a wait, once. @returns false when there is none, or none that is open. */
export function endWait(w: Writing, task: number, act: number, end: End): boolean {
  const wait = w.rows.waits.get(name(task, act));
  if (!wait || wait.endedAt !== null) return false;
  const seq = tell(w, task, { act, ref: null, ...end });
  w.rows.waits.set(name(task, act), { ...wait, endedAt: w.now, seq, ...end });
  return true;
}

/** A wait whose code does not wait any more. */
export function cancelWait(w: Writing, task: number, act: number, reason: string): void {
  const error = new FlotillaError("FLOTILLA_CANCELED", { by: reason }).toJSON();
  if (endWait(w, task, act, { status: "canceled", value: null, error })) return;
  // Its message came first: it is the next wait's.
  const wait = w.rows.waits.get(name(task, act));
  if (wait?.kind !== "message" || wait.status !== "succeeded" || wait.givenBack) return;
  w.rows.waits.set(name(task, act), { ...wait, givenBack: true });
  const [open] = [...w.rows.waits.values()]
    .filter((x) => x.task === task && x.kind === "message" && x.name === wait.name && x.endedAt === null)
    .toSorted((a, b) => a.act - b.act);
  if (open) endWait(w, task, open.act, { status: "succeeded", value: wait.value, error: null });
  else giveBack(w, task, wait);
}

/** Timers end and other waits expire, the longest overdue first. */
export function endDueWaits(w: Writing, limit: number): void {
  const due = timedWaits(w.rows).filter((x) => x.dueAt <= w.now);
  for (const wait of due.slice(0, limit)) endWait(w, wait.task, wait.act, expiry(wait));
}

/** Open waits that end by the clock, the next one first. */
export function timedWaits(rows: Rows): (Wait & { readonly dueAt: number })[] {
  return [...rows.waits.values()]
    .flatMap((x) => (x.endedAt === null && x.dueAt !== null ? [{ ...x, dueAt: x.dueAt }] : []))
    .toSorted((a, b) => a.dueAt - b.dueAt || a.task - b.task || a.act - b.act);
}

function expiry(wait: Wait): End {
  switch (wait.kind) {
    case "timer":
      return { status: "succeeded", value: "null", error: null };
    case "message": {
      const where = { where: `ctx.waitFor(${wait.name})` };
      return {
        status: "failed",
        value: null,
        error: new FlotillaError("FLOTILLA_TIMEOUT", { after: "waitFor" }, where).toJSON(),
      };
    }
    case "approval":
      // The asker said what silence means.
      return (JSON.parse(wait.detail as string) as { expiry: End }).expiry;
  }
}

/** A person's word on an approval that is open. */
export function writeAnswers(w: Writing, answers: readonly Answer[]): void {
  for (const [index, { task, act, value, error }] of answers.entries()) {
    const wait = w.rows.waits.get(name(task, act));
    const end: End = { status: error ? "failed" : "succeeded", value, error };
    if (wait?.kind !== "approval" || !endWait(w, task, act, end)) w.unanswered.add(index);
  }
}
