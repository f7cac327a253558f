// What a run takes over from an earlier one: a copy of the end, so that the earlier run may be pruned.
import { outcomeCodes } from "../../core/task.ts";
import type { Adopted, StoredDelivery } from "../contract.ts";
import { takeSeqs } from "./gates.ts";
import { errorOf } from "../outcome-row.ts";
import type { Writing } from "./writing.ts";

type End = Pick<StoredDelivery, "status" | "value" | "ref" | "error">;

export function adoptedEnd(w: Writing, task: number | null): End {
  const row = w.sql.row<{ status: number; value: string | null; ref: string | null; error: string | null }>(
    "SELECT status, value, ref, error FROM outcome WHERE task = ?",
    task,
  );
  if (!row) throw new Error(`task ${task} is to be taken over and has no outcome`);
  return { status: outcomeCodes[row.status] ?? "failed", value: row.value, ref: row.ref, error: errorOf(row.error) };
}

/** After its own row is there. */
export function adoptStep(w: Writing, task: number, act: number, from: Adopted): void {
  const seq = takeSeqs(w, task, 1);
  const row = w.sql.row<{ value: string | null; ref: string | null; error: string | null }>(
    "SELECT value, ref, error FROM step WHERE task = ? AND act = ? AND seq IS NOT NULL",
    from.task,
    from.act,
  );
  if (!row || seq === null) throw new Error(`step ${from.act} of task ${from.task} is to be taken over and has no result`);
  w.sql.run(
    "UPDATE step SET seq = ?, ended_at = ?, value = ?, ref = ?, error = ? WHERE task = ? AND act = ?",
    seq,
    w.now,
    row.value,
    row.ref,
    row.error,
    task,
    act,
  );
  const status = row.error === null ? "succeeded" : "failed";
  w.deliveries.push({ parent: task, seq, act, status, value: row.value, ref: row.ref, error: errorOf(row.error), at: w.now });
}
