import { FlotillaError } from "../../core/error.ts";

// SQLite's primary result codes (sqlite.org/rescode.html)
const busy = 5;
const readOnly = 8;
const ioError = 10;
const corrupt = 11;
const full = 13;
const cannotOpen = 14;
const notADatabase = 26;

/** What SQLite threw, in our words; anything else as it is. */
export function storeFailure(e: unknown, path: string): unknown {
  const code = (e as { errcode?: number }).errcode;
  if (typeof code !== "number") return e;
  const unusable = (problem: string, fix: string) =>
    new FlotillaError("FLOTILLA_STORE_UNUSABLE", { path, problem, fix }, { cause: e });
  switch (code & 0xff) {
    case busy:
      return new FlotillaError("FLOTILLA_STORE_LOCKED", { path, pid: null }, { cause: e });
    case readOnly:
      return unusable("it is read-only", "give this user write permission on the file and its folder");
    case ioError:
      return unusable(`the disk answered with an error (${code})`, "check the disk; then `flotilla doctor`");
    case corrupt:
      return unusable("it is damaged", "restore a backup, or move the file away and start fresh");
    case notADatabase:
      return unusable("it is not a database", "name another file; this one was not touched");
    case full:
      return new FlotillaError("FLOTILLA_STORE_FULL", { path }, { cause: e });
    case cannotOpen:
      return unusable("it cannot be opened", "create its folder, and give this user write permission there");
    default:
      return e;
  }
}
