import { severities, type AuditResult, type Dimension, type Severity, type VerifiedFinding } from "../finding.ts";
import { dimensionText } from "./dimensions.ts";
import type { DiffResult } from "./diff.ts";
import { inOrder } from "./order.ts";
import { scoreResult, shown } from "./score.ts";
import { plural } from "./text.ts";

/** What stops a change. The caller turns a breach into exit code 3. */
export interface Policy extends DimensionPolicy {
  /** Overrides for one dimension; what it does not name is taken from above, except `minScore`, which is its own. */
  readonly dimensions?: Readonly<Partial<Record<Dimension, DimensionPolicy>>>;
  /** Let `likely` findings break the gate too. @default false */
  readonly likely?: boolean;
  /** Judge only findings that the last run did not have: how an old repository starts using the gate. @default false */
  readonly newOnly?: boolean;
  /** Break the gate when work did not finish, because what was not looked at cannot pass. @default false */
  readonly gaps?: boolean;
}

interface DimensionPolicy {
  /** The least severity that breaks the gate; `never` turns it off. @default "high" */
  readonly failOn?: Severity | "never";
  /** The least score, 0-100: of the total at the top of the policy, of the dimension inside `dimensions`. */
  readonly minScore?: number;
}

interface Breach {
  /** Null when the breach is about the repository as a whole. */
  readonly dimension: Dimension | null;
  readonly message: string;
  readonly findingIds: readonly string[];
}

export interface GateOutcome {
  readonly passed: boolean;
  readonly breaches: readonly Breach[];
  /** The policy in words, for readers of a report that passed. */
  readonly rule: string;
}

export const defaultPolicy: Policy = Object.freeze({ failOn: "high" });

export function judge(result: AuditResult, policy: Policy = defaultPolicy, diff?: DiffResult): GateOutcome {
  const scores = scoreResult(result);
  const suspects = policy.newOnly === true && diff !== undefined ? diff.new : inOrder(result.findings);
  const breaches: Breach[] = [];
  for (const { dimension, score } of scores.dimensions) {
    const own = policy.dimensions?.[dimension];
    const failOn = own?.failOn ?? policy.failOn ?? "high";
    const broken = suspects.filter((f) => f.dimension === dimension && breaks(f, failOn, policy.likely === true));
    if (broken.length > 0) breaches.push({ dimension, message: inWords(dimension, broken), findingIds: broken.map((f) => f.id) });
    if (own?.minScore !== undefined && score !== null && score < own.minScore) {
      const message = `${dimensionText[dimension].label}: score ${shown(score)} is below ${own.minScore}`;
      breaches.push({ dimension, message, findingIds: [] });
    }
  }
  if (policy.minScore !== undefined && scores.total !== null && scores.total < policy.minScore) {
    breaches.push({ dimension: null, message: `Total score ${shown(scores.total)} is below ${policy.minScore}`, findingIds: [] });
  }
  // Fails closed: an empty audit is a broken plan, not a clean repository.
  if (scores.total === null) breaches.push({ dimension: null, message: "Nothing was audited", findingIds: [] });
  if (policy.gaps === true && result.gaps.length > 0) {
    breaches.push({ dimension: null, message: `${plural(result.gaps.length, "task")} did not finish`, findingIds: [] });
  }
  return { passed: breaches.length === 0, breaches, rule: ruleInWords(policy) };
}

function breaks(finding: VerifiedFinding, failOn: Severity | "never", likely: boolean): boolean {
  if (failOn === "never" || severities.indexOf(finding.severity) < severities.indexOf(failOn)) return false;
  switch (finding.verdict.status) {
    case "confirmed":
      return true;
    case "likely":
      return likely;
    case "rejected":
      return false;
    case "unverified":
      // Below medium nobody verifies, so the finding stands as it is. From medium up a verdict is missing: no proof, no breach.
      return finding.severity === "low" || finding.severity === "info";
  }
}

function inWords(dimension: Dimension, broken: readonly VerifiedFinding[]): string {
  const parts = [...severities].reverse().flatMap((severity) => {
    const n = broken.filter((f) => f.severity === severity).length;
    return n === 0 ? [] : [`${n} ${severity}`];
  });
  const total = broken.length === 1 ? "finding" : "findings";
  return `${dimensionText[dimension].label}: ${parts.join(", ")} ${total}`;
}

function ruleInWords(policy: Policy): string {
  const failOn = policy.failOn ?? "high";
  const certainty = policy.likely === true ? "confirmed or likely" : "confirmed";
  const parts =
    failOn === "never"
      ? []
      : [
          `any ${policy.newOnly === true ? "new " : ""}${certainty} finding of severity ${failOn}${failOn === "high" ? "" : " or worse"}`,
        ];
  if (policy.minScore !== undefined) parts.push(`a total score below ${policy.minScore}`);
  if (policy.gaps === true) parts.push("unfinished work");
  const own = Object.keys(policy.dimensions ?? {}).length;
  const more = own === 0 ? "" : `; ${plural(own, "dimension has its own rule", "dimensions have rules of their own")}`;
  return `${parts.length === 0 ? "Nothing fails the gate" : `Fails on ${parts.join(", or ")}`}${more}`;
}
