import type { ArtifactStore } from "../artifact-store.ts";
import { hashOf, notFound } from "./hash.ts";

/** For a memory store: they go with the process. */
export function memoryArtifacts(): ArtifactStore {
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
