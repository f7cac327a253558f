// Runs the whole audit in this process, without the engine: inventory, plan, audits, verifiers.

import { auditOf, needsVerdict } from "../../templates/repo-audit/audits/index.ts";
import type { AuditPlan, Inventory, VerifiedFinding } from "../../templates/repo-audit/finding.ts";
import { knownInventory } from "../../templates/repo-audit/inventory.ts";
import { planAudit, type PlanOptions } from "../../templates/repo-audit/plan.ts";
import { openRepository } from "../../templates/repo-audit/repository.ts";

export interface RulesRun {
  readonly inventory: Inventory;
  readonly plan: AuditPlan;
  readonly findings: readonly VerifiedFinding[];
  /** Milliseconds by dimension: audits and verifiers. */
  readonly spent: Readonly<Record<string, number>>;
  readonly failures: readonly { readonly shard: string; readonly error: string }[];
}

export async function runRules(root: string, options: PlanOptions = {}): Promise<RulesRun> {
  const repo = await openRepository(root);
  const inventory = await knownInventory(repo);
  const plan = planAudit(inventory, options);
  const findings: VerifiedFinding[] = [];
  const failures: { shard: string; error: string }[] = [];
  const spent: Record<string, number> = {};
  for (const shard of plan.shards) {
    const started = performance.now();
    const audit = auditOf(shard.dimension);
    try {
      for (const finding of await audit.audit(shard, repo)) {
        findings.push({
          ...finding,
          verdict: needsVerdict(finding) ? await audit.verify(finding, repo) : { status: "unverified" },
        });
      }
    } catch (error) {
      failures.push({ shard: shard.key, error: String(error) });
    }
    spent[shard.dimension] = (spent[shard.dimension] ?? 0) + performance.now() - started;
  }
  return { inventory, plan, findings, spent, failures };
}
