import { createHash, randomUUID } from "node:crypto";
import { mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { ArtifactStore } from "../artifact-store.ts";
import { hashOf, notFound } from "./hash.ts";

export const hashShape = /^[0-9a-f]{64}$/;

export function artifactPath(folder: string, hash: string): string {
  return join(folder, hash.slice(0, 2), hash);
}

/** One file each below `folder`, named by hash. */
export function fileArtifacts(folder: string): ArtifactStore {
  return {
    async put(text) {
      const hash = hashOf(text);
      const bytes = Buffer.byteLength(text);
      await writeWhole(folder, hash, text, bytes);
      return { hash, bytes };
    },
    async get(hash) {
      // The hash comes from outside: it must never be a way out of the folder.
      if (!hashShape.test(hash)) throw notFound(hash);
      try {
        return await readFile(artifactPath(folder, hash), "utf8");
      } catch (e) {
        throw notFound(hash, e);
      }
    },
    async remove(hash) {
      if (hashShape.test(hash)) await rm(artifactPath(folder, hash), { force: true });
    },
    async copy(hash, to) {
      if (!hashShape.test(hash)) throw notFound(hash);
      const content = await readFile(artifactPath(folder, hash)).catch((e: unknown) => {
        throw notFound(hash, e);
      });
      if (createHash("sha256").update(content).digest("hex") !== hash)
        throw notFound(hash, new Error("its content is not what its name says"));
      await writeWhole(to, hash, content, content.byteLength);
      return content.byteLength;
    },
  };
}

/** Whole or not at all: written aside, synced, then renamed; the row that names it commits after this. */
export async function writeWhole(folder: string, hash: string, content: string | Buffer, bytes: number): Promise<void> {
  const path = artifactPath(folder, hash);
  if ((await stat(path).catch(() => undefined))?.size === bytes) return;
  await mkdir(join(folder, hash.slice(0, 2)), { recursive: true });
  const aside = `${path}.${randomUUID()}`;
  try {
    const file = await open(aside, "wx", 0o600);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(aside, path);
  } catch (e) {
    // Half a file on a full disk would keep what is left of it.
    await rm(aside, { force: true });
    throw e;
  }
}
