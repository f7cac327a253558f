import { createHash, randomUUID } from "node:crypto";
import { mkdir, open, readFile, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { FlotillaError } from "../core/error.ts";

/** Large values by their SHA-256. Putting the same text twice stores it once. */
export interface ArtifactStore {
  put(text: string): Promise<{ readonly hash: string; readonly bytes: number }>;
  /** @throws FLOTILLA_NOT_FOUND */
  get(hash: string): Promise<string>;
}

/** `folder: null` keeps them in memory, for a memory store. */
export function openArtifacts(o: { readonly folder: string | null }): ArtifactStore {
  return o.folder === null ? memoryArtifacts() : fileArtifacts(o.folder);
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function notFound(hash: string, cause?: unknown): FlotillaError {
  return new FlotillaError("FLOTILLA_NOT_FOUND", { what: "artifact", id: hash }, { cause });
}

function memoryArtifacts(): ArtifactStore {
  const texts = new Map<string, string>();
  return {
    async put(text) {
      const hash = hashOf(text);
      texts.set(hash, text);
      return { hash, bytes: Buffer.byteLength(text) };
    },
    async get(hash) {
      const text = texts.get(hash);
      if (text === undefined) throw notFound(hash);
      return text;
    },
  };
}

const hashShape = /^[0-9a-f]{64}$/;

function fileArtifacts(folder: string): ArtifactStore {
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
