import { z } from "zod";
import { dimensions, severities, type AuditResult, type VerifiedFinding } from "../finding.ts";
import { ReportError } from "./error.ts";
import type { ReportModel } from "./model.ts";
import { inOrder } from "./order.ts";

/** Raised when a reader of the old shape would misread the new one; more fields alone do not raise it. */
const findingsVersion = 1;

const text = z.string();
const whole = z.number().int().nonnegative();
const dimension = z.enum(dimensions);

const verdict = z.discriminatedUnion("status", [
  z.object({ status: z.literal("confirmed"), method: text }),
  z.object({ status: z.literal("likely"), method: text, reason: text }),
  z.object({ status: z.literal("rejected"), method: text, reason: text }),
  z.object({ status: z.literal("unverified") }),
]);

const finding = z.object({
  id: text.min(1),
  dimension,
  rule: text.min(1),
  severity: z.enum(severities),
  path: text,
  line: z.number().int().positive().exactOptional(),
  message: text,
  fix: text,
  evidence: text,
  facts: z.record(text, z.union([text, z.number(), z.boolean()])).exactOptional(),
  verdict,
});

const auditResult = z.object({
  repo: z.object({ name: text, root: text, head: text.nullable(), files: whole, bytes: whole }),
  runId: text,
  startedAt: text,
  finishedAt: text,
  plan: z.array(z.object({ dimension, included: z.boolean(), why: text, shards: whole })),
  findings: z.array(finding),
  gaps: z.array(z.object({ task: text, what: text, why: text })),
  stats: z.object({ tasks: whole, shards: whole, reusedShards: whole, filesUnchanged: whole, verified: whole, workers: whole }),
});

/** `findings.json`: the result as it is, in report order, with the scores that belong to it. */
export function renderJson(model: ReportModel): string {
  const { result, scores, gate } = model;
  const file = {
    version: findingsVersion,
    kind: "flotilla/repo-audit",
    runId: result.runId,
    startedAt: result.startedAt,
    finishedAt: result.finishedAt,
    repo: {
      name: result.repo.name,
      root: result.repo.root,
      head: result.repo.head,
      files: result.repo.files,
      bytes: result.repo.bytes,
    },
    // For people and dashboards; the reader works them out again from the findings.
    summary: {
      score: scores.total,
      grade: scores.grade,
      gate: { passed: gate.passed, breaches: gate.breaches },
      severities: model.severities,
      verdicts: model.verdicts,
      dimensions: scores.dimensions.map((d) => ({
        dimension: d.dimension,
        score: d.score,
        complete: d.complete,
        counts: d.counts,
      })),
    },
    stats: result.stats,
    plan: result.plan,
    gaps: result.gaps,
    findings: inOrder(result.findings).map(inFieldOrder),
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}

/**
 * Reads what `renderJson` wrote. Unknown fields are let through, so that an older reader survives a newer writer of
 * the same version; anything missing or of the wrong kind is refused with its place in the file.
 */
export function readFindings(json: string, where = "findings.json"): AuditResult {
  const refuse = (why: string, cause?: unknown): never => {
    throw new ReportError({
      what: "The findings of the previous run cannot be read.",
      where,
      why,
      fix: "delete or move the file to start without a previous run, or restore it from the run that wrote it",
      cause,
    });
  };
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    return refuse(`it is not JSON: ${(error as Error).message}`, error);
  }
  const version = typeof value === "object" && value !== null ? (value as { version?: unknown }).version : undefined;
  if (typeof version === "number" && version > findingsVersion) {
    return refuse(`it has version ${version}; this reader knows versions up to ${findingsVersion}`);
  }
  if (version !== findingsVersion) return refuse(`"version" is ${JSON.stringify(version)}; expected ${findingsVersion}`);
  const parsed = auditResult.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    return refuse(
      `${inPath(issue.path)}: ${issue.message}${parsed.error.issues.length > 1 ? ` (and ${parsed.error.issues.length - 1} more)` : ""}`,
    );
  }
  return parsed.data;
}

function inPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (all, key) => (typeof key === "number" ? `${all}[${key}]` : `${all}${all === "" ? "" : "."}${String(key)}`),
    "",
  );
}

/** The same finding gives the same bytes, whoever built the object and in whatever order. */
function inFieldOrder(f: VerifiedFinding): VerifiedFinding {
  const { id, dimension, rule, severity, path, line, message, fix, evidence, facts } = f;
  return {
    id,
    dimension,
    rule,
    severity,
    path,
    ...(line === undefined ? {} : { line }),
    message,
    fix,
    evidence,
    ...(facts === undefined ? {} : { facts: Object.fromEntries(Object.entries(facts).sort(([a], [b]) => (a < b ? -1 : 1))) }),
    verdict: f.verdict,
  };
}
