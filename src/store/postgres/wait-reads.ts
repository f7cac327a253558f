import { waitKinds, type Store, type WaitKind, type WaitRow } from "../contract.ts";
import { errorOf } from "../outcome-row.ts";
import type { Sql } from "./sql.ts";

type RawWait = Omit<WaitRow, "kind" | "error"> & { readonly kind: number; readonly error: string | null };
const columns = 'task, act, kind, name, detail, begun_at AS "begunAt", due_at AS "dueAt", ended_at AS "endedAt", value, error';

function waitRow(r: RawWait): WaitRow {
  return { ...r, kind: waitKinds[r.kind] as WaitKind, error: errorOf(r.error) };
}

export function openWaitReads(sql: Sql): Pick<Store["tasks"], "waits" | "wait" | "approvals"> {
  const rows = async (rest: string, values: readonly unknown[]) =>
    (await sql.rows<RawWait>(`SELECT ${columns} FROM wait WHERE ${rest}`, values)).map(waitRow);
  return {
    waits: ({ task, limit }) => rows("task = $1 AND ended_at IS NULL ORDER BY act LIMIT $2", [task, limit]),
    wait: async ({ task, act }) => (await rows("task = $1 AND act = $2", [task, act]))[0] ?? null,
    approvals: ({ namespace, after, limit }) =>
      rows(
        `ended_at IS NULL AND kind = 3 AND (begun_at, task, act) > ($1, $2, $3)
           AND (SELECT t.namespace FROM task t WHERE t.id = wait.task) = $4 ORDER BY begun_at, task, act LIMIT $5`,
        [after?.begunAt ?? 0, after?.task ?? 0, after?.act ?? 0, namespace, limit],
      ),
  };
}
