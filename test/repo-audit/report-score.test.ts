import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { topActions } from "../../templates/repo-audit/report/actions.ts";
import { diffResults } from "../../templates/repo-audit/report/diff.ts";
import { dimensionOfTask } from "../../templates/repo-audit/report/dimensions.ts";
import { judge } from "../../templates/repo-audit/report/gate.ts";
import { gradeOf, scoreDimension, scoreResult, shown, totalOf } from "../../templates/repo-audit/report/score.ts";
import type { AuditResult, Dimension, VerifiedFinding } from "../../templates/repo-audit/finding.ts";
import { anyFinding, anyResult } from "./report-fixtures/arbitrary.ts";
import { earlier, finding, resultOf, sample } from "./report-fixtures/sample.ts";

const confirmed = { status: "confirmed", method: "m" } as const;
const a = (over: Partial<VerifiedFinding>): VerifiedFinding =>
  finding({
    dimension: "links",
    rule: "dead-path",
    severity: "medium",
    path: "a.md",
    message: "Dead.",
    fix: "Mend it.",
    evidence: "x",
    ...over,
  });
const scoreOfLinks = (findings: readonly VerifiedFinding[], files = 100): number =>
  scoreDimension(
    "links",
    withFiles(resultOf(findings, { plan: [{ dimension: "links", included: true, why: "", shards: 1 }] }), files),
  ).score!;
const withFiles = (result: AuditResult, files: number): AuditResult => ({ ...result, repo: { ...result.repo, files } });

describe("a score", () => {
  it("is 100 without findings, and with rejected ones only", () => {
    expect(scoreOfLinks([])).toBe(100);
    expect(scoreOfLinks([a({ severity: "high", verdict: { status: "rejected", method: "m", reason: "r" } })])).toBe(100);
  });

  it("is halved by three confirmed high findings, in a repository of any size", () => {
    const three = Array.from({ length: 3 }, () => a({ severity: "high", verdict: confirmed }));
    expect(scoreOfLinks(three, 10)).toBe(50);
    expect(scoreOfLinks(three, 100_000)).toBe(50);
  });

  it("is halved when smaller findings use up an allowance of 10 + 2 × √files", () => {
    const low = (length: number): VerifiedFinding[] => Array.from({ length }, () => a({ severity: "low" }));
    const medium = (length: number): VerifiedFinding[] => Array.from({ length }, () => a({ verdict: confirmed }));
    expect(scoreOfLinks(low(30), 100)).toBe(50);
    expect(scoreOfLinks(medium(15), 100)).toBe(25);
    expect(scoreOfLinks(low(210), 10_000)).toBe(50);
    expect(scoreOfLinks(low(30), 10_000)).toBeGreaterThan(90);
  });

  it("counts a likely finding half", () => {
    const likely = a({ verdict: { status: "likely", method: "m", reason: "r" } });
    expect(scoreOfLinks([likely, likely])).toBe(scoreOfLinks([a({ verdict: confirmed })]));
  });

  it("never rises with one more finding, stays within 0 and 100, and never falls with more files", () => {
    fc.assert(
      fc.property(anyResult, anyFinding, (result, extra) => {
        const before = scoreDimension(extra.dimension, result).score!;
        const after = scoreDimension(extra.dimension, { ...result, findings: [...result.findings, extra] }).score!;
        const larger = scoreDimension(extra.dimension, withFiles(result, result.repo.files * 2)).score!;
        expect(after).toBeLessThanOrEqual(before);
        expect(after).toBeGreaterThanOrEqual(0);
        expect(before).toBeLessThanOrEqual(100);
        expect(larger).toBeGreaterThanOrEqual(before);
      }),
    );
  });

  it("does not depend on the order of findings", () => {
    fc.assert(
      fc.property(anyResult, (result) => {
        expect(scoreResult({ ...result, findings: result.findings.toReversed() })).toEqual(scoreResult(result));
      }),
    );
  });

  it("does not exist for a dimension that was left out", () => {
    const scores = scoreResult(resultOf([], { plan: [{ dimension: "ci", included: false, why: "no workflows", shards: 0 }] }));
    expect(scores.dimensions.every((d) => d.score === null && !d.audited)).toBe(true);
    expect(scores.total).toBeNull();
    expect(scores.grade).toBeNull();
  });

  it("is marked incomplete when a task of its dimension is a gap", () => {
    const { dimensions } = scoreResult(sample);
    expect(dimensions.filter((d) => !d.complete).map((d) => d.dimension)).toEqual(["hotspots", "debt"]);
    expect(dimensionOfTask("audit links#3")).toBe("links");
    expect(dimensionOfTask("verify:Secrets")).toBe("secrets");
    expect(dimensionOfTask("backlinks")).toBeNull();
  });
});

