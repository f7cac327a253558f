import type { AuditResult, Severity, VerifiedFinding } from "../finding.ts";
import { topActions, type Action } from "./actions.ts";
import { diffResults, type DiffResult } from "./diff.ts";
import { defaultPolicy, judge, type GateOutcome, type Policy } from "./gate.ts";
import { inOrder, isCounted } from "./order.ts";
import { scoreResult, type Scores, type VerdictStatus } from "./score.ts";

export interface ReportOptions {
  /** @default { failOn: "high" } */
  readonly policy?: Policy;
  /** What models cost in this run, in US dollars. The rules alone cost nothing. @default 0 */
  readonly costUsd?: number;
}

/** Everything that the report says, worked out once, so that no two formats can disagree. */
export interface ReportModel {
  readonly result: AuditResult;
  /** All of them, rejected ones too, in report order. */
  readonly findings: readonly VerifiedFinding[];
  readonly counted: readonly VerifiedFinding[];
  readonly rejected: readonly VerifiedFinding[];
  readonly severities: Readonly<Record<Severity, number>>;
  readonly verdicts: Readonly<Record<VerdictStatus, number>>;
  /** Why findings were rejected, most frequent first. */
  readonly rejections: readonly { readonly reason: string; readonly count: number }[];
  readonly scores: Scores;
  readonly actions: readonly Action[];
  readonly gate: GateOutcome;
  readonly diff: DiffResult | null;
  readonly costUsd: number;
}

export function reportModel(result: AuditResult, previous?: AuditResult, options: ReportOptions = {}): ReportModel {
  const findings = inOrder(result.findings);
  const counted = findings.filter(isCounted);
  const rejected = findings.filter((f) => !isCounted(f));
  const severities = { info: 0, low: 0, medium: 0, high: 0 };
  for (const finding of counted) severities[finding.severity]++;
  const verdicts = { confirmed: 0, likely: 0, rejected: 0, unverified: 0 };
  for (const finding of findings) verdicts[finding.verdict.status]++;
  const diff = previous === undefined ? null : diffResults(previous, result);
  return {
    result,
    findings,
    counted,
    rejected,
    severities,
    verdicts,
    rejections: rejections(rejected),
    scores: scoreResult(result),
    actions: topActions(result),
    gate: judge(result, options.policy ?? defaultPolicy, diff ?? undefined),
    diff,
    costUsd: options.costUsd ?? 0,
  };
}

/**
 * Reasons name the very file or number that spoke against a finding ("Tests reach it through src/index.ts."), so those
 * are left open where reasons are alike in all else.
 */
function rejections(rejected: readonly VerifiedFinding[]): ReportModel["rejections"] {
  const groups = new Map<string, { reasons: Set<string>; count: number }>();
  for (const { verdict } of rejected) {
    if (verdict.status !== "rejected") continue;
    const kind = verdict.reason.replace(PARTICULARS, "…");
    const group = groups.get(kind) ?? { reasons: new Set(), count: 0 };
    group.reasons.add(verdict.reason);
    group.count++;
    groups.set(kind, group);
  }
  return [...groups]
    .map(([kind, { reasons, count }]) => ({ reason: reasons.size === 1 ? [...reasons][0]! : kind, count }))
    .sort((a, b) => b.count - a.count || (a.reason < b.reason ? -1 : 1));
}

/** Quoted text, anything with a slash or a file's ending, and numbers. */
const PARTICULARS = /"[^"]*"|'[^']*'|`[^`]*`|[^\s:,;]*\/[^\s:,;]*[^\s:,;.]|\b[\w-]+(?:\.[\w-]+)+\b|\b\d+\b/g;
