import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AuditResult, VerifiedFinding } from "../../templates/repo-audit/finding.ts";
import { diffResults } from "../../templates/repo-audit/report/diff.ts";
import { shown } from "../../templates/repo-audit/report/score.ts";
import { anyResult } from "./report-fixtures/arbitrary.ts";
import { finding, resultOf } from "./report-fixtures/sample.ts";

const counted = (result: AuditResult): readonly VerifiedFinding[] =>
  result.findings.filter((f) => f.verdict.status !== "rejected");
const planned = { plan: [{ dimension: "links", included: true, why: "", shards: 1 }] } as const;
const a = (path: string, over: Partial<VerifiedFinding> = {}): VerifiedFinding =>
  finding({
    dimension: "links",
    rule: "dead-path",
    severity: "medium",
    path,
    message: "Dead.",
    fix: "Mend it.",
    evidence: "x",
    verdict: { status: "confirmed", method: "m" },
    ...over,
  });

describe("the difference of two runs", () => {
  it("puts every counted finding of both runs into exactly one list", () => {
    fc.assert(
      fc.property(anyResult, anyResult, (before, after) => {
        const diff = diffResults(before, after);
        expect(diff.new.length + diff.unchanged.length).toBe(counted(after).length);
        expect(diff.fixed.length + diff.unknown.length + diff.unchanged.length + diff.withdrawn.length).toBe(
          counted(before).length,
        );
        expect([...diff.new, ...diff.unchanged].every((f) => after.findings.includes(f))).toBe(true);
        expect([...diff.fixed, ...diff.unknown].every((f) => before.findings.includes(f))).toBe(true);
      }),
    );
  });

  it("of a run with itself is empty, and back and forth it swaps new and gone", () => {
    fc.assert(
      fc.property(anyResult, anyResult, (before, after) => {
        const same = diffResults(after, after);
        expect([same.new, same.fixed, same.withdrawn, same.unknown].map((list) => list.length)).toEqual([0, 0, 0, 0]);
        expect(same.total.delta).toBe(0);
        const there = diffResults(before, after);
        const back = diffResults(after, before);
        expect(there.new.length).toBe(back.fixed.length + back.unknown.length + back.withdrawn.length);
        expect(there.total.delta).toBe(back.total.delta === 0 ? 0 : -back.total.delta!);
      }),
    );
  });

  it("adds up: each delta is the difference of the whole numbers shown", () => {
    fc.assert(
      fc.property(anyResult, anyResult, (before, after) => {
        for (const d of diffResults(before, after).dimensions) expect(d.delta).toBe(shown(d.after!) - shown(d.before!));
      }),
    );
  });

  it("follows a finding that only moved to another line", () => {
    const diff = diffResults(resultOf([a("a.md", { line: 3 })]), resultOf([a("a.md", { line: 90 })]));
    expect([diff.new.length, diff.unchanged.length]).toEqual([0, 1]);
    expect(diff.unchanged[0]!.line).toBe(90);
  });

  it("counts equal ids, so that the second of two twins can be fixed alone", () => {
    const diff = diffResults(resultOf([a("a.md"), a("a.md")], planned), resultOf([a("a.md")], planned));
    expect([diff.fixed.length, diff.unchanged.length]).toEqual([1, 1]);
  });

  it("does not call a finding fixed when the second method rejected it", () => {
    const rejected = a("a.md", { verdict: { status: "rejected", method: "m", reason: "r" } });
    const diff = diffResults(resultOf([a("a.md")], planned), resultOf([rejected], planned));
    expect([diff.fixed.length, diff.withdrawn.length]).toEqual([0, 1]);
    expect(diffResults(resultOf([rejected], planned), resultOf([a("a.md")], planned)).new).toHaveLength(1);
  });

  it("does not call a finding fixed when nobody looked", () => {
    const before = resultOf([a("a.md")], planned);
    expect(diffResults(before, resultOf([], { plan: [] })).unknown).toHaveLength(1);
    expect(
      diffResults(before, resultOf([], { ...planned, gaps: [{ task: "audit links#1", what: "w", why: "y" }] })).unknown,
    ).toHaveLength(1);
    expect(diffResults(before, resultOf([], planned)).fixed).toHaveLength(1);
  });

  it("has no delta for a dimension that one of the runs left out", () => {
    const links = diffResults(resultOf([]), resultOf([], planned)).dimensions.find((d) => d.dimension === "links")!;
    expect(links).toEqual({ dimension: "links", before: null, after: 100, delta: null });
  });
});
