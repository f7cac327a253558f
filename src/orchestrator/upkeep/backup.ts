// A copy of a store in a folder: its tables as they were at one instant, the artifacts that they refer to, and a manifest
// by which a restore knows that it has all of it, unchanged.
import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, isAbsolute, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { FlotillaError, isFlotillaError } from "../../core/error.ts";
import { version } from "../../core/version.ts";
import { manifestName, type BackupReply, type Manifest } from "../../protocol/backup.ts";
import type { ArtifactStore } from "../../store/artifact-store.ts";
import type { Store } from "../../store/contract.ts";

export const databaseName = "flotilla.db";

/**
 * Writes the folder aside and names it at the end: what has its name is whole.
 * @throws FLOTILLA_CONFIG_INVALID when the folder is there already, FLOTILLA_STORE_FULL when it does not fit.
 */
export async function backupStore(
  o: { readonly store: Store; readonly artifacts: Pick<ArtifactStore, "copy">; readonly now: number },
  folder: string,
): Promise<BackupReply> {
  await refuseTaken(folder);
  const aside = `${folder}.${randomUUID()}.part`;
  try {
    await mkdir(aside, { recursive: true, mode: 0o700 });
    const file = join(aside, databaseName);
    const { artifacts: hashes } = await o.store.upkeep.copyTo(file);
    const artifacts: Manifest["artifacts"][number][] = [];
    const missing: string[] = [];
    for (const hash of hashes) {
      try {
        artifacts.push({ sha256: hash, bytes: await o.artifacts.copy(hash, `${file}.artifacts`) });
      } catch (e) {
        // A copy of what is left is better than none; the manifest says what is not.
        if (!isFlotillaError(e, "FLOTILLA_NOT_FOUND")) throw e;
        missing.push(hash);
      }
    }
    const database = { file: databaseName, bytes: (await stat(file)).size, sha256: await hashOfFile(file) };
    const manifest: Manifest = {
      format: 1,
      flotilla: version,
      schema: o.store.facts.schema,
      store: o.store.facts.url,
      takenAt: new Date(o.now).toISOString(),
      database,
      artifacts,
      missing,
    };
    await writeSynced(join(aside, manifestName), `${JSON.stringify(manifest, null, 2)}\n`);
    await syncFile(file);
    await rename(aside, folder);
    await syncFile(dirname(folder));
    const bytes = artifacts.reduce((sum, a) => sum + a.bytes, database.bytes);
    return { folder, schema: manifest.schema, bytes, artifacts: artifacts.length, missing };
  } catch (e) {
    await rm(aside, { recursive: true, force: true });
    throw fileFailure(e, folder);
  }
}

async function refuseTaken(folder: string): Promise<void> {
  if (!isAbsolute(folder)) throw invalid(`${JSON.stringify(folder)} is not an absolute path`, "name the folder from the root on");
  const there = await readdir(folder).catch((e: unknown) => ((e as { code?: string }).code === "ENOENT" ? null : ["?"]));
  if (there === null) return;
  if (there.length > 0)
    throw invalid(`${folder} is there already`, "name a folder that is not there yet: a backup overwrites nothing");
  // An empty one gives way to the rename.
}

function invalid(problem: string, fix: string): FlotillaError {
  return new FlotillaError("FLOTILLA_CONFIG_INVALID", { field: "folder", problem, fix });
}

export async function hashOfFile(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}

async function writeSynced(file: string, text: string): Promise<void> {
  const handle = await open(file, "wx", 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function syncFile(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } catch (e) {
    // Some file systems sync no folders.
    if (!["EINVAL", "EISDIR", "EPERM"].includes((e as { code?: string }).code ?? "")) throw e;
  } finally {
    await handle.close();
  }
}

/** What the file system said, in our words. */
export function fileFailure(e: unknown, path: string): unknown {
  const code = (e as NodeJS.ErrnoException).code;
  if (isFlotillaError(e) || typeof code !== "string") return e;
  if (code === "ENOSPC" || code === "EDQUOT") return new FlotillaError("FLOTILLA_STORE_FULL", { path }, { cause: e });
  return new FlotillaError(
    "FLOTILLA_STORE_UNUSABLE",
    { path, problem: (e as Error).message, fix: "name a folder that this user may write to" },
    { cause: e },
  );
}
