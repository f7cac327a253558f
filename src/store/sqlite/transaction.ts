import type { DatabaseSync } from "node:sqlite";
import { storeFailure } from "./failure.ts";
import type { Statements } from "./statements.ts";

/** What `work` writes is stored whole or not at all. @throws what SQLite threw, in our words. */
export function inTransaction<T>(db: DatabaseSync, sql: Statements, path: string, work: () => T): T {
  try {
    // IMMEDIATE: a deferred transaction that turns into a writer can fail with SQLITE_BUSY_SNAPSHOT
    sql.run("BEGIN IMMEDIATE");
    const result = work();
    sql.run("COMMIT");
    return result;
  } catch (e) {
    // A full disk may have rolled back by itself; then there is nothing to undo.
    if (db.isTransaction) sql.run("ROLLBACK");
    throw storeFailure(e, path);
  }
}
