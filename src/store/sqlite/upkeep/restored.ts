// A restored copy does not go on by itself: the original may still run, and would do the same work a second time.
import type { DatabaseSync } from "node:sqlite";
import { FlotillaError } from "../../../core/error.ts";
import { places } from "../places.ts";
import type { Statements } from "../statements.ts";

const mark = "restored_at";

/** @throws FLOTILLA_STORE_UNUSABLE while nobody has said that the copy may go on. */
export function refuseRestored(sql: Statements, path: string): void {
  const row = sql.row<{ value: number }>("SELECT value FROM upkeep WHERE name = ?", mark);
  if (!row) return;
  throw new FlotillaError("FLOTILLA_STORE_UNUSABLE", {
    path,
    problem: `it was restored at ${new Date(row.value).toISOString()} with open runs, which the original may still be working on`,
    fix: `when the original is stopped for good: flotilla db resume --store sqlite:${path}`,
  });
}

/** Marks a copy that holds open tasks. @returns how many. */
export function markRestored(db: DatabaseSync, now: number): number {
  const open = places.reduce(
    (n, table) => n + (db.prepare(`SELECT count(DISTINCT task) AS n FROM ${table}`).get() as { n: number }).n,
    0,
  );
  if (open > 0) db.prepare("INSERT OR REPLACE INTO upkeep (name, value) VALUES (?,?)").run(mark, now);
  return open;
}

/** It may go on. @returns false when nothing kept it from that. */
export function unmarkRestored(db: DatabaseSync): boolean {
  return db.prepare("DELETE FROM upkeep WHERE name = ?").run(mark).changes === 1;
}
