// What one audit remembers for the next: findings by the content hash of their shard. A shard with an equal hash is not
// looked at again, because the hash covers everything that its audit and its verifiers read.
import { randomUUID } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { VerifiedShape } from "./schemas.ts";

const Memory = z.object({
  version: z.literal(1),
  root: z.string(),
  /** Hash of each file, by path. */
  files: z.record(z.string(), z.string()),
  /** Findings, by content hash of the shard. */
  shards: z.record(z.string(), z.array(VerifiedShape)),
});
export type Memory = z.infer<typeof Memory>;

const nameOf = (folder: string) => join(folder, "memory.json");

/** Undefined when there is none, or none of this repository and version: then everything is looked at. */
export async function recall(folder: string, root: string): Promise<Memory | undefined> {
  const text = await readFile(nameOf(folder), "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    const read = Memory.safeParse(JSON.parse(text));
    return read.success && read.data.root === root ? read.data : undefined;
  } catch {
    return undefined;
  }
}

export async function remember(folder: string, memory: Memory): Promise<void> {
  await mkdir(folder, { recursive: true });
  const aside = `${nameOf(folder)}.${randomUUID()}`;
  await writeFile(aside, JSON.stringify(memory));
  await rename(aside, nameOf(folder));
}
