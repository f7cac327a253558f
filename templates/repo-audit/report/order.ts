import { dimensions, severities, type VerifiedFinding } from "../finding.ts";

/** Worst first. */
export const severitiesDown = [...severities].reverse();

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Dimension, worst severity, rule, path, line. Plain code-unit order: the same on every machine, whatever its locale. */
function compareFindings(a: VerifiedFinding, b: VerifiedFinding): number {
  return (
    dimensions.indexOf(a.dimension) - dimensions.indexOf(b.dimension) ||
    severities.indexOf(b.severity) - severities.indexOf(a.severity) ||
    byText(a.rule, b.rule) ||
    byText(a.path, b.path) ||
    (a.line ?? 0) - (b.line ?? 0) ||
    byText(a.id, b.id) ||
    byText(a.message, b.message) ||
    byText(a.evidence, b.evidence) ||
    byText(a.verdict.status, b.verdict.status)
  );
}

export function inOrder(findings: readonly VerifiedFinding[]): readonly VerifiedFinding[] {
  return [...findings].sort(compareFindings);
}

/** Rejected findings are told, but nothing is counted against the repository for them. */
export function isCounted(finding: VerifiedFinding): boolean {
  return finding.verdict.status !== "rejected";
}
