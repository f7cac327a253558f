// The audit of a repository: take stock, plan, fan out, re-check, write up. The plan is data that the planner decides on;
// a shard that breaks its auditor is cut in two until the one file that breaks it stands alone, named as a gap.
import { workflow, type Ref, type WorkflowContext } from "flotilla";
import { auditors, mistakes, plan, takeStock, toVerify, verify, writeUp, type Gathered } from "./agents.ts";
import type { Finding, Inventory, Verdict, VerifiedFinding } from "./finding.ts";
import { AuditRequest, type ShardTask } from "./schemas.ts";

/** Findings re-checked by one task: a few seconds of work. */
const verifyBatch = 12;

interface Gap {
  readonly task: string;
  readonly what: string;
  readonly why: string;
}
interface Audited {
  readonly findings: readonly VerifiedFinding[];
  readonly gaps: readonly Gap[];
  readonly verified: number;
  readonly tasks: number;
  /** Processes that took part. */
  readonly by: readonly number[];
}

export const repoAudit = workflow({
  name: "repo-audit",
  description: "Audits a repository in ten dimensions, re-checks what it finds, and writes a report",
  input: AuditRequest,
  errors: mistakes,
  async run(request, ctx) {
    const startedAt = ctx.now().toISOString();
    const stock = await ctx.call(takeStock, { repo: request.repo });
    const inventory = stock.ref as Ref<Inventory>;
    const planned = await ctx.call(plan, { ...request, inventory });
    const { decisions, shards, reused, previous } = planned;
    const repo = { name: stock.name, root: stock.root, head: stock.head, files: stock.files, bytes: stock.bytes };
    if (request.planOnly) {
      return {
        repo,
        plan: decisions,
        shards: shards.map(({ key, paths }) => ({ key, files: paths.length })),
        reusedShards: reused.shards,
        report: null,
      };
    }
    const audited = await ctx.each(shards, (shard, c) => auditShard(c, inventory, shard), { key: (shard) => shard.key });
    const all = gather(audited);
    const gathered: Gathered = {
      result: {
        runId: ctx.task.runId,
        startedAt,
        plan: decisions,
        gaps: all.gaps,
        stats: {
          // the root, the inventory, the plan and the report, and what the shards took
          tasks: 4 + all.tasks,
          shards: shards.length + reused.shards,
          reusedShards: reused.shards,
          filesUnchanged: reused.filesUnchanged,
          verified: all.verified,
          workers: new Set(all.by).size,
        },
      },
      shards: shards.map((shard, i) => ({
        contentHash: shard.contentHash,
        complete: audited[i]?.gaps.length === 0,
        findings: audited[i]?.findings ?? [],
      })),
    };
    const report = await ctx.call(writeUp, {
      request,
      inventory,
      gathered: await ctx.artifact.put(gathered),
      reused: reused.ref,
      previous,
    });
    return {
      repo,
      plan: decisions,
      shards: shards.map(({ key, paths }) => ({ key, files: paths.length })),
      reusedShards: reused.shards,
      report,
    };
  },
});

/** Audit, then re-check at once: no shard waits for another one. */
async function auditShard(ctx: WorkflowContext, inventory: Ref<Inventory>, shard: ShardTask): Promise<Audited> {
  const outcome = await ctx.call(auditors[shard.dimension], { inventory, shard }, { key: "audit" }).settled();
  if (outcome.status !== "succeeded") {
    const why = outcome.error.message;
    if (outcome.status === "canceled" || outcome.status === "stopped") throw outcome.error;
    const [only, ...rest] = shard.paths;
    if (only === undefined || rest.length === 0)
      return { findings: [], gaps: [{ task: shard.key, what: only ?? shard.dimension, why }], verified: 0, tasks: 1, by: [] };
    const middle = Math.ceil(shard.paths.length / 2);
    const halves = [shard.paths.slice(0, middle), shard.paths.slice(middle)].map((paths, i) => ({
      ...shard,
      key: `${shard.key}.${i + 1}`,
      paths,
    }));
    ctx.log.warn("a shard failed and is cut in two", { shard: shard.key, why });
    const parts = await ctx.each(halves, (half, c) => auditShard(c, inventory, half), { key: (half) => half.key });
    const all = gather(parts);
    return { ...all, tasks: all.tasks + 1 };
  }
  const { findings, by } = outcome.value;
  const batches = chunks(toVerify(findings), verifyBatch);
  const checked = await ctx
    .map(
      verify,
      batches.map((batch) => ({ inventory, findings: batch })),
      { key: (_, i) => `verify-${i + 1}` },
    )
    .settled();
  const verdicts = new Map<string, Verdict>();
  const gaps: Gap[] = [];
  for (const [i, item] of checked.items.entries()) {
    if (item.status === "succeeded") for (const [id, verdict] of Object.entries(item.value.verdicts)) verdicts.set(id, verdict);
    else
      gaps.push({
        task: `verify ${shard.key}`,
        what: `${batches[i]?.length ?? 0} findings were not re-checked`,
        why: item.error.message,
      });
  }
  return {
    findings: findings.map((finding) => ({ ...finding, verdict: verdicts.get(finding.id) ?? { status: "unverified" } })),
    gaps,
    verified: verdicts.size,
    tasks: 1 + batches.length,
    by: [by],
  };
}

function gather(parts: readonly Audited[]): Audited {
  return {
    findings: parts.flatMap((part) => part.findings),
    gaps: parts.flatMap((part) => part.gaps),
    verified: parts.reduce((n, part) => n + part.verified, 0),
    tasks: parts.reduce((n, part) => n + part.tasks, 0),
    by: parts.flatMap((part) => part.by),
  };
}

function chunks(findings: readonly Finding[], size: number): Finding[][] {
  const out: Finding[][] = [];
  for (let i = 0; i < findings.length; i += size) out.push(findings.slice(i, i + size));
  return out;
}