describe("the total", () => {
  it("weighs secrets three times as much as links", () => {
    expect(
      totalOf([
        { dimension: "secrets", score: 0 },
        { dimension: "links", score: 100 },
      ]),
    ).toBe(25);
  });

  it("gets no A beside a confirmed high finding, and never shows 100 for 99.9", () => {
    expect(gradeOf(97, false)).toBe("A");
    expect(gradeOf(97, true)).toBe("B");
    expect([89, 75, 74, 60, 59, 40, 39, 0].map((n) => gradeOf(n, false)).join("")).toBe("BBCCDDEE");
    expect(shown(99.9)).toBe(99);
  });
});

describe("the top actions", () => {
  it("put equal findings together, by what they are about", () => {
    const mpl = topActions(sample).find((action) => action.subject === "MPL-2.0")!;
    expect(mpl).toMatchObject({
      dimension: "licences",
      rule: "weak-copyleft",
      title: "Weak copyleft: MPL-2.0",
      count: 11,
      severity: "medium",
    });
    expect(mpl.gain).toBeGreaterThan(0);
    expect(new Set(mpl.findingIds).size).toBe(11);
  });

  it("name a single finding by its message", () => {
    expect(topActions(sample)[0]!.title).toBe("A private RSA key is tracked by git.");
  });

  it("never let many small findings push a high one down", () => {
    const many = Array.from({ length: 500 }, (_, i) => a({ path: `${i}.md`, verdict: confirmed }));
    const actions = topActions(
      resultOf([...many, a({ dimension: "files", rule: "large", severity: "high", verdict: confirmed })]),
    );
    expect(actions.map((action) => action.rule)).toEqual(["large", "dead-path"]);
  });

  it("tell a fix that only fits one of them as an example", () => {
    const [action] = topActions(resultOf([a({ fix: "npm uninstall x" }), a({ fix: "npm uninstall y", path: "b.md" })]));
    expect(action!.fix).toBe("For example: npm uninstall x");
  });

  it("hold every counted finding exactly once, and no rejected one", () => {
    fc.assert(
      fc.property(anyResult, (result) => {
        const ids = topActions(result, Infinity).flatMap((action) => action.findingIds);
        const counted = result.findings.filter((f) => f.verdict.status !== "rejected").map((f) => f.id);
        expect(ids.toSorted()).toEqual(counted.toSorted());
        expect(topActions(result).length).toBeLessThanOrEqual(10);
      }),
    );
  });
});

describe("the gate", () => {
  const high = (dimension: Dimension, verdict: VerifiedFinding["verdict"] = confirmed): VerifiedFinding =>
    a({ dimension, severity: "high", verdict });

  it("fails on a confirmed high finding, and only on that, when nothing else is said", () => {
    expect(judge(resultOf([high("secrets")]))).toMatchObject({
      passed: false,
      breaches: [{ dimension: "secrets", message: "Secrets: 1 high finding" }],
    });
    expect(
      judge(resultOf([high("secrets", { status: "likely", method: "m", reason: "r" }), a({ verdict: confirmed })])).passed,
    ).toBe(true);
    expect(judge(resultOf([high("secrets", { status: "rejected", method: "m", reason: "r" })])).passed).toBe(true);
    expect(judge(resultOf([high("secrets", { status: "unverified" })])).passed).toBe(true);
  });

  it("takes a policy for each dimension", () => {
    const result = resultOf([high("hotspots"), a({ dimension: "ci", verdict: confirmed })]);
    const outcome = judge(result, {
      failOn: "high",
      dimensions: { hotspots: { failOn: "never" }, ci: { failOn: "medium" }, links: { minScore: 100 } },
    });
    expect(outcome.breaches.map((b) => b.dimension)).toEqual(["ci"]);
  });

  it("takes least scores, for the total and for a dimension", () => {
    const result = resultOf([a({ verdict: confirmed })]);
    const outcome = judge(result, { minScore: 100, dimensions: { links: { minScore: 100 } } });
    expect(outcome.breaches.map((b) => b.dimension)).toEqual(["links", null]);
    expect(judge(result, { minScore: 10 }).passed).toBe(true);
  });

  it("can judge likely findings and unfinished work too", () => {
    expect(judge(resultOf([high("secrets", { status: "likely", method: "m", reason: "r" })]), { likely: true }).passed).toBe(
      false,
    );
    expect(judge(sample, { failOn: "never", gaps: true }).breaches.map((b) => b.message)).toEqual(["2 tasks did not finish"]);
  });

  it("can judge new findings only, so that an old repository can start with it", () => {
    const outcome = judge(sample, { newOnly: true }, diffResults(earlier, sample));
    expect(outcome.breaches.map((b) => b.dimension)).toEqual(["secrets", "dependencies"]);
    expect(judge(sample, { newOnly: true }, diffResults(sample, sample)).passed).toBe(true);
  });

  it("does not pass an audit that audited nothing", () => {
    expect(judge(resultOf([])).breaches.map((b) => b.message)).toEqual(["Nothing was audited"]);
  });
});
