// How a number comes about
// ------------------------
// certainty of a finding   confirmed 1, likely 1/2, rejected 0; unverified 1 when it is below medium (nobody checks
//                          those), 1/2 from medium up (its check did not happen)
// loss      of a finding   high: certainty / 3; medium: 4 × certainty / allowance; low: certainty / allowance; info: 0
// allowance                10 + 2 × √files, so 30 for 100 files, 99 for 2,000 and 210 for 10,000
// score     of a dimension 100 × 2^(−sum of losses), cut to one decimal: three high findings halve it, in a repository
//                          of any size, and so do `allowance` low ones
// total                    mean of the audited dimensions by weight (secrets 3; licences, tests, dependencies, ci 2;
//                          the others 1), cut to one decimal
// grade                    A ≥ 90, B ≥ 75, C ≥ 60, D ≥ 40, else E; a confirmed high finding rules an A out
//
// Small things are forgiven by size, with the square root as a middle way between "per file", where they would vanish
// in a large repository, and "in all", where every large repository would fail; the 10 keeps tiny ones from failing over
// two remarks. A leaked key is as bad anywhere, so
// high findings are not. Scores are cut, never rounded up, so that 100 means that nothing was counted.

import { dimensions, type AuditResult, type Dimension, type Severity, type VerifiedFinding } from "../finding.ts";
import { dimensionOfTask, dimensionText } from "./dimensions.ts";
import { isCounted } from "./order.ts";

export type Grade = "A" | "B" | "C" | "D" | "E";
export type VerdictStatus = VerifiedFinding["verdict"]["status"];

export interface DimensionScore {
  readonly dimension: Dimension;
  /** False when the plan left the dimension out: then there is no score, rather than a perfect one. */
  readonly audited: boolean;
  /** False when work of this dimension did not finish: the score is then an upper bound. */
  readonly complete: boolean;
  readonly score: number | null;
  readonly points: number;
  /** Counted findings, without the rejected ones. */
  readonly counts: Readonly<Record<Severity, number>>;
  readonly verdicts: Readonly<Record<VerdictStatus, number>>;
}

export interface Scores {
  readonly total: number | null;
  readonly grade: Grade | null;
  readonly dimensions: readonly DimensionScore[];
}

const severityPoints: Readonly<Record<Severity, number>> = { high: 10, medium: 4, low: 1, info: 0 };

export function certaintyOf({ verdict, severity }: VerifiedFinding): number {
  switch (verdict.status) {
    case "confirmed":
      return 1;
    case "likely":
      return 0.5;
    case "rejected":
      return 0;
    case "unverified":
      return severity === "high" || severity === "medium" ? 0.5 : 1;
  }
}

/** What one finding weighs beside others, whatever the size of the repository: for charts and ranks. */
export function pointsOf(finding: VerifiedFinding): number {
  return severityPoints[finding.severity] * certaintyOf(finding);
}

/** How often these findings together halve the score of their dimension. */
export function lossOf(findings: readonly VerifiedFinding[], files: number): number {
  const allowance = 10 + 2 * Math.sqrt(files);
  let high = 0;
  let small = 0;
  for (const finding of findings) {
    if (finding.severity === "high") high += certaintyOf(finding);
    else small += pointsOf(finding);
  }
  return high / 3 + small / allowance;
}

export function scoreOf(loss: number): number {
  return cutToTenth(100 * 2 ** -loss);
}

export function gradeOf(score: number, hasConfirmedHigh: boolean): Grade {
  if (score >= 90) return hasConfirmedHigh ? "B" : "A";
  return score >= 75 ? "B" : score >= 60 ? "C" : score >= 40 ? "D" : "E";
}

export function scoreDimension(dimension: Dimension, result: AuditResult): DimensionScore {
  const findings = result.findings.filter((f) => f.dimension === dimension);
  // Findings of a dimension that the plan does not name still count: hiding them would be the worse lie.
  const audited = findings.length > 0 || result.plan.some((d) => d.dimension === dimension && d.included);
  const counts = { info: 0, low: 0, medium: 0, high: 0 };
  const verdicts = { confirmed: 0, likely: 0, rejected: 0, unverified: 0 };
  let points = 0;
  for (const finding of findings) {
    verdicts[finding.verdict.status]++;
    if (isCounted(finding)) counts[finding.severity]++;
    points += pointsOf(finding);
  }
  return {
    dimension,
    audited,
    complete: !result.gaps.some((gap) => dimensionOfTask(gap.task) === dimension),
    score: audited ? scoreOf(lossOf(findings, result.repo.files)) : null,
    points,
    counts,
    verdicts,
  };
}

export function scoreResult(result: AuditResult): Scores {
  const all = dimensions.map((dimension) => scoreDimension(dimension, result));
  const total = totalOf(all);
  const confirmedHigh = result.findings.some((f) => f.severity === "high" && f.verdict.status === "confirmed");
  return { total, grade: total === null ? null : gradeOf(total, confirmedHigh), dimensions: all };
}

/** Mean by weight over what was audited; null when nothing was. */
export function totalOf(scores: readonly Pick<DimensionScore, "dimension" | "score">[]): number | null {
  let sum = 0;
  let weights = 0;
  for (const { dimension, score } of scores) {
    if (score === null) continue;
    const { weight } = dimensionText[dimension];
    sum += score * weight;
    weights += weight;
  }
  return weights === 0 ? null : cutToTenth(sum / weights);
}

/** The whole number that people read. Cut, so that 99.9 never shows as 100. */
export function shown(score: number): number {
  return Math.floor(score);
}

function cutToTenth(n: number): number {
  // The nudge undoes binary noise (82.3 stored as 82.29999…), and is too small to lift a real 99.99 to 100.
  return Math.floor(n * 10 + 1e-9) / 10;
}
