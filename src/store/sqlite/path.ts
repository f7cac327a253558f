import { lstatSync, mkdirSync, readlinkSync, realpathSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { storeFailure } from "./failure.ts";

const linksMax = 40;
/** SQLite's code for a file that cannot be opened. */
const cannotOpen = 14;

/**
 * One spelling for one file, so that two names of it are seen to be the same store: through links, also through one whose
 * target is not there yet. A folder that is missing stays as it is written.
 */
export function realDatabasePath(path: string, links = 0): string {
  const full = resolve(path);
  const here = join(realFolder(dirname(full)), basename(full));
  if (links > linksMax || !lstatSync(here, { throwIfNoEntry: false })?.isSymbolicLink()) return here;
  return realDatabasePath(resolve(dirname(here), readlinkSync(here)), links + 1);
}

function realFolder(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** The same, with its folder created. @throws FLOTILLA_STORE_UNUSABLE */
export function canonicalPath(path: string): string {
  const full = resolve(path);
  try {
    mkdirSync(dirname(full), { recursive: true });
    return realDatabasePath(full);
  } catch (e) {
    throw storeFailure(Object.assign(e as Error, { errcode: cannotOpen }), full);
  }
}
