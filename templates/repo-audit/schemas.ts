// The shapes that travel between the tasks of an audit, checked where they arrive.
import * as z from "zod";
import { dimensions, severities, type AuditPlan, type Finding, type VerifiedFinding } from "./finding.ts";

const fact = z.union([z.string(), z.number(), z.boolean()]);

export const FindingShape = z.object({
  id: z.string(),
  dimension: z.enum(dimensions),
  rule: z.string(),
  severity: z.enum(severities),
  path: z.string(),
  line: z.int().positive().exactOptional(),
  message: z.string(),
  fix: z.string(),
  evidence: z.string(),
  facts: z.record(z.string(), fact).exactOptional(),
}) satisfies z.ZodType<Finding>;

const reasoned = { method: z.string(), reason: z.string() };
export const VerdictShape = z.discriminatedUnion("status", [
  z.object({ status: z.literal("confirmed"), method: z.string() }),
  z.object({ status: z.literal("likely"), ...reasoned }),
  z.object({ status: z.literal("rejected"), ...reasoned }),
]);

export const VerifiedShape = FindingShape.extend({
  verdict: z.union([VerdictShape, z.object({ status: z.literal("unverified") })]),
}) satisfies z.ZodType<VerifiedFinding>;

/** A stored value by its reference: `ctx.artifact.put` gives it, `ctx.artifact.get` takes it. */
export const Reference = z.object({ $artifact: z.string(), bytes: z.number(), type: z.string().exactOptional() });

/** A shard without its file entries: those are in the inventory. */
export const ShardTask = z.object({
  key: z.string(),
  dimension: z.enum(dimensions),
  contentHash: z.string(),
  paths: z.array(z.string()),
});
export type ShardTask = z.infer<typeof ShardTask>;

export const Decision = z.object({
  dimension: z.enum(dimensions),
  included: z.boolean(),
  why: z.string(),
  shards: z.int(),
}) satisfies z.ZodType<AuditPlan["decisions"][number]>;

const choice = z.array(z.enum(dimensions)).exactOptional();

export const AuditRequest = z.object({
  /** Folder of the repository. */
  repo: z.string(),
  /** Where the report goes. @default reports/<name of the repository> */
  out: z.string().exactOptional(),
  /** These dimensions only. */
  only: choice,
  /** All but these. */
  skip: choice,
  /** Show the plan, audit nothing. */
  planOnly: z.boolean().exactOptional(),
  /** Look at everything again, whatever the last run found. */
  fresh: z.boolean().exactOptional(),
  /** The least severity of a confirmed finding that breaks the gate. @default "high" */
  failOn: z.enum([...severities, "never"]).exactOptional(),
});
