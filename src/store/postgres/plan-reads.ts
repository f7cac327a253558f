import { outcomeCodes } from "../../core/task.ts";
import type { PlanTally, Store } from "../contract.ts";
import type { Sql } from "./sql.ts";

/** Scopes end in `>`, so that the keys of one lie between it and the next letter. */
function endOf(scope: string): string {
  return `${scope.slice(0, -1)}?`;
}

export function openPlanReads(sql: Sql): Store["plans"] {
  return {
    rows: async ({ task, name, limit }) =>
      (
        await sql.rows<{ act: number; value: string }>(
          "SELECT act, value FROM emit WHERE task = $1 AND name = $2 ORDER BY act DESC LIMIT $3",
          [task, name, limit],
        )
      ).toReversed(),
    // One walk over the children after the plan, whatever the number of its nodes. No node's id holds a `>`. By bytes: in
    // the order of a language `>` may mean nothing.
    tally: async ({ parent, after, scope }) => {
      const rows = await sql.rows<{ node: string; status: number | null; tasks: number; act: number }>(
        `SELECT split_part(substr(t.key, length($3::text) + 1), '>', 1) AS node, o.status::int AS status, count(*) AS tasks, min(t.act) AS act
         FROM task t LEFT JOIN outcome o ON o.task = t.id
         WHERE t.parent = $1 AND t.act > $2 AND t.key COLLATE "C" >= $3 AND t.key COLLATE "C" < $4 GROUP BY node, o.status`,
        [parent, after, scope, endOf(scope)],
      );
      return rows.map((r): PlanTally => ({ ...r, status: r.status === null ? null : (outcomeCodes[r.status] ?? "failed") }));
    },
  };
}
