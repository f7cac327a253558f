import { outcomeCodes } from "../../core/task.ts";
import type { PlanTally, Store } from "../contract.ts";
import type { Statements } from "./statements.ts";

/** Scopes end in `>`, so that the keys of one lie between it and the next letter. */
function endOf(scope: string): string {
  return `${scope.slice(0, -1)}?`;
}

export function openPlanReads(sql: Statements): Store["plans"] {
  return {
    rows: ({ task, name, limit }) =>
      sql
        .rows<{ act: number; value: string }>(
          "SELECT act, value FROM emit WHERE task = ? AND name = ? ORDER BY act DESC LIMIT ?",
          task,
          name,
          limit,
        )
        .toReversed(),
    // One walk over the children after the plan, whatever the number of its nodes. No node's id holds a `>`.
    tally: ({ parent, after, scope }) =>
      sql
        .rows<{ node: string; status: number | null; tasks: number; act: number }>(
          `SELECT substr(t.key, ?, instr(substr(t.key, ?) || '>', '>') - 1) AS node, o.status AS status, count(*) AS tasks, min(t.act) AS act
           FROM task t LEFT JOIN outcome o ON o.task = t.id
           WHERE t.parent = ? AND t.act > ? AND t.key >= ? AND t.key < ? GROUP BY node, o.status`,
          scope.length + 1,
          scope.length + 1,
          parent,
          after,
          scope,
          endOf(scope),
        )
        .map((r): PlanTally => ({
          node: r.node,
          status: r.status === null ? null : (outcomeCodes[r.status] ?? "failed"),
          tasks: r.tasks,
          act: r.act,
        })),
  };
}
