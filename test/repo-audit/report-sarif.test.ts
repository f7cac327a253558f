import publishedSchema from "@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json" with { type: "json" };
import { Ajv, type ValidateFunction } from "ajv";
import addFormats from "ajv-formats";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { VerifiedFinding } from "../../templates/repo-audit/finding.ts";
import { reportModel } from "../../templates/repo-audit/report/model.ts";
import { renderSarif, sarifLog } from "../../templates/repo-audit/report/sarif.ts";
import { anyResult } from "./report-fixtures/arbitrary.ts";
import { earlier, finding, hostileResult, resultOf, sample } from "./report-fixtures/sample.ts";

const validate = schemaOfSarif();

/** The published schema of SARIF 2.1.0. It is draft 04, of which it uses only what later drafts kept, apart from `id`, and it has a pattern
 * that is no regular expression in Unicode mode. */
function schemaOfSarif(): ValidateFunction {
  const { id: _id, $schema: _schema, ...schema } = publishedSchema;
  const ajv = new Ajv({ strict: false, allErrors: true, unicodeRegExp: false });
  addFormats.default(ajv);
  return ajv.compile(schema);
}

function errorsOf(log: unknown): readonly object[] {
  validate(log);
  return validate.errors ?? [];
}

interface Rule {
  readonly id: string;
  readonly help: { readonly text: string; readonly markdown: string };
}
interface Result {
  readonly ruleId: string;
  readonly ruleIndex: number;
  readonly kind: string;
  readonly level: string;
  readonly message: { readonly text: string };
  readonly locations: readonly { readonly physicalLocation: { readonly artifactLocation: { readonly uri: string } } }[];
  readonly suppressions: readonly object[];
  readonly baselineState?: string;
  readonly partialFingerprints: Readonly<Record<string, string>>;
  readonly properties: { readonly severity: string; readonly verdict: VerifiedFinding["verdict"] };
}
interface Run {
  readonly tool: { readonly driver: { readonly rules: readonly Rule[] } };
  readonly results: readonly Result[];
  readonly originalUriBaseIds: object;
  readonly invocations: readonly [
    { readonly executionSuccessful: boolean; readonly toolExecutionNotifications: readonly object[] },
  ];
  readonly automationDetails: { readonly id: string };
}

/** What the schema has checked, the test may read. */
const run = (...p: Parameters<typeof reportModel>): Run => (sarifLog(reportModel(...p)) as { runs: [Run] }).runs[0];

describe("findings.sarif", () => {
  it("is valid by the schema: a full report, a first run, nothing at all, hostile content, anything", () => {
    expect(errorsOf(JSON.parse(renderSarif(reportModel(sample, earlier))))).toEqual([]);
    expect(errorsOf(sarifLog(reportModel(sample)))).toEqual([]);
    expect(errorsOf(sarifLog(reportModel(resultOf([]))))).toEqual([]);
    expect(errorsOf(JSON.parse(renderSarif(reportModel(hostileResult, sample))))).toEqual([]);
    fc.assert(
      fc.property(anyResult, (result) => {
        expect(errorsOf(JSON.parse(renderSarif(reportModel(result))))).toEqual([]);
      }),
      { numRuns: 30 },
    );
  });

  it("the schema itself is strict: it refuses a log with a field that SARIF does not know", () => {
    expect(validate({ version: "2.1.0", runs: [], surprise: 1 })).toBe(false);
    expect(
      validate({
        version: "2.1.0",
        runs: [{ tool: { driver: { name: "x" } }, results: [{ message: { text: "m" }, level: "fatal" }] }],
      }),
    ).toBe(false);
  });

  it("points every result at its rule, and gives every rule its help", () => {
    const { tool, results } = run(sample);
    for (const result of results) expect(tool.driver.rules[result.ruleIndex]?.id).toBe(result.ruleId);
    for (const rule of tool.driver.rules) {
      expect(rule.help.text.length).toBeGreaterThan(20);
      expect(rule.help.markdown).toContain("**");
    }
    expect(new Set(tool.driver.rules.map((rule) => rule.id)).size).toBe(tool.driver.rules.length);
    expect(results).toHaveLength(sample.findings.length);
  });

  it("maps severities to levels, and an info to no failure at all", () => {
    const levels = Object.fromEntries(run(sample).results.map((r) => [r.properties.severity, `${r.kind}/${r.level}`]));
    expect(levels).toEqual({ high: "fail/error", medium: "fail/warning", low: "fail/note", info: "informational/none" });
  });

  it("suppresses rejected findings with their reason, and says for all others that they are not", () => {
    for (const { suppressions, properties } of run(sample).results) {
      const { verdict } = properties;
      const expected =
        verdict.status === "rejected"
          ? [{ kind: "external", status: "accepted", justification: `${verdict.method}: ${verdict.reason}` }]
          : [];
      expect(suppressions).toEqual(expected);
    }
  });

  it("names files by relative uri below SRCROOT, and no path of the machine anywhere", () => {
    const path = "docs/a b/ü#1?.md";
    const { results, originalUriBaseIds } = run(
      resultOf([
        finding({ dimension: "links", rule: "dead-path", severity: "low", path, line: 3, message: "m", fix: "f", evidence: "e" }),
        finding({ dimension: "tests", rule: "no-tests", severity: "low", path: "", message: "m", fix: "f", evidence: "e" }),
      ]),
    );
    const locations = results.map((r) => r.locations[0]!.physicalLocation);
    expect(locations).toEqual([
      { artifactLocation: { uri: "docs/a%20b/%C3%BC%231%3F.md", uriBaseId: "SRCROOT" }, region: { startLine: 3 } },
      { artifactLocation: { uri: ".", uriBaseId: "SRCROOT" } },
    ]);
    expect(Object.keys(originalUriBaseIds)).toEqual(["SRCROOT"]);
    expect(renderSarif(reportModel(sample))).not.toContain(sample.repo.root);
    for (const result of run(hostileResult).results) {
      const { uri } = result.locations[0]!.physicalLocation.artifactLocation;
      expect(new URL(uri, "file:///root/").protocol).toBe("file:");
    }
  });

  it("keeps a fingerprint over runs and says what is new against the last one", () => {
    const { results } = run(sample, earlier);
    const states = Map.groupBy(results, (r) => r.baselineState);
    expect(states.get("new")).toHaveLength(11);
    expect(results.every((r) => r.partialFingerprints["flotillaFinding/v1"]?.length === 16)).toBe(true);
    expect(run(sample).results.some((r) => "baselineState" in r)).toBe(false);
  });

  it("tells gaps as notifications of a run that did not succeed", () => {
    const [invocation] = run(sample).invocations;
    expect(invocation.executionSuccessful).toBe(false);
    expect(invocation.toolExecutionNotifications).toHaveLength(2);
    expect(run(sample).automationDetails.id).toBe("flotilla/repo-audit/harbour/r_7K2QX9");
  });

  it("lets no finding's text become a link or a placeholder", () => {
    for (const { message } of run(hostileResult).results) {
      expect(message.text).not.toMatch(/(?<!\\)\[/);
      expect(message.text).not.toMatch(/(?<!\{)\{\d+\}(?!\})/);
    }
  });
});
