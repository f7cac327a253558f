// SARIF 2.1.0 (OASIS, errata 01). Section numbers below are those of the standard.

import type { Severity, VerifiedFinding } from "../finding.ts";
import { dimensionText } from "./dimensions.ts";
import type { ReportModel } from "./model.ts";
import { isCounted, severitiesDown } from "./order.ts";
import { pointsOf } from "./score.ts";
import { ruleName, visible } from "./text.ts";

/** `info` is told but asks for nothing: its kind is `informational`, and only kind `fail` may carry a level (3.27.10). */
const levels: Readonly<Record<Severity, "error" | "warning" | "note" | "none">> = {
  high: "error",
  medium: "warning",
  low: "note",
  info: "none",
};

export function renderSarif(model: ReportModel): string {
  return `${JSON.stringify(sarifLog(model), null, 2)}\n`;
}

export function sarifLog(model: ReportModel): object {
  const { result } = model;
  const ruleIds = [...new Set(model.findings.map(ruleId))];
  const ruleIndex = new Map(ruleIds.map((id, i) => [id, i]));
  const baseline = baselineStates(model);
  return {
    $schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: {
          driver: {
            name: "Flotilla repo-audit",
            rules: ruleIds.map((id) =>
              rule(
                id,
                model.findings.filter((f) => ruleId(f) === id),
              ),
            ),
          },
        },
        // `category/run`: uploads of one repository replace each other, and each run can still be told apart (3.17.3).
        automationDetails: { id: `flotilla/repo-audit/${segment(result.repo.name)}/${segment(result.runId)}` },
        // Where the root is depends on who reads; a path of the auditing machine would only leak its layout.
        originalUriBaseIds: { SRCROOT: { description: { text: "The root of the audited repository." } } },
        columnKind: "utf16CodeUnits",
        invocations: [
          {
            executionSuccessful: result.gaps.length === 0,
            ...utc("startTimeUtc", result.startedAt),
            ...utc("endTimeUtc", result.finishedAt),
            toolExecutionNotifications: result.gaps.map((gap) => ({
              level: "warning",
              message: { text: plain(`${gap.task} did not finish: ${gap.what} (${gap.why})`) },
            })),
          },
        ],
        properties: { runId: result.runId, head: result.repo.head, score: model.scores.total, grade: model.scores.grade },
        results: model.findings.map((finding) => toResult(finding, ruleIndex.get(ruleId(finding))!, baseline?.get(finding))),
      },
    ],
  };
}

function rule(id: string, findings: readonly VerifiedFinding[]): object {
  const worst = severitiesDown.find((severity) => findings.some((f) => f.severity === severity)) ?? "info";
  const first = findings.find((f) => f.severity === worst) ?? findings[0]!;
  const { label, asks, matters } = dimensionText[first.dimension];
  const name = ruleName(first.rule);
  return {
    id,
    name: pascalCase(first.rule),
    shortDescription: { text: plain(`${label}: ${name}`) },
    fullDescription: { text: plain(`${asks} ${matters}`) },
    help: {
      text: plain(`${matters} What to do, as in the worst finding of this rule: ${first.fix}`),
      markdown: `**${label}: ${plain(name)}**\n\n${matters}\n\nWhat to do, as in the worst finding of this rule: ${plain(first.fix)}`,
    },
    defaultConfiguration: { level: levels[worst] },
    properties: {
      tags: first.dimension === "secrets" ? [first.dimension, "security"] : [first.dimension],
      "problem.severity": worst === "high" ? "error" : worst === "medium" ? "warning" : "recommendation",
      ...(first.dimension === "secrets"
        ? { "security-severity": { high: "8.0", medium: "5.5", low: "3.0", info: "0.0" }[worst] }
        : {}),
    },
  };
}

function toResult(finding: VerifiedFinding, index: number, baselineState: "new" | "unchanged" | undefined): object {
  const { verdict } = finding;
  const level = levels[finding.severity];
  return {
    ruleId: ruleId(finding),
    ruleIndex: index,
    kind: level === "none" ? "informational" : "fail",
    level,
    message: { text: plain(`${finding.message} ${finding.fix}`) },
    locations: [location(finding)],
    partialFingerprints: { "flotillaFinding/v1": finding.id },
    rank: pointsOf(finding) * 10,
    ...(baselineState === undefined ? {} : { baselineState }),
    // One result with suppressions obliges all (3.27.23); an empty list says "looked at, and not suppressed".
    suppressions:
      verdict.status === "rejected"
        ? [{ kind: "external", status: "accepted", justification: visible(`${verdict.method}: ${verdict.reason}`) }]
        : [],
    properties: { severity: finding.severity, fix: finding.fix, evidence: finding.evidence, verdict },
  };
}

function location(finding: VerifiedFinding): object {
  return {
    physicalLocation: {
      // Code scanning services want a location for every result, so what is about the repository is laid at its root.
      artifactLocation: { uri: finding.path === "" ? "." : relativeUri(finding.path), uriBaseId: "SRCROOT" },
      ...(finding.line === undefined ? {} : { region: { startLine: finding.line } }),
    },
  };
}

/** `new` or `unchanged` by object, because ids may occur twice. Null without a previous run. */
function baselineStates(model: ReportModel): ReadonlyMap<VerifiedFinding, "new" | "unchanged"> | null {
  if (model.diff === null) return null;
  const unchanged = new Set([...model.diff.unchanged, ...model.diff.withdrawn]);
  return new Map(model.findings.map((f) => [f, isCounted(f) && !unchanged.has(f) ? "new" : "unchanged"]));
}

const ruleId = (f: VerifiedFinding): string => `${f.dimension}/${f.rule}`;

function relativeUri(path: string): string {
  return path.split("/").map(segment).join("/");
}

function segment(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}

/** Plain SARIF text still reads `[text](target)` as a link and `{0}` as a placeholder (3.11.5, 3.11.6). */
function plain(text: string): string {
  return visible(text)
    .replace(/[\\[\]]/g, "\\$&")
    .replace(/\{(\d+)\}/g, "{{$1}}");
}

function pascalCase(kebab: string): string {
  return kebab.replace(/(^|[^A-Za-z0-9]+)([A-Za-z0-9])/g, (_, _gap: string, letter: string) => letter.toUpperCase());
}

function utc(name: string, iso: string): object {
  const at = Date.parse(iso);
  return Number.isNaN(at) ? {} : { [name]: new Date(at).toISOString() };
}
