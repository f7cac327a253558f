// The workers of the audit: one takes stock, one plans, ten audit, one re-checks, one writes the report.
import { constants } from "node:fs";
import { access, mkdir } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { agent, type Ref } from "flotilla";
import * as z from "zod";
import { auditOf, needsVerdict } from "./audits/index.ts";
import { deskFor, shardOf } from "./desk.ts";
import { dimensions, type AuditResult, type Dimension, type Finding, type Inventory, type VerifiedFinding } from "./finding.ts";
import { inventoryOf } from "./inventory.ts";
import { recall, remember, type Memory } from "./memory.ts";
import { planAudit } from "./plan.ts";
import { readPrevious, writeReport } from "./report/write.ts";
import { openRepository, UnreadableFileError } from "./repository.ts";
import { AuditRequest, Decision, FindingShape, Reference, ShardTask, VerdictShape } from "./schemas.ts";

/** Where the report of a repository goes. */
export function reportFolder(request: { readonly out?: string }, root: string): string {
  return resolve(request.out ?? `reports/${basename(root)}`);
}

/** What the person who asked can mend. */
export const mistakes = {
  NotARepository: z.object({ repo: z.string(), why: z.string() }),
  CannotWriteReport: z.object({ folder: z.string(), why: z.string() }),
};

export const takeStock = agent({
  name: "inventory",
  description: "Lists the files of a repository with their hashes, kinds and languages; finds docs sites and manifests",
  input: z.object({ repo: z.string() }),
  errors: { NotARepository: mistakes.NotARepository },
  timeout: "10m",
  async run({ repo }, ctx) {
    const opened = await openRepository(repo).catch((e: unknown) => {
      if (e instanceof UnreadableFileError) return ctx.fail("NotARepository", { repo, why: e.message });
      throw e;
    });
    const inventory = await inventoryOf(opened);
    const bytes = inventory.files.reduce((n, file) => n + file.bytes, 0);
    return {
      ref: await ctx.artifact.put(inventory),
      name: inventory.name,
      root: inventory.root,
      head: inventory.git.head,
      files: inventory.files.length,
      bytes,
    };
  },
});

export const plan = agent({
  name: "plan",
  description: "Decides from the inventory which dimensions to audit, and cuts the work into shards",
  input: AuditRequest.extend({ inventory: Reference }),
  output: z.object({
    decisions: z.array(Decision),
    shards: z.array(ShardTask),
    reused: z.object({ shards: z.int(), filesUnchanged: z.int(), ref: Reference.nullable() }),
    /** The last report's findings, read before this run writes its own: a report that is written twice compares the same. */
    previous: Reference.nullable(),
  }),
  errors: { CannotWriteReport: mistakes.CannotWriteReport },
  async run(request, ctx) {
    const { inventory } = await deskFor(request.inventory as Ref<Inventory>, ctx);
    const folder = reportFolder(request, inventory.root);
    // Before an hour of work, not after it.
    if (!request.planOnly) {
      const why = await whyNotWritable(folder);
      if (why) return ctx.fail("CannotWriteReport", { folder, why });
    }
    const { only, skip } = request;
    const { shards, decisions } = planAudit(inventory, { ...(only ? { only } : {}), ...(skip ? { skip } : {}) });
    const last = await readPrevious(folder).catch((e: unknown) => {
      ctx.log.warn("the last report cannot be compared with", { why: String(e) });
      return undefined;
    });
    const memory = request.fresh ? undefined : await recall(folder, inventory.root);
    const known = shards.filter((shard) => memory?.shards[shard.contentHash] !== undefined);
    const findings: Memory["shards"] = Object.fromEntries(
      known.map((shard) => [shard.contentHash, memory?.shards[shard.contentHash] ?? []]),
    );
    return {
      decisions: [...decisions],
      shards: shards
        .filter((shard) => !known.includes(shard))
        .map(({ key, dimension, contentHash, files }) => ({
          key,
          dimension,
          contentHash,
          paths: files.map((file) => file.path),
        })),
      reused: {
        shards: known.length,
        filesUnchanged: inventory.files.filter((file) => memory?.files[file.path] === file.hash).length,
        ref: known.length > 0 ? await ctx.artifact.put(findings) : null,
      },
      previous: last && last.repo.root === inventory.root ? await ctx.artifact.put(last) : null,
    };
  },
});

async function whyNotWritable(folder: string): Promise<string | undefined> {
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK);
    return undefined;
  } catch (e) {
    return (e as Error).message;
  }
}

