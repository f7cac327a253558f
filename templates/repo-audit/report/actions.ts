import { type AuditResult, type Dimension, type Severity, type VerifiedFinding } from "../finding.ts";
import { dimensionText } from "./dimensions.ts";
import { inOrder, isCounted, severitiesDown } from "./order.ts";
import { certaintyOf, lossOf, pointsOf, scoreOf, shown } from "./score.ts";
import { ruleName } from "./text.ts";

/** One thing to do, which settles every finding of its group. */
export interface Action {
  readonly dimension: Dimension;
  readonly rule: string;
  /** What sets this group apart within its rule, such as `MPL-2.0`. */
  readonly subject: string | null;
  readonly title: string;
  readonly count: number;
  /** The worst in the group. */
  readonly severity: Severity;
  /** The fix that all share, or an example. */
  readonly fix: string;
  readonly points: number;
  /** Whole points that the dimension's score gains when the group is gone. */
  readonly gain: number;
  /** Distinct, in order; "" (the repository) left out. */
  readonly paths: readonly string[];
  readonly findingIds: readonly string[];
}

/** Facts that name a kind rather than a place: findings of one rule that share such a fact share one remedy. */
const SUBJECTS = ["licence", "uses", "image", "word"] as const;

/**
 * Worst first: by what is high in a group, then by what is medium, low, info; each time certainty × the weight of the
 * dimension. So forty files without a test never push a leaked key down the list.
 */
export function topActions(result: AuditResult, limit = 10): readonly Action[] {
  const groups = new Map<string, { subject: string | null; findings: VerifiedFinding[] }>();
  const byDimension = Map.groupBy(result.findings, (f) => f.dimension);
  for (const finding of inOrder(result.findings.filter(isCounted))) {
    const subject = subjectOf(finding);
    const key = JSON.stringify([finding.dimension, finding.rule, subject]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { subject, findings: [finding] });
    else group.findings.push(finding);
  }
  return [...groups.values()]
    .map(({ subject, findings }) => ({
      action: toAction(subject, findings, byDimension.get(findings[0]!.dimension)!, result.repo.files),
      urgency: urgencyOf(findings),
    }))
    .sort((a, b) => compareUrgency(a.urgency, b.urgency) || compareNames(a.action, b.action))
    .slice(0, limit)
    .map(({ action }) => action);
}

function toAction(
  subject: string | null,
  findings: readonly VerifiedFinding[],
  all: readonly VerifiedFinding[],
  files: number,
): Action {
  const first = findings[0]!; // Groups are made with their first finding, and that one is the worst.
  const loss = lossOf(all, files);
  // The rest of a sum of fractions may miss zero by a hair.
  const without = Math.max(0, loss - lossOf(findings, files));
  const sameMessage = findings.every((f) => f.message === first.message);
  return {
    dimension: first.dimension,
    rule: first.rule,
    subject,
    title: sameMessage
      ? first.message
      : `${sentenceCase(ruleName(first.rule))}${subject === null || subject.toLowerCase() === first.rule ? "" : `: ${subject}`}`,
    count: findings.length,
    severity: first.severity,
    fix: fixOf(findings),
    points: findings.reduce((sum, f) => sum + pointsOf(f), 0),
    gain: shown(scoreOf(without)) - shown(scoreOf(loss)),
    paths: [...new Set(findings.map((f) => f.path).filter((path) => path !== ""))],
    findingIds: findings.map((f) => f.id),
  };
}

/** One number for each severity, worst first. */
function urgencyOf(findings: readonly VerifiedFinding[]): readonly number[] {
  const { weight } = dimensionText[findings[0]!.dimension];
  return severitiesDown.map(
    (severity) => weight * findings.filter((f) => f.severity === severity).reduce((sum, f) => sum + certaintyOf(f), 0),
  );
}

function compareUrgency(a: readonly number[], b: readonly number[]): number {
  const i = a.findIndex((n, at) => n !== b[at]);
  return i < 0 ? 0 : b[i]! - a[i]!;
}

/** Only to make the order total, and the same on every machine. */
function compareNames(a: Action, b: Action): number {
  const name = (action: Action): string => `${action.dimension}/${action.rule}/${action.subject ?? ""}`;
  return name(a) < name(b) ? -1 : name(a) > name(b) ? 1 : 0;
}

function subjectOf(finding: VerifiedFinding): string | null {
  for (const name of SUBJECTS) {
    const value = finding.facts?.[name];
    if (typeof value === "string" && value !== "") return value;
  }
  return null;
}

/** Fixes often name what they mend ("npm uninstall moment"), so one of several is told as the example that it is. */
function fixOf(findings: readonly VerifiedFinding[]): string {
  const fixes = findings.map((f) => f.fix);
  const fix = mostCommon(fixes);
  return fixes.every((other) => other === fix) ? fix : `For example: ${fix}`;
}

function mostCommon(texts: readonly string[]): string {
  const tally = new Map<string, number>();
  let best = texts[0] ?? "";
  for (const text of texts) {
    const n = (tally.get(text) ?? 0) + 1;
    tally.set(text, n);
    if (n > (tally.get(best) ?? 0)) best = text;
  }
  return best;
}

function sentenceCase(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
