// Decides, from what the inventory found, which dimensions apply and how the work is cut.

import { createHash } from "node:crypto";
import { auditOf, type Audit } from "./audits/index.ts";
import { type AuditPlan, type Dimension, dimensions, type FileEntry, type Inventory, type Shard } from "./finding.ts";

export interface PlanOptions {
  /** Audit these dimensions only. @default all that apply */
  readonly only?: readonly Dimension[];
  readonly skip?: readonly Dimension[];
  /** Scales all shard sizes: 0.5 makes about twice as many shards. @default 1 */
  readonly shardScale?: number;
}

function sha256(parts: readonly string[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part).update("\0");
  return hash.digest("hex");
}

/** One file in eight may end a shard: where it does depends on its name alone, so a new file disturbs its own shard only. */
function endsShard(path: string): boolean {
  return (createHash("sha1").update(path).digest()[0] ?? 0) % 8 === 0;
}

function cut(files: readonly FileEntry[], bytesMax: number, filesMax: number): FileEntry[][] {
  const shards: FileEntry[][] = [];
  let current: FileEntry[] = [];
  let bytes = 0;
  for (const file of files) {
    if (current.length > 0 && (bytes + file.bytes > bytesMax || current.length >= filesMax)) {
      shards.push(current);
      current = [];
      bytes = 0;
    }
    current.push(file);
    bytes += file.bytes;
    const halfFull = bytes > bytesMax / 2 || current.length > filesMax / 2;
    if (halfFull && endsShard(file.path)) {
      shards.push(current);
      current = [];
      bytes = 0;
    }
  }
  if (current.length > 0) shards.push(current);
  return shards;
}

function identityOf(file: FileEntry, withHistory: boolean): string[] {
  const history = withHistory ? (file.touched?.last ?? "") : "";
  return [file.path, file.hash, file.vendored ? "vendored" : "own", file.untracked === true ? "untracked" : "tracked", history];
}

function shardsOf(audit: Audit, inventory: Inventory, scale: number): { shards: Shard[]; why: string } | { out: string } {
  const scope = audit.scope(inventory);
  if ("out" in scope) return scope;
  const parts = cut(scope.files, Math.max(1, scope.shardBytes * scale), Math.max(1, Math.ceil(scope.shardFiles * scale)));
  const basis = sha256([audit.dimension, String(audit.version), ...scope.basis]);
  const shards = parts.map((files, index) => ({
    key: `${audit.dimension}#${index + 1}`,
    dimension: audit.dimension,
    files,
    contentHash: sha256([basis, ...files.flatMap((file) => identityOf(file, scope.history === true))]),
  }));
  return { shards, why: scope.why };
}

/** Pure: the same inventory and options give the same plan. Compare shards of two runs by `contentHash`, not by key. */
export function planAudit(inventory: Inventory, options: PlanOptions = {}): AuditPlan {
  const shards: Shard[] = [];
  const decisions: AuditPlan["decisions"][number][] = [];
  for (const dimension of dimensions) {
    const asked = (options.only ?? dimensions).includes(dimension) && !(options.skip ?? []).includes(dimension);
    const cuts = asked ? shardsOf(auditOf(dimension), inventory, options.shardScale ?? 1) : { out: "left out by request" };
    if ("out" in cuts) {
      decisions.push({ dimension, included: false, why: cuts.out, shards: 0 });
    } else {
      shards.push(...cuts.shards);
      decisions.push({ dimension, included: true, why: cuts.why, shards: cuts.shards.length });
    }
  }
  return { shards, decisions };
}
