import { DatabaseSync } from "node:sqlite";
import type { Store } from "../contract.ts";
import { openAccess } from "./access.ts";
import { bootStore, nextTaskId } from "./boot.ts";
import { openBuilds } from "./builds.ts";
import { openCatalogue } from "./catalogue.ts";
import { commitBatch } from "./commit.ts";
import { storeFailure } from "./failure.ts";
import { lockDatabase } from "./lock.ts";
import { migrate } from "./migrate.ts";
import { openPlanReads } from "./plan-reads.ts";
import { openEventReads, openRunReads } from "./run-reads.ts";
import { openSchedules } from "./schedules.ts";
import { Statements } from "./statements.ts";
import { canonicalPath } from "./path.ts";
import { openTables } from "./tables.ts";
import { openUpkeep } from "./upkeep/open.ts";
import { openQueue, openTaskReads } from "./task-reads.ts";
import { openWebhooks } from "./webhooks.ts";

export interface SqliteOptions {
  /** A file, or `":memory:"`. Its folder is created. */
  readonly path: string;
  /** `power`: every commit is on the disk before it is acknowledged. `process`: survives a kill -9, not a power cut. @default "power" */
  readonly durability?: "power" | "process";
  /** Largest size of the file, in pages of 4 KiB; beyond it the store is full. @default what the disk has */
  readonly pagesMax?: number;
}

// Checkpoint after 4 MB of log, which is SQLite's own default: a short log is written in place again and again, a long one grows
// the file, and each growth costs the file system a journal entry (commits of 500 tasks: 0.63 ms at 16 MB, 0.40 ms at 4 MB).
const checkpointPages = 1_000;

/** @throws FLOTILLA_STORE_LOCKED, FLOTILLA_STORE_UNUSABLE, FLOTILLA_STORE_NEWER; then the file is as it was. */
export function openSqliteStore(o: SqliteOptions): Store {
  const durability = o.durability ?? "power";
  const path = o.path === ":memory:" ? o.path : canonicalPath(o.path);
  const lock = path === ":memory:" ? undefined : lockDatabase(path);
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path);
    db.exec(`PRAGMA journal_mode=WAL; PRAGMA synchronous=${durability === "power" ? "FULL" : "NORMAL"}; PRAGMA busy_timeout=5000;
      PRAGMA cache_size=-64000; PRAGMA temp_store=MEMORY; PRAGMA foreign_keys=OFF; PRAGMA wal_autocheckpoint=${checkpointPages}; PRAGMA journal_size_limit=67108864`);
    if (process.platform === "darwin" && durability === "power") db.exec("PRAGMA fullfsync=ON");
    if (o.pagesMax !== undefined) db.exec(`PRAGMA max_page_count=${Math.trunc(o.pagesMax)}`);
    const schema = migrate(db, path);
    return assemble(db, path, schema, durability, () => lock?.release());
  } catch (e) {
    db?.close();
    lock?.release();
    throw storeFailure(e, path);
  }
}

function assemble(db: DatabaseSync, path: string, schema: number, durability: "power" | "process", unlock: () => void): Store {
  const sql = new Statements(db);
  const tables = openTables(sql);
  let open = true;
  let nextTask: number | undefined;
  return {
    boot(p) {
      nextTask = undefined;
      return bootStore(db, sql, path, p);
    },
    commit: (batch) => commitBatch(db, sql, tables, path, batch),
    // In memory: its one owner gives out what lies above all tasks, and numbers that it never used are given out again.
    taskIds(count) {
      const first = nextTask ?? nextTaskId(sql);
      nextTask = first + count;
      return { first, count };
    },
    shared: null,
    catalogue: openCatalogue(db, sql, path),
    builds: openBuilds(db, sql, path),
    access: openAccess(db, sql, path),
    schedules: openSchedules(db, sql, path),
    webhooks: openWebhooks(db, sql, path),
    queue: openQueue(sql),
    tasks: openTaskReads(sql),
    runs: openRunReads(sql),
    events: openEventReads(sql),
    plans: openPlanReads(sql),
    upkeep: openUpkeep(db, sql, path),
    facts: { url: path === ":memory:" ? "memory" : `sqlite:${path}`, schema, durability },
    close() {
      if (!open) return;
      open = false;
      try {
        db.close();
      } finally {
        unlock();
      }
    },
  };
}
