// What belongs to a task and to a run, and so goes with it. A new table is one line.
import type { Sql } from "../sql.ts";

export interface Belonging {
  readonly table: string;
  /** The column that names the owner. */
  readonly by: string;
  /** Tells the owner's rows apart, where it may have many: those are deleted so many at a time. */
  readonly many?: string;
}

export const ofTask: readonly Belonging[] = [
  { table: "step", by: "task", many: "act" },
  { table: "emit", by: "task", many: "act" },
  { table: "attempt", by: "task", many: "lease_no" },
  { table: "wait", by: "task", many: "act" },
  { table: "sent", by: "task", many: "act" },
  { table: "message", by: "task", many: "id" },
  { table: "outcome", by: "task" },
  { table: "gate", by: "task" },
  { table: "cancel_job", by: "task" },
  { table: "continued", by: "task" },
  { table: "expiry", by: "task" },
  { table: "completion", by: "task" },
  // Few rows: a schedule's next tick clears those of runs that have ended.
  { table: "schedule_open", by: "task" },
];

export const ofRun: readonly Belonging[] = [
  { table: "event", by: "run", many: "cursor" },
  { table: "run_stage", by: "run" },
  { table: "origin", by: "run" },
  { table: "run", by: "id" },
];

/** Deletes what belongs to `owners`, `left` rows of the many at most. @returns how many of those; all of `left` means that more may be there. */
export async function deleteBelongings(
  sql: Sql,
  belongings: readonly Belonging[],
  owners: readonly number[],
  left: number,
): Promise<number> {
  let rows = 0;
  for (const { table, by, many } of belongings) {
    if (many === undefined) continue;
    if (rows >= left) return left;
    rows += await sql.run(
      `DELETE FROM ${table} WHERE (${by}, ${many}) IN (SELECT ${by}, ${many} FROM ${table} WHERE ${by} = ANY($1::bigint[]) LIMIT $2)`,
      [owners, left - rows],
    );
  }
  // The owners are found again by their single rows, so these go last.
  if (rows >= left) return left;
  for (const { table, by, many } of belongings)
    if (many === undefined) await sql.run(`DELETE FROM ${table} WHERE ${by} = ANY($1::bigint[])`, [owners]);
  return rows;
}
