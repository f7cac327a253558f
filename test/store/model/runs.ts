// What a commit changes about whole runs: exact counts by stage, numbered events, money.
import type { OutcomeStatus } from "../../../src/core/task.ts";
import type { Spend } from "../../../src/protocol/worker.ts";
import type { StageRow, StoredEvent, TaskRow } from "../../../src/store/contract.ts";
import { name } from "./disk.ts";
import type { Writing } from "./writing.ts";

export function count(w: Writing, t: Pick<TaskRow, "run" | "definition">, column: keyof Omit<StageRow, "definition">): void {
  const key = name(t.run, t.definition);
  const none = { total: 0, succeeded: 0, failed: 0, canceled: 0, quarantined: 0, retried: 0 };
  const stage = w.rows.stages.get(key) ?? { run: t.run, definition: t.definition, ...none };
  w.rows.stages.set(key, { ...stage, [column]: stage[column] + 1 });
}

/** Roots are not counted: their end is the run's. */
export function countEnd(w: Writing, t: TaskRow, status: OutcomeStatus): void {
  if (t.parent === null) return;
  count(w, t, status === "partial" ? "succeeded" : status === "stopped" ? "failed" : status);
  happened(w, t.run, { type: "settled", task: t.id, act: null });
}

/** The next event of a run. */
export function happened(w: Writing, run: number, what: Pick<StoredEvent, "type" | "task" | "act">): void {
  const cursor = (w.rows.cursors.get(run) ?? 0) + 1;
  w.rows.cursors.set(run, cursor);
  const event: StoredEvent = { run, cursor, ...what };
  w.rows.events.push(event);
  w.events.push(event);
}

export function spend(w: Writing, run: number, spent: Spend | null): void {
  if (!spent) return;
  const sum = w.rows.spent.get(run) ?? { microUsd: 0, inputTokens: 0, outputTokens: 0 };
  w.rows.spent.set(run, {
    microUsd: sum.microUsd + spent.microUsd,
    inputTokens: sum.inputTokens + spent.inputTokens,
    outputTokens: sum.outputTokens + spent.outputTokens,
  });
}
