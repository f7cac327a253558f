import * as fc from "fast-check";
import { dimensions, severities, type AuditResult, type VerifiedFinding } from "../../../templates/repo-audit/finding.ts";
import { resultOf } from "./sample.ts";

const verdict: fc.Arbitrary<VerifiedFinding["verdict"]> = fc.oneof(
  fc.constant({ status: "confirmed", method: "m" } as const),
  fc.constant({ status: "likely", method: "m", reason: "r" } as const),
  fc.constant({ status: "rejected", method: "m", reason: "r" } as const),
  fc.constant({ status: "unverified" } as const),
);

const text = fc.string({ unit: "binary", maxLength: 12 });

/** Few ids, so that two runs share some and one run repeats some. */
export const anyFinding: fc.Arbitrary<VerifiedFinding> = fc
  .record({
    n: fc.integer({ min: 0, max: 30 }),
    rule: fc.constantFrom("dead-path", "weak-copyleft", "todo"),
    path: fc.oneof(fc.constant(""), fc.constant("src/a.ts"), text),
    line: fc.option(fc.integer({ min: 1, max: 9_999 }), { nil: undefined }),
    message: text,
    fix: text,
    evidence: text,
    severity: fc.constantFrom(...severities),
    verdict,
  })
  .map(({ n, line, ...rest }) => ({
    id: `id-${n}`,
    dimension: dimensions[n % dimensions.length]!,
    ...(line === undefined ? {} : { line }),
    ...rest,
  }));

const anyFindings = fc.array(anyFinding, { maxLength: 40 });

export const anyResult: fc.Arbitrary<AuditResult> = fc
  .record({ findings: anyFindings, files: fc.integer({ min: 0, max: 100_000 }), gap: fc.option(fc.constantFrom(...dimensions)) })
  .map(({ findings, files, gap }) => {
    const base = resultOf(findings);
    return {
      ...base,
      repo: { ...base.repo, files },
      plan: dimensions.map((dimension) => ({ dimension, included: true, why: "", shards: 1 })),
      gaps: gap === null ? [] : [{ task: `audit ${gap}#1`, what: "w", why: "y" }],
    };
  });
