import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dimensions, type VerifiedFinding } from "../../templates/repo-audit/finding.ts";
import { buildFixture, type Fixture, type Label } from "./fixture.ts";
import { type RulesRun, runRules } from "./run-rules.ts";

let fixture: Fixture;
let run: RulesRun;

beforeAll(async () => {
  fixture = buildFixture();
  run = await runRules(fixture.root);
});
afterAll(() => fixture[Symbol.dispose]());

function matching(label: Label, findings: readonly VerifiedFinding[]): readonly VerifiedFinding[] {
  return findings.filter(
    (finding) =>
      finding.dimension === label.dimension &&
      finding.rule === label.rule &&
      finding.path === label.path &&
      (label.about === undefined || `${finding.evidence} ${finding.message}`.includes(label.about)),
  );
}

const name = (label: Label): string =>
  `${label.dimension}/${label.rule} ${label.path}${label.about === undefined ? "" : ` (${label.about})`}`;
const isHeld = (finding: VerifiedFinding): boolean =>
  finding.verdict.status === "confirmed" || finding.verdict.status === "likely";
const isSerious = (finding: VerifiedFinding): boolean => finding.severity === "medium" || finding.severity === "high";

describe("the labelled repository", () => {
  it("is audited in all ten dimensions without a failure", () => {
    expect(run.failures).toEqual([]);
    expect(run.plan.decisions.filter((decision) => !decision.included)).toEqual([]);
    expect(run.plan.decisions.map((decision) => decision.dimension)).toEqual(dimensions);
  });

  it("yields every planted defect, held by its verifier", () => {
    const missed = fixture.labels.planted.filter((label) => !matching(label, run.findings).some(isHeld)).map(name);
    expect(missed).toEqual([]);
  });

  it("yields no decoy as a serious finding that holds", () => {
    const believed = fixture.labels.decoys
      .filter((label) => matching(label, run.findings).some((finding) => isHeld(finding) && isSerious(finding)))
      .map(name);
    expect(believed).toEqual([]);
  });

  it("holds no serious finding beside the planted ones", () => {
    const held = run.findings.filter((finding) => isHeld(finding) && isSerious(finding));
    const unexpected = held.filter((finding) => !fixture.labels.planted.some((label) => matching(label, [finding]).length > 0));
    expect(unexpected.map((finding) => `${finding.dimension}/${finding.rule} ${finding.path} ${finding.evidence}`)).toEqual([]);
  });

  it("verifies exactly what is medium or worse, and says how", () => {
    const wrong = run.findings.filter(
      ({ verdict, ...finding }) =>
        (verdict.status !== "unverified") !== isSerious({ ...finding, verdict }) ||
        ("method" in verdict && verdict.method === "") ||
        ("reason" in verdict && verdict.reason === ""),
    );
    expect(wrong).toEqual([]);
  });

  it("never shows a secret, wherever one might be quoted", () => {
    const said = JSON.stringify(run);
    expect(fixture.labels.secrets.filter((secret) => said.includes(secret))).toEqual([]);
  });

  it("says the same twice, in the same order", async () => {
    const again = await runRules(fixture.root);
    expect(again.findings).toEqual(run.findings);
    expect(again.plan).toEqual(run.plan);
  });

  it("keeps ids when lines move", async () => {
    const moved = ["README.md", "docs/guide.md", "src/deploy.ts", "src/old.ts", "src/api.ts", "test/focus.test.ts", "Dockerfile"];
    const before = new Map(moved.map((path) => [path, readFileSync(join(fixture.root, path), "utf8")]));
    try {
      for (const [path, text] of before) fixture.write(path, `\n\n${text}`);
      const shifted = await runRules(fixture.root);
      const ids = (findings: readonly VerifiedFinding[]): string[] => findings.map((finding) => finding.id).sort();
      expect(ids(shifted.findings)).toEqual(ids(run.findings));
      const lineOf = (findings: readonly VerifiedFinding[]): number | undefined =>
        findings.find((finding) => finding.rule === "wrong-case")?.line;
      expect(lineOf(shifted.findings)).toBe((lineOf(run.findings) ?? 0) + 2);
    } finally {
      for (const [path, text] of before) fixture.write(path, text);
    }
  });

  it("gives ids once only", () => {
    const ids = run.findings.map((finding) => finding.id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("quotes at most 200 characters", () => {
    expect(Math.max(...run.findings.map((finding) => finding.evidence.length))).toBeLessThanOrEqual(200);
  });
});
