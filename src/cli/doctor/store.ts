// The database file: there, ours to write, whole. What it holds is not changed by looking; SQLite may leave an empty log
// beside it.
import { accessSync, constants, existsSync, statfsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fail, ok, warn } from "./check.ts";
import type { Check } from "./check.ts";

export function checkFile(path: string): Check {
  const folder = existingFolder(dirname(path));
  if (!existsSync(path)) {
    return can(folder, constants.W_OK)
      ? ok("store", `${path} is not there yet; flotilla up creates it`)
      : fail(
          "store",
          `${path} is not there, and ${folder} is not writable`,
          `chmod u+w ${folder}, or name another file: --store sqlite:PATH`,
        );
  }
  if (!statSync(path).isFile()) return fail("store", `${path} is no file`, "name a file: --store sqlite:PATH");
  if (!can(path, constants.R_OK))
    return fail("store", `this user may not read ${path}`, "run as its owner, or change its permissions");
  if (!can(path, constants.W_OK))
    return fail("store", `this user may not write ${path}`, "run as its owner, or change its permissions");
  // The log and the lock are files of their own.
  if (!can(folder, constants.W_OK))
    return fail("store", `${folder} is not writable; SQLite makes its log there`, `chmod u+w ${folder}`);
  return ok("store", `${path}, ${megabytes(statSync(path).size)}`);
}

/** Read-only, so it may look while a fleet works. */
export function checkContent(path: string): Check[] {
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path, { readOnly: true });
    const { v: version } = db.prepare("SELECT sqlite_version() AS v").get() as { v: string };
    const { journal_mode: mode } = db.prepare("PRAGMA journal_mode").get() as { journal_mode: string };
    const problems = (db.prepare("PRAGMA quick_check(3)").all() as { quick_check: string }[]).map((row) => row.quick_check);
    const whole = problems.length === 1 && problems[0] === "ok";
    return [
      mode === "wal"
        ? ok("sqlite", `${version}, WAL`)
        : warn("sqlite", `${version}, journal mode ${mode} instead of WAL`, "open it once with flotilla up, which sets it"),
      whole ? ok("integrity", "quick_check found nothing") : fail("integrity", problems.join("; "), ...restore(path)),
    ];
  } catch (error) {
    return [fail("integrity", `it cannot be read: ${(error as Error).message}`, ...restore(path))];
  } finally {
    db?.close();
  }
}

function restore(path: string): string[] {
  return ["restore a backup", `or save what can be read: sqlite3 ${path} .recover | sqlite3 recovered.db`];
}

const gib = 1024 ** 3;

export function checkDisk(path: string): Check {
  const { bavail, bsize } = statfsSync(existingFolder(dirname(path)));
  const free = bavail * bsize;
  const detail = `${(free / gib).toFixed(1)} GiB free`;
  if (free < gib / 10) return fail("disk", detail, "free some space: a store that cannot be written takes no work");
  return free < gib ? warn("disk", detail, "free some space before it is full") : ok("disk", detail);
}

function existingFolder(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : existingFolder(dirname(path));
}

function can(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}

function megabytes(bytes: number): string {
  return bytes < 1024 ** 2 ? `${Math.ceil(bytes / 1024)} KiB` : `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
}
