// Who uses which artifact, in the transaction of what refers to it.
import type { ArtifactUse } from "../../upkeep.ts";
import type { Sql, Statement } from "../sql.ts";

/** How a reference looks in JSON; Ref in core/context.ts. A text that only looks like one keeps a file too long, never loses one. */
const mark = '"$artifact":"';
/** `{"$artifact":"<64 letters>"}`: most inputs are shorter, and are not read for it. */
const leastLength = 79;
const reference = /"\$artifact":"([0-9a-f]{64})"/g;

/** Adds what `text` refers to. */
export function textUses(text: string | null, run: number, uses: ArtifactUse[]): void {
  if (text === null || text.length < leastLength || !text.includes(mark)) return;
  for (const [, hash] of text.matchAll(reference)) uses.push({ hash: hash as string, run });
}

/**
 * Holds the artifacts until the rows that name them are committed: whoever removes one that nobody uses (artifacts.ts) waits,
 * and finds the use. Those that are kept elsewhere have no row to hold. After the locks of the runs.
 */
export function usesStatements(uses: readonly ArtifactUse[]): readonly Statement[] {
  if (uses.length === 0) return [];
  const sorted = [...new Map(uses.map((u) => [`${u.hash} ${u.run}`, u]))]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([, use]) => use);
  const hashes = sorted.map((u) => u.hash);
  return [
    { text: "SELECT 1 FROM artifact WHERE hash = ANY($1::text[]) ORDER BY hash FOR KEY SHARE", params: [[...new Set(hashes)]] },
    {
      text: "INSERT INTO artifact_use (hash, run) SELECT * FROM unnest($1::text[], $2::bigint[]) ON CONFLICT DO NOTHING",
      params: [hashes, sorted.map((u) => u.run)],
    },
  ];
}

export async function insertUses(tx: Sql, uses: readonly ArtifactUse[]): Promise<void> {
  for (const { text, params } of usesStatements(uses)) await tx.run(text, params);
}
