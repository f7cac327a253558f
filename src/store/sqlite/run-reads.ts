import { outcomeCode, type OutcomeStatus } from "../../core/task.ts";
import type { Origin, RunRow, StageRow, Store } from "../contract.ts";
import { outcomeColumns, outcomeRow, type RawOutcome } from "../outcome-row.ts";
import { eventRow, taskColumns, taskRow, type RawEvent, type RawTask } from "./rows.ts";
import type { Statements, Value } from "./statements.ts";

export function openRunReads(sql: Statements): Store["runs"] {
  const outcome = (id: number) => {
    const row = sql.row<RawOutcome>(`SELECT ${outcomeColumns} FROM outcome o WHERE o.task = ?`, id);
    return row ? outcomeRow(row) : null;
  };
  return {
    outcome,
    ended({ id, secret }) {
      const row = sql.row<RawOutcome & { secret: string | null; parent: number | null }>(
        `SELECT t.secret, t.parent, ${outcomeColumns} FROM task t LEFT JOIN outcome o ON o.task = t.id WHERE t.id = ?`,
        id,
      );
      if (!row || row.parent !== null || row.secret !== secret) return undefined;
      return row.task === null ? null : outcomeRow(row);
    },
    get(id) {
      const task = sql.row<RawTask>(`SELECT ${taskColumns} FROM task t WHERE t.id = ? AND t.parent IS NULL`, id);
      return task ? runRow(sql, task, outcome(id)) : null;
    },
    list({ namespace, definition, status, before, limit }) {
      const filters: string[] = [];
      const values: Value[] = [];
      const add = (filter: string, ...v: Value[]) => {
        filters.push(filter);
        values.push(...v);
      };
      if (before !== null) add("t.id < ?", before);
      if (definition !== null) add("t.definition = ?", definition);
      if (status === "running") add("NOT EXISTS (SELECT 1 FROM outcome o WHERE o.task = t.id)");
      else if (status !== null)
        add("EXISTS (SELECT 1 FROM outcome o WHERE o.task = t.id AND o.status = ?)", outcomeCode(status as OutcomeStatus));
      const rows = sql.rows<RawTask>(
        `SELECT ${taskColumns} FROM task t WHERE t.namespace = ? AND t.parent IS NULL ${filters.map((f) => `AND ${f}`).join(" ")} ORDER BY t.id DESC LIMIT ?`,
        namespace,
        ...values,
        limit,
      );
      return rows.map((task) => runRow(sql, task, outcome(task.id)));
    },
  };
}

function runRow(sql: Statements, task: RawTask, outcome: RunRow["outcome"]): RunRow {
  const run = sql.row<{ cursor: number; micro_usd: number; input_tokens: number; output_tokens: number }>(
    "SELECT cursor, micro_usd, input_tokens, output_tokens FROM run WHERE id = ?",
    task.id,
  );
  const stages = run
    ? sql.rows<StageRow & Record<string, Value>>(
        "SELECT definition, total, succeeded, failed, canceled, quarantined, retried FROM run_stage WHERE run = ? ORDER BY definition",
        task.id,
      )
    : [];
  const origin = sql.row<Origin>("SELECT of_task AS task, of_run AS run, how FROM origin WHERE run = ?", task.id);
  return {
    task: taskRow(task),
    outcome,
    origin: origin ?? null,
    cursor: run?.cursor ?? 0,
    spent: { microUsd: run?.micro_usd ?? 0, inputTokens: run?.input_tokens ?? 0, outputTokens: run?.output_tokens ?? 0 },
    stages,
  };
}

export function openEventReads(sql: Statements): Store["events"] {
  return {
    after: ({ run, cursor, limit }) =>
      sql
        .rows<RawEvent>(
          "SELECT run, cursor, type, task, act FROM event WHERE run = ? AND cursor > ? ORDER BY cursor LIMIT ?",
          run,
          cursor,
          limit,
        )
        .map(eventRow),
    emit: ({ task, act }) =>
      sql.row<{ name: string; value: string; at: number }>(
        "SELECT name, value, at FROM emit WHERE task = ? AND act = ?",
        task,
        act,
      ) ?? null,
  };
}
