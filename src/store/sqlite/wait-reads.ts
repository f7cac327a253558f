import { waitKinds, type Store, type WaitKind, type WaitRow } from "../contract.ts";
import { errorOf } from "../outcome-row.ts";
import type { Statements } from "./statements.ts";

type RawWait = Omit<WaitRow, "kind" | "error"> & { kind: number; error: string | null };
const columns = "task, act, kind, name, detail, begun_at AS begunAt, due_at AS dueAt, ended_at AS endedAt, value, error";

function waitRow(r: RawWait): WaitRow {
  return { ...r, kind: waitKinds[r.kind] as WaitKind, error: errorOf(r.error) };
}

export function openWaitReads(sql: Statements): Pick<Store["tasks"], "waits" | "wait" | "approvals"> {
  return {
    waits: ({ task, limit }) =>
      sql
        .rows<RawWait>(`SELECT ${columns} FROM wait WHERE task = ? AND ended_at IS NULL ORDER BY act LIMIT ?`, task, limit)
        .map(waitRow),
    wait: ({ task, act }) => {
      const row = sql.row<RawWait>(`SELECT ${columns} FROM wait WHERE task = ? AND act = ?`, task, act);
      return row ? waitRow(row) : null;
    },
    approvals: ({ namespace, after, limit }) =>
      sql
        .rows<RawWait>(
          `SELECT ${columns} FROM wait WHERE ended_at IS NULL AND kind = 3 AND (begun_at, task, act) > (?,?,?)
             AND (SELECT t.namespace FROM task t WHERE t.id = wait.task) = ? ORDER BY begun_at, task, act LIMIT ?`,
          after?.begunAt ?? 0,
          after?.task ?? 0,
          after?.act ?? 0,
          namespace,
          limit,
        )
        .map(waitRow),
  };
}
