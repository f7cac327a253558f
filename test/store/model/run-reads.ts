import type { OutcomeRow, RunRow, Store, TaskRow } from "../../../src/store/contract.ts";
import { name, type Disk, type Rows } from "./disk.ts";

export function openRunReads(disk: Disk): Store["runs"] {
  return {
    outcome: (id) => outcomeOf(disk.rows, id),
    ended({ id, secret }) {
      const row = disk.rows.tasks.get(id)?.row;
      if (!row || row.parent !== null || row.secret !== secret) return undefined;
      return outcomeOf(disk.rows, id);
    },
    get(id) {
      const row = disk.rows.tasks.get(id)?.row;
      return row?.parent === null ? runRow(disk.rows, row) : null;
    },
    list: ({ namespace, definition, status, before, limit }) =>
      [...disk.rows.tasks.values()]
        .map((t) => t.row)
        .filter((t) => t.namespace === namespace && t.parent === null)
        .filter((t) => before === null || t.id < before)
        .filter((t) => definition === null || t.definition === definition)
        .filter((t) => status === null || (outcomeOf(disk.rows, t.id)?.status ?? "running") === status)
        .toSorted((a, b) => b.id - a.id)
        .slice(0, limit)
        .map((t) => runRow(disk.rows, t)),
  };
}

function outcomeOf(rows: Rows, id: number): OutcomeRow | null {
  const place = rows.places.get(id);
  return place?.in === "outcome" ? place.outcome : null;
}

function runRow(rows: Rows, task: TaskRow): RunRow {
  return {
    task,
    outcome: outcomeOf(rows, task.id),
    origin: rows.origins.get(task.id) ?? null,
    cursor: rows.cursors.get(task.id) ?? 0,
    spent: rows.spent.get(task.id) ?? { microUsd: 0, inputTokens: 0, outputTokens: 0 },
    stages: [...rows.stages.values()]
      .filter((s) => s.run === task.id)
      .map(({ run: _, ...s }) => s)
      .toSorted((a, b) => a.definition - b.definition),
  };
}

export function openEventReads(disk: Disk): Store["events"] {
  return {
    after: ({ run, cursor, limit }) => disk.rows.events.filter((e) => e.run === run && e.cursor > cursor).slice(0, limit),
    emit({ task, act }) {
      const emit = disk.rows.emits.get(name(task, act));
      return emit ? { name: emit.name, value: emit.value, at: emit.at } : null;
    },
  };
}
