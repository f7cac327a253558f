import type { OutcomeStatus } from "../../core/task.ts";
import type { Spend } from "../../protocol/worker.ts";
import type { StoredEvent } from "../contract.ts";
import { eventTypes } from "./rows.ts";
import type { Transaction } from "./transaction.ts";
import { ints } from "./values.ts";

const columns = ["total", "succeeded", "failed", "canceled", "quarantined", "retried"] as const;
type Column = (typeof columns)[number];

interface Stage {
  readonly run: number;
  readonly definition: number;
  readonly by: Record<Column, number>;
}
interface Run {
  readonly spent: { microUsd: number; inputTokens: number; outputTokens: number };
  readonly events: { type: 1 | 2 | 3; task: number; act: number | null }[];
}

const writeStages = `INSERT INTO run_stage (run, definition, ${columns.join(", ")})
  SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[])
  ON CONFLICT (run, definition) DO UPDATE SET ${columns.map((c) => `${c} = run_stage.${c} + excluded.${c}`).join(", ")}`;

const writeRuns = `INSERT INTO run (id, cursor, micro_usd, input_tokens, output_tokens)
  SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])
  ON CONFLICT (id) DO UPDATE SET cursor = run.cursor + excluded.cursor, micro_usd = run.micro_usd + excluded.micro_usd,
    input_tokens = run.input_tokens + excluded.input_tokens, output_tokens = run.output_tokens + excluded.output_tokens`;

const writeEvents = `INSERT INTO event (run, cursor, type, task, act)
  SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::smallint[], $4::bigint[], $5::int[])`;

/**
 * What a batch changes about whole runs: stage counts, event cursors, money. Gathered while the batch is written, then
 * three statements for all of it. How far a run's events are numbered is read when it is locked, so their numbers are known
 * without another look.
 */
export class RunChanges {
  readonly #cursors: ReadonlyMap<number, number>;
  readonly #stages = new Map<string, Stage>();
  readonly #runs = new Map<number, Run>();

  readonly #locked: ReadonlySet<number>;

  /** `cursors`: of the runs that have a row. `locked`: no others are changed. */
  constructor(cursors: ReadonlyMap<number, number>, locked: ReadonlySet<number>) {
    this.#cursors = cursors;
    this.#locked = locked;
  }

  /** The run has children: it gets its row. */
  born(run: number): void {
    if (!this.#cursors.has(run)) this.#run(run);
  }

  count(run: number, definition: number, column: Column): void {
    const key = `${run}:${definition}`;
    let stage = this.#stages.get(key);
    if (!stage) {
      stage = { run, definition, by: { total: 0, succeeded: 0, failed: 0, canceled: 0, quarantined: 0, retried: 0 } };
      this.#stages.set(key, stage);
    }
    stage.by[column] += 1;
  }

  settled(run: number, definition: number, task: number, status: OutcomeStatus): void {
    this.count(run, definition, status === "partial" ? "succeeded" : status === "stopped" ? "failed" : status);
    this.event(run, 1, task, null);
  }

  event(run: number, type: 1 | 2 | 3, task: number, act: number | null): void {
    this.#run(run).events.push({ type, task, act });
  }

  spend(run: number, spent: Spend | null): void {
    if (!spent) return;
    const sum = this.#run(run).spent;
    sum.microUsd += spent.microUsd;
    sum.inputTokens += spent.inputTokens;
    sum.outputTokens += spent.outputTokens;
  }

  /** Sends it all. @returns the events with their cursors. */
  write(tx: Transaction): StoredEvent[] {
    const stages = [...this.#stages.values()].toSorted((a, b) => a.run - b.run || a.definition - b.definition);
    if (stages.length > 0)
      tx.later(writeStages, [
        ints(stages.map((s) => s.run)),
        ints(stages.map((s) => s.definition)),
        ...columns.map((c) => ints(stages.map((s) => s.by[c]))),
      ]);
    const runs = [...this.#runs].toSorted(([a], [b]) => a - b);
    if (runs.length > 0)
      tx.later(writeRuns, [
        ints(runs.map(([id]) => id)),
        ints(runs.map(([, r]) => r.events.length)),
        ints(runs.map(([, r]) => r.spent.microUsd)),
        ints(runs.map(([, r]) => r.spent.inputTokens)),
        ints(runs.map(([, r]) => r.spent.outputTokens)),
      ]);
    const types: number[] = [];
    const events = runs.flatMap(([run, { events: list }]) => {
      let cursor = this.#cursors.get(run) ?? 0;
      return list.map(({ type, task, act }): StoredEvent => {
        types.push(type);
        return { run, cursor: ++cursor, type: eventTypes[type], task, act };
      });
    });
    if (events.length > 0)
      tx.later(writeEvents, [
        ints(events.map((e) => e.run)),
        ints(events.map((e) => e.cursor)),
        ints(types),
        ints(events.map((e) => e.task)),
        ints(events.map((e) => e.act)),
      ]);
    return events;
  }

  #run(id: number): Run {
    if (!this.#locked.has(id)) throw new Error(`run ${id} is to be changed without its lock`);
    let run = this.#runs.get(id);
    if (!run) {
      run = { spent: { microUsd: 0, inputTokens: 0, outputTokens: 0 }, events: [] };
      this.#runs.set(id, run);
    }
    return run;
  }
}
