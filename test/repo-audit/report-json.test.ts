import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readFindings, renderJson } from "../../templates/repo-audit/report/json.ts";
import { reportModel } from "../../templates/repo-audit/report/model.ts";
import { inOrder } from "../../templates/repo-audit/report/order.ts";
import { anyResult } from "./report-fixtures/arbitrary.ts";
import { earlier, hostileResult, sample } from "./report-fixtures/sample.ts";

describe("findings.json", () => {
  it("reads back as it was written, in report order", () => {
    fc.assert(
      fc.property(anyResult, (result) => {
        expect(readFindings(renderJson(reportModel(result)))).toEqual({ ...result, findings: inOrder(result.findings) });
      }),
      { numRuns: 50 },
    );
    expect(readFindings(renderJson(reportModel(hostileResult))).repo).toEqual(hostileResult.repo);
  });

  it("has the same bytes whatever the order of findings and facts", () => {
    const shuffled = {
      ...sample,
      findings: sample.findings
        .toReversed()
        .map((f) => (f.facts === undefined ? f : { ...f, facts: Object.fromEntries(Object.entries(f.facts).reverse()) })),
    };
    expect(renderJson(reportModel(shuffled, earlier))).toBe(renderJson(reportModel(sample, earlier)));
  });

  it("carries its version and a summary", () => {
    expect(JSON.parse(renderJson(reportModel(sample)))).toMatchObject({
      version: 1,
      kind: "flotilla/repo-audit",
      summary: { grade: "C", gate: { passed: false } },
    });
  });

  it("lets unknown fields through, so that a newer writer of this version stays readable", () => {
    const json = JSON.parse(renderJson(reportModel(sample)));
    json.later = true;
    json.findings[0].later = true;
    expect(readFindings(JSON.stringify(json)).findings).toHaveLength(sample.findings.length);
  });

  it.each([
    ["not JSON", () => "{", /it is not JSON/],
    ["another kind of JSON", () => "[]", /"version" is undefined; expected 1/],
    ["a later version", () => edited((f) => (f.version = 2)), /version 2; this reader knows versions up to 1/],
    ["a line that is text", () => edited((f) => (f.findings[4].line = "12")), /findings\[4\]\.line/],
    ["line zero", () => edited((f) => (f.findings[0].line = 0)), /findings\[0\]\.line/],
    ["an unknown severity", () => edited((f) => (f.findings[0].severity = "fatal")), /findings\[0\]\.severity/],
    [
      "a verdict without its reason",
      () => edited((f) => (f.findings[0].verdict = { status: "rejected", method: "m" })),
      /findings\[0\]\.verdict\.reason/,
    ],
    ["no findings", () => edited((f) => delete f.findings), /why +findings:/],
    ["a fact that is an object", () => edited((f) => (f.findings[0].facts = { a: {} })), /findings\[0\]\.facts\.a/],
  ])("refuses %s, and says where and how to go on", (_, text, why) => {
    expect(() => readFindings(text(), "/reports/findings.json")).toThrow(why);
    expect(() => readFindings(text(), "/reports/findings.json")).toThrow(
      /where +\/reports\/findings\.json[\s\S]*fix +delete or move the file/,
    );
  });
});

// oxlint-disable-next-line typescript/no-explicit-any -- breaking a file takes what its type forbids
function edited(change: (file: any) => unknown): string {
  const file = JSON.parse(renderJson(reportModel(sample)));
  change(file);
  return JSON.stringify(file);
}
