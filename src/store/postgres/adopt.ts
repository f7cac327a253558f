// What a run takes over from an earlier one: a copy of the end, so that the earlier run may be pruned.
import { outcomeCodes } from "../../core/task.ts";
import type { Adopted, NewTask, StoredDelivery } from "../contract.ts";
import { takeSeqs } from "./gates.ts";
import { errorOf } from "../outcome-row.ts";
import type { Sql } from "./sql.ts";
import { ints } from "./values.ts";
import type { Writing } from "./writing.ts";

export type End = Pick<StoredDelivery, "status" | "value" | "ref" | "error">;

/** How tasks end that end as they begin, by their ids. */
export async function readEnds(sql: Sql, tasks: readonly NewTask[]): Promise<Map<number, End>> {
  const adopted = new Map<number, End>();
  const from = tasks.flatMap((t) => (t.adopts === null ? [] : [t.adopts]));
  if (from.length > 0) {
    const rows = await sql.rows<{ task: number; status: number; value: string | null; ref: string | null; error: string | null }>(
      "SELECT task, status, value, ref, error FROM outcome WHERE task = ANY($1::bigint[])",
      [ints(from)],
    );
    for (const { task, status, value, ref, error } of rows)
      adopted.set(task, { status: outcomeCodes[status] ?? "failed", value, ref, error: errorOf(error) });
  }
  return new Map(
    tasks.map((t): [number, End] => {
      if (t.adopts === null) return [t.id, { status: "failed", value: null, ref: null, error: t.refused }];
      const end = adopted.get(t.adopts);
      if (!end) throw new Error(`task ${t.adopts} is to be taken over and has no outcome`);
      return [t.id, end];
    }),
  );
}

/** After its own row is there. */
export async function adoptStep(w: Writing, task: number, act: number, from: Adopted): Promise<void> {
  const seq = await takeSeqs(w, task, 1);
  const row = await w.tx.row<{ value: string | null; ref: string | null; error: string | null }>(
    "SELECT value, ref, error FROM step WHERE task = $1 AND act = $2 AND seq IS NOT NULL",
    [from.task, from.act],
  );
  if (!row || seq === null) throw new Error(`step ${from.act} of task ${from.task} is to be taken over and has no result`);
  w.tx.later("UPDATE step SET seq = $1, ended_at = $2, value = $3, ref = $4, error = $5 WHERE task = $6 AND act = $7", [
    seq,
    w.now,
    row.value,
    row.ref,
    row.error,
    task,
    act,
  ]);
  const status = row.error === null ? "succeeded" : "failed";
  w.deliveries.push({ parent: task, seq, act, status, value: row.value, ref: row.ref, error: errorOf(row.error), at: w.now });
}
