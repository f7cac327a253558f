import { outcomeCode, type OutcomeStatus } from "../../core/task.ts";
import type { Origin, RunRow, StageRow, Store } from "../contract.ts";
import { Params } from "./params.ts";
import { outcomeColumns, outcomeRow, type RawOutcome } from "../outcome-row.ts";
import { eventRow, taskColumns, taskRow, type RawEvent, type RawTask } from "./rows.ts";
import type { Sql } from "./sql.ts";

type RawRun = RawTask &
  Omit<RawOutcome, "task"> & {
    readonly task: number | null;
    readonly cursor: number | null;
    readonly runMicroUsd: number | null;
    readonly runInputTokens: number | null;
    readonly runOutputTokens: number | null;
    readonly ofTask: number | null;
    readonly ofRun: number | null;
    readonly how: Origin["how"] | null;
    readonly stages: readonly StageRow[] | null;
  };

/** All that a run's page shows, of a whole list in one round trip. */
const select = `SELECT ${taskColumns}, ${outcomeColumns}, r.cursor, r.micro_usd AS "runMicroUsd", r.input_tokens AS "runInputTokens",
    r.output_tokens AS "runOutputTokens", g.of_task AS "ofTask", g.of_run AS "ofRun", g.how,
    (SELECT json_agg(json_build_object('definition', s.definition, 'total', s.total, 'succeeded', s.succeeded, 'failed', s.failed,
      'canceled', s.canceled, 'quarantined', s.quarantined, 'retried', s.retried) ORDER BY s.definition) FROM run_stage s WHERE s.run = t.id) AS stages
  FROM task t LEFT JOIN outcome o ON o.task = t.id LEFT JOIN run r ON r.id = t.id LEFT JOIN origin g ON g.run = t.id`;

export function openRunReads(sql: Sql): Store["runs"] {
  return {
    async outcome(id) {
      const row = await sql.row<RawOutcome>(`SELECT ${outcomeColumns} FROM outcome o WHERE o.task = $1`, [id]);
      return row ? outcomeRow(row) : null;
    },
    async ended({ id, secret }) {
      const row = await sql.row<RawOutcome & { secret: string | null; parent: number | null; task: number | null }>(
        `SELECT t.secret, t.parent, ${outcomeColumns} FROM task t LEFT JOIN outcome o ON o.task = t.id WHERE t.id = $1`,
        [id],
      );
      if (!row || row.parent !== null || row.secret !== secret) return undefined;
      return row.task === null ? null : outcomeRow(row);
    },
    async get(id) {
      const row = await sql.row<RawRun>(`${select} WHERE t.id = $1 AND t.parent IS NULL`, [id]);
      return row ? runRow(row) : null;
    },
    async list({ namespace, definition, status, before, limit }) {
      const p = new Params();
      const filters = [`t.namespace = ${p.add(namespace)}`, "t.parent IS NULL"];
      if (before !== null) filters.push(`t.id < ${p.add(before)}`);
      if (definition !== null) filters.push(`t.definition = ${p.add(definition)}`);
      if (status === "running") filters.push("o.task IS NULL");
      else if (status !== null) filters.push(`o.status = ${p.add(outcomeCode(status as OutcomeStatus))}`);
      const text = `${select} WHERE ${filters.join(" AND ")} ORDER BY t.id DESC LIMIT ${p.add(limit)}`;
      return (await sql.rows<RawRun>(text, p.values)).map(runRow);
    },
  };
}

function runRow(r: RawRun): RunRow {
  return {
    task: taskRow(r),
    outcome: r.task === null ? null : outcomeRow(r as RawOutcome),
    origin: r.how === null ? null : { task: r.ofTask as number, run: r.ofRun as number, how: r.how },
    cursor: r.cursor ?? 0,
    spent: { microUsd: r.runMicroUsd ?? 0, inputTokens: r.runInputTokens ?? 0, outputTokens: r.runOutputTokens ?? 0 },
    stages: r.stages ?? [],
  };
}

export function openEventReads(sql: Sql): Store["events"] {
  return {
    after: async ({ run, cursor, limit }) =>
      (
        await sql.rows<RawEvent>(
          "SELECT run, cursor, type, task, act FROM event WHERE run = $1 AND cursor > $2 ORDER BY cursor LIMIT $3",
          [run, cursor, limit],
        )
      ).map(eventRow),
    emit: async ({ task, act }) =>
      (await sql.row<{ name: string; value: string; at: number }>(
        "SELECT name, value, at FROM emit WHERE task = $1 AND act = $2",
        [task, act],
      )) ?? null,
  };
}
