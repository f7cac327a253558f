import { readFileSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { FlotillaError } from "../../core/error.ts";
import { storeFailure } from "./failure.ts";

/**
 * One process owns an SQLite file: an exclusive transaction on `<db>.lock`, itself an empty database. SQLite's lock is a
 * POSIX lock, which the kernel frees at any death of the process; a file that merely exists would outlive a kill -9.
 * The owner's pid lies beside it, for the message only.
 */
export function lockDatabase(path: string): { release(): void } {
  const lockPath = `${path}.lock`;
  let db: DatabaseSync;
  try {
    db = new DatabaseSync(lockPath);
  } catch (e) {
    throw storeFailure(e, lockPath);
  }
  try {
    // The write is never committed: it makes a lock file that cannot be written say so, instead of locking nothing.
    db.exec("PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=MEMORY; BEGIN EXCLUSIVE; PRAGMA user_version=1");
  } catch (e) {
    db.close();
    const failure = storeFailure(e, lockPath);
    if ((failure as { code?: string }).code !== "FLOTILLA_STORE_LOCKED") throw failure;
    throw new FlotillaError("FLOTILLA_STORE_LOCKED", { path, pid: ownerOf(path) }, { cause: e });
  }
  try {
    writeFileSync(`${path}.pid`, String(process.pid));
  } catch {
    // For a message only: a full disk must not keep a fleet from its work.
  }
  return { release: () => db.close() };
}

/** The pid that the last owner wrote; null when unknown. */
export function ownerOf(path: string): number | null {
  try {
    return Number(readFileSync(`${path}.pid`, "utf8")) || null;
  } catch {
    return null;
  }
}
