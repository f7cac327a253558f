import type { OutcomeStatus } from "../../core/task.ts";
import type { Spend } from "../../protocol/worker.ts";
import type { StoredEvent } from "../contract.ts";
import { eventTypes } from "./rows.ts";
import type { Inserter, Statements, Value } from "./statements.ts";

type Column = "total" | "succeeded" | "failed" | "canceled" | "quarantined" | "retried";
const columns: readonly Column[] = ["total", "succeeded", "failed", "canceled", "quarantined", "retried"];

interface Change {
  readonly run: number;
  readonly definition: number;
  readonly by: Record<Column, number>;
}

/**
 * What a batch changes about whole runs: stage counts, event cursors, money. Gathered while the batch is written, then
 * one statement for each run and stage: counts stay exact without a `count(*)`, and 500 siblings cost one update.
 */
export class RunChanges {
  readonly #sql: Statements;
  readonly #events: Inserter;
  readonly #stages = new Map<string, Change>();
  readonly #settled = new Map<number, { type: 1 | 2 | 3; task: number; act: number | null }[]>();
  readonly #spent = new Map<number, Spend>();

  constructor(sql: Statements, events: Inserter) {
    this.#sql = sql;
    this.#events = events;
  }

  count(run: number, definition: number, column: Column, by = 1): void {
    const key = `${run}:${definition}`;
    let change = this.#stages.get(key);
    if (!change) {
      change = { run, definition, by: { total: 0, succeeded: 0, failed: 0, canceled: 0, quarantined: 0, retried: 0 } };
      this.#stages.set(key, change);
    }
    change.by[column] += by;
  }

  settled(run: number, definition: number, task: number, status: OutcomeStatus): void {
    this.count(run, definition, status === "partial" ? "succeeded" : status === "stopped" ? "failed" : status);
    this.event(run, 1, task, null);
  }

  event(run: number, type: 1 | 2 | 3, task: number, act: number | null): void {
    const list = this.#settled.get(run);
    if (list) list.push({ type, task, act });
    else this.#settled.set(run, [{ type, task, act }]);
  }

  spend(run: number, spent: Spend | null): void {
    if (!spent) return;
    const sum = this.#spent.get(run) ?? { microUsd: 0, inputTokens: 0, outputTokens: 0 };
    this.#spent.set(run, {
      microUsd: sum.microUsd + spent.microUsd,
      inputTokens: sum.inputTokens + spent.inputTokens,
      outputTokens: sum.outputTokens + spent.outputTokens,
    });
  }

  /** Writes it all. @returns the events with their cursors. */
  write(): StoredEvent[] {
    for (const { run, definition, by } of this.#stages.values()) {
      this.#sql.run(
        `INSERT INTO run_stage (run, definition, ${columns.join(", ")}) VALUES (?,?,?,?,?,?,?,?)
         ON CONFLICT (run, definition) DO UPDATE SET ${columns.map((c) => `${c} = ${c} + excluded.${c}`).join(", ")}`,
        run,
        definition,
        by.total,
        by.succeeded,
        by.failed,
        by.canceled,
        by.quarantined,
        by.retried,
      );
    }
    for (const [run, s] of this.#spent) {
      this.#sql.run(
        `INSERT INTO run (id, micro_usd, input_tokens, output_tokens) VALUES (?,?,?,?) ON CONFLICT (id) DO UPDATE SET
         micro_usd = micro_usd + excluded.micro_usd, input_tokens = input_tokens + excluded.input_tokens, output_tokens = output_tokens + excluded.output_tokens`,
        run,
        s.microUsd,
        s.inputTokens,
        s.outputTokens,
      );
    }
    const events: StoredEvent[] = [];
    const flat: Value[] = [];
    for (const [run, list] of this.#settled) {
      const row = this.#sql.row<{ cursor: number }>(
        "INSERT INTO run (id, cursor) VALUES (?,?) ON CONFLICT (id) DO UPDATE SET cursor = cursor + excluded.cursor RETURNING cursor",
        run,
        list.length,
      ) as { cursor: number };
      let cursor = row.cursor - list.length;
      for (const { type, task, act } of list) {
        cursor += 1;
        flat.push(run, cursor, type, task, act);
        events.push({ run, cursor, type: eventTypes[type], task, act });
      }
    }
    this.#events.insert(flat);
    return events;
  }
}
