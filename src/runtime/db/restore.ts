// Puts a backup where a store is to be. Nothing is overwritten, everything is compared with the manifest, and the database
// gets its name last.
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { copyFile, mkdir, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { FlotillaError } from "../../core/error.ts";
import { fileFailure, hashOfFile } from "../../orchestrator/upkeep/backup.ts";
import { manifestName, type Manifest } from "../../protocol/backup.ts";
import { fileArtifacts } from "../../store/artifacts/files.ts";
import { lockDatabase } from "../../store/sqlite/lock.ts";
import { schemaKnown } from "../../store/sqlite/migrate.ts";
import { markRestored, unmarkRestored } from "../../store/sqlite/upkeep/restored.ts";

export interface RestoreReply {
  readonly path: string;
  readonly schema: number;
  readonly takenAt: string;
  readonly artifacts: number;
  /** Tasks that are open in the copy. */
  readonly open: number;
  /** A fleet may work on it. False: it has open tasks, and nobody has said that the original is gone. */
  readonly resumed: boolean;
}

/** @throws FLOTILLA_CONFIG_INVALID when there is a store already, FLOTILLA_STORE_UNUSABLE when the backup is not whole, FLOTILLA_STORE_NEWER */
export async function restoreStore(
  folder: string,
  path: string,
  o: { readonly resume: boolean; readonly now: number },
): Promise<RestoreReply> {
  refuseTaken(path);
  const manifest = await readManifest(folder);
  const known = schemaKnown();
  if (manifest.schema > known) throw new FlotillaError("FLOTILLA_STORE_NEWER", { path: folder, schema: manifest.schema, known });
  const database = join(folder, manifest.database.file);
  const aside = `${path}.${randomUUID()}.part`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await copyFile(database, aside);
    if ((await hashOfFile(aside)) !== manifest.database.sha256)
      throw damaged(folder, "its database is not what the manifest says");
    const from = fileArtifacts(`${database}.artifacts`);
    for (const { sha256 } of manifest.artifacts) {
      await from.copy(sha256, `${path}.artifacts`).catch((e: unknown) => {
        throw (e as { code?: string }).code === "FLOTILLA_NOT_FOUND"
          ? damaged(folder, `artifact ${sha256} is missing or damaged`)
          : e;
      });
    }
    const open = marked(aside, o);
    await rename(aside, path);
    const { schema, takenAt } = manifest;
    return { path, schema, takenAt, artifacts: manifest.artifacts.length, open, resumed: o.resume || open === 0 };
  } catch (e) {
    await rm(aside, { force: true });
    // There was none before: refuseTaken.
    await rm(`${path}.artifacts`, { recursive: true, force: true });
    throw fileFailure(e, path);
  }
}

/** A restored copy may go on: the original is gone. @returns false when nothing kept it. @throws FLOTILLA_STORE_LOCKED */
export function resumeStore(path: string): boolean {
  const lock = lockDatabase(path);
  try {
    const db = new DatabaseSync(path);
    try {
      return unmarkRestored(db);
    } finally {
      db.close();
    }
  } finally {
    lock.release();
  }
}

function marked(file: string, o: { readonly resume: boolean; readonly now: number }): number {
  const db = new DatabaseSync(file);
  try {
    const open = markRestored(db, o.now);
    if (o.resume) unmarkRestored(db);
    return open;
  } finally {
    db.close();
  }
}

function refuseTaken(path: string): void {
  const there = [path, `${path}-wal`, `${path}.artifacts`].find((file) => existsSync(file));
  if (there === undefined) return;
  throw new FlotillaError("FLOTILLA_CONFIG_INVALID", {
    field: "store",
    problem: `${there} is there already`,
    fix: "restore to a name that is free, or move the old store away with all files beside it",
  });
}

async function readManifest(folder: string): Promise<Manifest> {
  let manifest: Manifest;
  try {
    manifest = JSON.parse(await readFile(join(folder, manifestName), "utf8")) as Manifest;
  } catch (e) {
    throw damaged(folder, `its ${manifestName} cannot be read: ${(e as Error).message}`);
  }
  // A manifest is a file that anybody may have written: what it names must lie in its folder.
  const whole =
    manifest.format === 1 &&
    Number.isInteger(manifest.schema) &&
    /^[\w.-]+$/.test(manifest.database?.file) &&
    Array.isArray(manifest.artifacts);
  if (!whole) throw damaged(folder, `its ${manifestName} is not one of a backup that this version knows`);
  return manifest;
}

function damaged(folder: string, problem: string): FlotillaError {
  return new FlotillaError("FLOTILLA_STORE_UNUSABLE", { path: folder, problem, fix: "restore another backup" });
}
