import type { Sql } from "./sql.ts";

/**
 * Whoever changes rows of a run holds its root: all of them in one statement, in the order of their ids, before anything
 * else. What follows are statements of their own, each on what is true by then. @returns those that are there.
 */
export async function lockRuns(tx: Sql, runs: readonly number[]): Promise<ReadonlySet<number>> {
  const rows = await tx.rows<{ id: number }>("SELECT id FROM task WHERE id = ANY($1::bigint[]) ORDER BY id FOR NO KEY UPDATE", [
    runs,
  ]);
  return new Set(rows.map((r) => r.id));
}
