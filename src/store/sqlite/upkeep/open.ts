import { backup, DatabaseSync } from "node:sqlite";
import { FlotillaError } from "../../../core/error.ts";
import type { UpkeepStore } from "../../upkeep.ts";
import { storeFailure } from "../failure.ts";
import type { Statements } from "../statements.ts";
import { refuseStranger } from "../stranger.ts";
import { inTransaction } from "../transaction.ts";
import { pruneSlice } from "./prune.ts";
import { purgeSlice } from "./purge.ts";
import { insertUses } from "./uses.ts";

/** 16 pages: more than the results that are held back at a time usually need, and nothing to a disk that has room. */
const probeBytes = 65_536;
/** Pages of a copy between two looks at the loop: 500 are 2 MB, about 2 ms. */
const copyPages = 500;

export function openUpkeep(db: DatabaseSync, sql: Statements, path: string): UpkeepStore {
  const write = <T>(boot: number, work: () => T): T =>
    inTransaction(db, sql, path, () => {
      refuseStranger(sql, path, boot);
      return work();
    });
  /** Freed pages are overwritten with zeros: what was purged cannot be read from the file. */
  const overwriting = <T>(work: () => T): T => {
    db.exec("PRAGMA secure_delete=ON");
    try {
      return work();
    } finally {
      db.exec("PRAGMA secure_delete=OFF");
    }
  };
  return {
    prune(p) {
      const slice = () => write(p.boot, () => pruneSlice(sql, p));
      return sql.row("SELECT 1 FROM prune_job WHERE purge = 1 LIMIT 1") ? overwriting(slice) : slice();
    },
    purge: (p) => overwriting(() => write(p.boot, () => purgeSlice(sql, p))),
    emptyLog() {
      const { busy } = db.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get() as { busy: number };
      return busy === 0;
    },
    use: ({ boot, uses }) => write(boot, () => insertUses(sql, uses)),
    unused: (hashes) => hashes.filter((hash) => !sql.row("SELECT 1 FROM artifact_use WHERE hash = ? LIMIT 1", hash)),
    probe({ boot }) {
      write(boot, () => sql.run("INSERT OR REPLACE INTO room (id, bytes) VALUES (1, zeroblob(?))", probeBytes));
      write(boot, () => sql.run("DELETE FROM room"));
    },
    copyTo: (file) => (path === ":memory:" ? refuseMemory(path) : copyDatabase(path, file)),
  };
}

async function refuseMemory(path: string): Promise<never> {
  throw new FlotillaError("FLOTILLA_STORE_UNUSABLE", {
    path,
    problem: "it is in memory, and has no file",
    fix: 'use a file: store: "sqlite:.flotilla/flotilla.db"',
  });
}

/**
 * Copies what is committed at this instant. From a connection of its own that holds one read transaction: the copy is not
 * begun anew by each commit meanwhile, and a commit never waits for it; the log grows until it is done. Never by reading
 * the file itself: closing it in the owner's process would drop the owner's locks.
 */
async function copyDatabase(from: string, to: string): Promise<{ readonly artifacts: readonly string[] }> {
  let source: DatabaseSync | undefined;
  try {
    source = new DatabaseSync(from, { readOnly: true, timeout: 5_000 });
    source.exec("BEGIN");
    source.prepare("SELECT count(*) FROM sqlite_schema").get();
    await backup(source, to, { rate: copyPages });
    const copy = new DatabaseSync(to);
    // One file, without a log beside it.
    try {
      copy.exec("PRAGMA journal_mode=DELETE");
      const uses = copy.prepare("SELECT DISTINCT hash FROM artifact_use ORDER BY hash").all() as { hash: string }[];
      return { artifacts: uses.map((u) => u.hash) };
    } finally {
      copy.close();
    }
  } catch (e) {
    throw storeFailure(e, from);
  } finally {
    source?.close();
  }
}
