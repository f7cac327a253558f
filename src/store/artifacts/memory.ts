import type { ArtifactStore } from "../artifact-store.ts";
import { writeWhole } from "./files.ts";
import { hashOf, notFound } from "./hash.ts";

/** For a memory store: they go with the process. */
export function memoryArtifacts(): ArtifactStore {
  const texts = new Map<string, string>();
  const get = (hash: string): string => {
    const text = texts.get(hash);
    if (text === undefined) throw notFound(hash);
    return text;
  };
  return {
    async put(text) {
      const hash = hashOf(text);
      texts.set(hash, text);
      return { hash, bytes: Buffer.byteLength(text) };
    },
    get: async (hash) => get(hash),
    async remove(hash) {
      texts.delete(hash);
    },
    async copy(hash, folder) {
      const text = get(hash);
      const bytes = Buffer.byteLength(text);
      await writeWhole(folder, hash, text, bytes);
      return bytes;
    },
  };
}