/** One kind of agent for each dimension: they differ in what they can do, so they differ in name. */
function auditor<const D extends Dimension>(dimension: D) {
  const { description, audit } = auditOf(dimension);
  return agent({
    name: `audit-${dimension}`,
    description,
    input: z.object({ inventory: Reference, shard: ShardTask }),
    // `by` names the process: the report says how many took part.
    output: z.object({ findings: z.array(FindingShape), by: z.int() }),
    timeout: "5m",
    // A file that breaks an auditor breaks it again: the workflow cuts the shard smaller instead.
    retry: { attempts: 2, from: "200ms", to: "1s" },
    async run({ inventory, shard }, ctx) {
      const desk = await deskFor(inventory as Ref<Inventory>, ctx);
      return { findings: await audit(shardOf(shard, desk), desk.repo), by: process.pid };
    },
  });
}
export const auditors = Object.fromEntries(dimensions.map((dimension) => [dimension, auditor(dimension)])) as {
  readonly [D in Dimension]: ReturnType<typeof auditor<D>>;
};

export const verify = agent({
  name: "verify",
  description: "Re-checks findings by another method than the one that found them",
  input: z.object({ inventory: Reference, findings: z.array(FindingShape) }),
  output: z.object({ verdicts: z.record(z.string(), VerdictShape) }),
  timeout: "5m",
  retry: { attempts: 2, from: "200ms", to: "1s" },
  async run({ inventory, findings }, ctx) {
    const desk = await deskFor(inventory as Ref<Inventory>, ctx);
    const verdicts: Record<string, z.infer<typeof VerdictShape>> = {};
    for (const [i, finding] of findings.entries()) {
      verdicts[finding.id] = await auditOf(finding.dimension).verify(finding, desk.repo);
      ctx.progress({ done: i + 1, total: findings.length });
    }
    return { verdicts };
  },
});

/** What the workflow has gathered; too large for an input, so it travels by reference. */
export interface Gathered {
  readonly result: Omit<AuditResult, "finishedAt" | "repo" | "findings">;
  /** Findings of this run, by content hash of the shard that they came from. */
  readonly shards: readonly {
    readonly contentHash: string;
    readonly complete: boolean;
    readonly findings: readonly VerifiedFinding[];
  }[];
}

export const writeUp = agent({
  name: "report",
  description: "Writes report.html, report.md, findings.json and findings.sarif, and remembers the findings for the next run",
  input: z.object({
    request: AuditRequest,
    inventory: Reference,
    gathered: Reference,
    reused: Reference.nullable(),
    previous: Reference.nullable(),
  }),
  async run({ request, inventory: ref, gathered: gatheredRef, reused, previous }, ctx) {
    const { inventory } = await deskFor(ref as Ref<Inventory>, ctx);
    const gathered = await ctx.artifact.get(gatheredRef as Ref<Gathered>);
    const kept = reused ? await ctx.artifact.get(reused as Ref<Memory["shards"]>) : {};
    const folder = reportFolder(request, inventory.root);
    const last = previous ? await ctx.artifact.get(previous as Ref<AuditResult>) : undefined;
    const findings = dedupe([...Object.values(kept).flat(), ...gathered.shards.flatMap((shard) => shard.findings)]);
    const result: AuditResult = {
      ...gathered.result,
      repo: {
        name: inventory.name,
        root: inventory.root,
        head: inventory.git.head,
        files: inventory.files.length,
        bytes: inventory.files.reduce((n, f) => n + f.bytes, 0),
      },
      finishedAt: new Date().toISOString(),
      findings,
    };
    const summary = await writeReport(folder, result, last, {
      policy: { failOn: request.failOn ?? "high" },
    });
    await remember(folder, {
      version: 1,
      root: inventory.root,
      files: Object.fromEntries(inventory.files.map((file) => [file.path, file.hash])),
      shards: {
        ...kept,
        ...Object.fromEntries(
          gathered.shards.filter((shard) => shard.complete).map((shard) => [shard.contentHash, [...shard.findings]]),
        ),
      },
    });
    return { ...summary, stats: result.stats };
  },
});

/** A finding that two shards share (an edge of the cut) is one finding. */
function dedupe(findings: readonly VerifiedFinding[]): VerifiedFinding[] {
  return [...new Map(findings.map((finding) => [finding.id, finding])).values()];
}

export function toVerify(findings: readonly Finding[]): readonly Finding[] {
  return findings.filter(needsVerdict);
}
