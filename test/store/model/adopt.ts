// What a run takes over from an earlier one: a copy of how it ended.
import type { Adopted, StoredDelivery } from "../../../src/store/contract.ts";
import { name, need, type Rows } from "./disk.ts";
import { tell } from "./gates.ts";
import { endWait } from "./waits.ts";
import type { Writing } from "./writing.ts";

export type End = Pick<StoredDelivery, "status" | "value" | "ref" | "error">;

export function adoptedEnd(rows: Rows, task: number): End {
  const place = need(rows.places, task);
  if (place.in !== "outcome") throw new Error(`task ${task} is to be taken over and has not ended`);
  const { status, value, ref, error } = place.outcome;
  return { status, value, ref, error };
}

export function adoptStep(w: Writing, task: number, act: number, from: Adopted): void {
  const earlier = need(w.rows.steps, name(from.task, from.act));
  if (earlier.seq === null) throw new Error(`step ${from.act} of task ${from.task} is to be taken over and has not ended`);
  const { value, ref, error } = earlier;
  const seq = tell(w, task, { act, status: error ? "failed" : "succeeded", value, ref, error });
  const step = need(w.rows.steps, name(task, act));
  w.rows.steps.set(name(task, act), { ...step, seq, endedAt: w.now, value, ref, error });
}

export function adoptWait(w: Writing, task: number, act: number, from: Adopted): void {
  const earlier = need(w.rows.waits, name(from.task, from.act));
  if (earlier.endedAt === null || earlier.error) throw new Error(`wait ${from.act} of task ${from.task} has not succeeded`);
  endWait(w, task, act, { status: "succeeded", value: earlier.value, error: null });
}
