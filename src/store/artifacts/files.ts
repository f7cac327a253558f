import { randomUUID } from "node:crypto";
import { mkdir, open, readFile, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import type { ArtifactStore } from "../artifact-store.ts";
import { hashOf, notFound } from "./hash.ts";

const hashShape = /^[0-9a-f]{64}$/;

/** One file each below `folder`, named by hash. */
export function fileArtifacts(folder: string): ArtifactStore {
  const pathOf = (hash: string) => join(folder, hash.slice(0, 2), hash);
  return {
    async put(text) {
      const hash = hashOf(text);
      const path = pathOf(hash);
      const bytes = Buffer.byteLength(text);
      if ((await stat(path).catch(() => undefined))?.size === bytes) return { hash, bytes };
      await mkdir(join(folder, hash.slice(0, 2)), { recursive: true });
      // Whole or not at all: written aside, synced, then renamed; the outcome that names it commits after this.
      const aside = `${path}.${randomUUID()}`;
      const file = await open(aside, "wx", 0o600);
      try {
        await file.writeFile(text);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(aside, path);
      return { hash, bytes };
    },
    async get(hash) {
      // The hash comes from outside: it must never be a way out of the folder.
      if (!hashShape.test(hash)) throw notFound(hash);
      try {
        return await readFile(pathOf(hash), "utf8");
      } catch (e) {
        throw notFound(hash, e);
      }
    },
  };
}
