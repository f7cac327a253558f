import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { FlotillaError } from "../../core/error.ts";
import type { Store } from "../contract.ts";
import { openAccess } from "./access.ts";
import { nextTaskId, readBoot } from "./boot.ts";
import { openBuilds } from "./builds.ts";
import { openCatalogue } from "./catalogue.ts";
import { storeFailure } from "./failure.ts";
import { ownerOf } from "./lock.ts";
import { schemaKnown } from "./migrate.ts";
import { openPlanReads } from "./plan-reads.ts";
import { openSchedules } from "./schedules.ts";
import { openWebhooks } from "./webhooks.ts";
import { openEventReads, openRunReads } from "./run-reads.ts";
import { Statements } from "./statements.ts";
import { openQueue, openTaskReads } from "./task-reads.ts";
import { openUpkeep } from "./upkeep/open.ts";

/**
 * A store to look at: it takes no lock, migrates nothing and begins no life, so what it gives is what the last life left.
 * Every write is refused. A live owner is not read past: it knows more than its tables tell.
 * @throws FLOTILLA_STORE_LOCKED, FLOTILLA_STORE_UNUSABLE, FLOTILLA_STORE_NEWER
 */
export function openSqliteReader(path: string): Store {
  refuseOwned(path);
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path, { readOnly: true, timeout: 5_000 });
    const schema = (db.prepare("PRAGMA user_version").get() as { user_version: number }).user_version;
    refuseSchema(schema, path);
    return assemble(db, path, schema);
  } catch (e) {
    db?.close();
    throw storeFailure(e, path);
  }
}

function assemble(db: DatabaseSync, path: string, schema: number): Store {
  const sql = new Statements(db);
  return {
    // A life that never began: due tasks and cancels are left to a real one.
    boot: () => ({ ...readBoot(sql, { boot: 0, recovered: 0 }), nextDueAt: null, nextTickAt: null, cancelsLeft: false }),
    commit() {
      throw new FlotillaError("FLOTILLA_STORE_UNUSABLE", {
        path,
        problem: "it is open to be read only",
        fix: "open it with createFleet, or ask the fleet that owns it",
      });
    },
    taskIds: () => ({ first: nextTaskId(sql), count: 0 }),
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
    // What earlier lives asked of the disk is not written down.
    facts: { url: `sqlite:${path}`, schema, durability: "power" },
    close() {
      if (db.isOpen) db.close();
    },
  };
}

function refuseSchema(schema: number, path: string): void {
  const known = schemaKnown();
  if (schema === known) return;
  if (schema > known) throw new FlotillaError("FLOTILLA_STORE_NEWER", { path, schema, known });
  throw new FlotillaError("FLOTILLA_STORE_UNUSABLE", {
    path,
    problem: schema === 0 ? "it is not a store of ours, or an empty one" : `its schema is ${schema}, this version reads ${known}`,
    fix: schema === 0 ? "name another file: --store sqlite:PATH" : "open it once with flotilla up, which brings it up to date",
  });
}

/**
 * The lock itself is tried, since a pid may belong to another program by now; but only when that process lives: for the
 * microseconds of the try nobody could take the lock.
 */
function refuseOwned(path: string): void {
  const pid = ownerOf(path);
  if (!existsSync(`${path}.lock`) || (pid !== null && !isAlive(pid))) return;
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(`${path}.lock`, { readOnly: true });
    db.prepare("SELECT count(*) FROM sqlite_schema").get();
  } catch (e) {
    const { code } = storeFailure(e, path) as { code?: string };
    if (code === "FLOTILLA_STORE_LOCKED") throw new FlotillaError(code, { path, pid }, { cause: e });
  } finally {
    db?.close();
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (e) {
    return (e as NodeJS.ErrnoException).code === "EPERM";
  }
}
