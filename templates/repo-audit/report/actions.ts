import { severities, type AuditResult, type Dimension, type Severity, type VerifiedFinding } from "../finding.ts";
import { inOrder, isCounted } from "./order.ts";
import { pointsOf, scoreOf, shown } from "./score.ts";
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
  readonly fix: string;
  readonly points: number;
  /** Whole points that the dimension's score gains when the group is gone. */
  readonly gain: number;
  /** Distinct, in order; "" (the repository) left out. */
  readonly paths: readonly string[];
  readonly findingIds: readonly string[];
}

/** Facts that name a kind rather than a place: findings of one rule that share such a fact share one remedy. */
const SUBJECTS = ["group", "licence", "license", "marker", "detector", "kind", "action"] as const;

/** Heaviest first; groups without points (only `info`) come after all others. */
export function topActions(result: AuditResult, limit = 10): readonly Action[] {
  const groups = new Map<string, { subject: string | null; findings: VerifiedFinding[] }>();
  const pointsByDimension = new Map<Dimension, number>();
  for (const finding of inOrder(result.findings.filter(isCounted))) {
    const subject = subjectOf(finding);
    const key = JSON.stringify([finding.dimension, finding.rule, subject]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { subject, findings: [finding] });
    else group.findings.push(finding);
    pointsByDimension.set(finding.dimension, (pointsByDimension.get(finding.dimension) ?? 0) + pointsOf(finding));
  }
  return [...groups.values()]
    .map(({ subject, findings }) => toAction(subject, findings, pointsByDimension, result.repo.files))
    .sort(compareActions)
    .slice(0, limit);
}

function toAction(
  subject: string | null,
  findings: readonly VerifiedFinding[],
  pointsByDimension: ReadonlyMap<Dimension, number>,
  files: number,
): Action {
  const first = findings[0]!; // Groups are made with their first finding, and that one is the worst.
  const points = findings.reduce((sum, f) => sum + pointsOf(f), 0);
  const before = pointsByDimension.get(first.dimension) ?? 0;
  const sameMessage = findings.every((f) => f.message === first.message);
  return {
    dimension: first.dimension,
    rule: first.rule,
    subject,
    title: sameMessage ? first.message : `${sentenceCase(ruleName(first.rule))}${subject === null ? "" : `: ${subject}`}`,
    count: findings.length,
    severity: first.severity,
    fix: mostCommon(findings.map((f) => f.fix)),
    points,
    gain: shown(scoreOf(before - points, files)) - shown(scoreOf(before, files)),
    paths: [...new Set(findings.map((f) => f.path).filter((path) => path !== ""))],
    findingIds: findings.map((f) => f.id),
  };
}

function compareActions(a: Action, b: Action): number {
  return (
    b.points - a.points ||
    severities.indexOf(b.severity) - severities.indexOf(a.severity) ||
    b.count - a.count ||
    // Only to make the order total: dimension and rule are ASCII by definition.
    (`${a.dimension}/${a.rule}/${a.subject}` < `${b.dimension}/${b.rule}/${b.subject}` ? -1 : 1)
  );
}

function subjectOf(finding: VerifiedFinding): string | null {
  for (const name of SUBJECTS) {
    const value = finding.facts?.[name];
    if (typeof value === "string" && value !== "") return value;
  }
  return null;
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
