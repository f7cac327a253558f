// What may be asked, as zod schemas. Strict: a misspelt field is refused with its path, never ignored.
import { z } from "zod";
import { bounds } from "../core/bounds.ts";
import { FlotillaError } from "../core/error.ts";
import { issuePath } from "../core/issue.ts";
import { namespaceLength } from "../core/namespace.ts";
import { roles } from "../core/role.ts";
import { missedPolicies, overlapPolicies } from "../core/schedule.ts";
import type { Schema } from "../core/schema.ts";
import { closedStates, openStates, priorities } from "../core/task.ts";
import { bulkActions, redrivable } from "../protocol/bulk.ts";
import { cursorShape } from "../protocol/events.ts";
import { runStatuses } from "../protocol/views.ts";

/** Rows of one page. */
export const pageMax = 500;
/** The longest a long poll is held, in ms: proxies drop silent requests after 60 s. */
export const waitMsMax = 55_000;

const name = z.string().min(1).max(bounds.nameLength);
const instant = z.iso.datetime({ offset: true });
const paging = { limit: z.coerce.number().int().min(1).max(pageMax).optional(), after: z.string().min(1).optional() };

export const startBody = z.strictObject({
  name,
  input: z.unknown().optional(),
  idempotencyKey: z.string().min(1).max(bounds.keyLength).optional(),
  inputHash: z.string().min(1).max(100).optional(),
  tenant: z.string().min(1).max(bounds.tenantLength).optional(),
  tags: z.array(z.string().min(1).max(bounds.tagLength)).max(bounds.tagsMax).optional(),
  priority: z.enum(priorities).optional(),
  delayMs: z.number().int().min(0).optional(),
  startAt: instant.optional(),
  deadlineMs: z.number().int().min(1).optional(),
  deadlineAt: instant.optional(),
  ttlMs: z.number().int().min(1).optional(),
});
/** The rest (pattern, time zone, what goes together) is for the orchestrator to check: it knows the rules. */
export const scheduleBody = z.strictObject({
  target: name,
  input: z.unknown().optional(),
  cron: z.string().min(1).max(bounds.keyLength).optional(),
  everyMs: z.number().int().min(bounds.scheduleEveryMs).optional(),
  timeZone: z.string().min(1).max(bounds.nameLength).optional(),
  tenant: z.string().min(1).max(bounds.tenantLength).optional(),
  onMissed: z.enum(missedPolicies).optional(),
  overlap: z.enum(overlapPolicies).optional(),
  startAt: instant.optional(),
  endAt: instant.optional(),
});
export const tokenBody = z.strictObject({
  name,
  role: z.enum(roles),
  namespace: z.string().min(1).max(namespaceLength).optional(),
  expiresAt: instant.optional(),
});
export const tokensQuery = z.strictObject(paging);
export const schedulesQuery = z.strictObject(paging);
export const webhookCallsQuery = z.strictObject({ givenUp: z.enum(["true", "false"]).optional(), ...paging });
export const cancelBody = z.strictObject({ reason: z.string().min(1).max(1_000).optional() });
export const forkBody = z.strictObject({ input: z.unknown().refine((v) => v !== undefined, "name the input to ask it with") });
export const emptyBody = z.strictObject({});
export const purgeBody = z
  .strictObject({ run: z.string().min(1).optional(), tenant: z.string().min(1).max(bounds.tenantLength).optional() })
  .refine((q) => (q.run === undefined) !== (q.tenant === undefined), "name either a run or a tenant");
// Which filters go with which action is for the orchestrator to say.
const bulkWhere = z.strictObject({
  name: name.optional(),
  status: z.array(z.enum(runStatuses)).min(1).optional(),
  state: z.array(z.enum(redrivable)).min(1).optional(),
  run: z.string().min(1).max(100).optional(),
  tenant: z.string().min(1).max(bounds.tenantLength).optional(),
  tag: z.string().min(1).max(bounds.tagLength).optional(),
  startedFrom: instant.optional(),
  startedBefore: instant.optional(),
  error: z.string().min(1).max(bounds.keyLength).optional(),
});
/** Required: nothing is done to what nobody has counted. */
const counted = { expect: z.int().min(0), limit: z.int().min(1).max(bounds.bulk).optional() };
const bulkReason = z.string().min(1).max(bounds.keyLength).optional();
export const bulkCountBody = z.strictObject({ action: z.enum(bulkActions), where: bulkWhere, reason: bulkReason });
/** Deleting has a route of its own: fewer may. */
export const bulkBody = z.strictObject({
  action: z.enum(bulkActions).exclude(["purge"]),
  where: bulkWhere,
  reason: bulkReason,
  ...counted,
});
export const bulkPurgeBody = z.strictObject({ where: bulkWhere, ...counted });
export const backupBody = z.strictObject({ folder: z.string().min(1) });
const build = z.string().min(1).max(bounds.keyLength);
export const drainBody = z
  .strictObject({ build: build.optional(), worker: build.optional(), park: z.boolean().optional() })
  .refine((r) => (r.build === undefined) !== (r.worker === undefined), "name either a build or a worker");
export const resumeBuildBody = z.strictObject({ build });
export const messageBody = z.strictObject({
  name,
  value: z.unknown().optional(),
  key: z.string().min(1).max(bounds.keyLength).optional(),
});
const said = z.string().max(bounds.keyLength);
export const approveBody = z.strictObject({ by: said.min(1).optional(), note: said.optional(), value: z.unknown().optional() });
export const rejectBody = z.strictObject({ by: said.min(1).optional(), reason: said.min(1) });
export const approvalsQuery = z.strictObject(paging);
export const runsQuery = z.strictObject({ status: z.enum(runStatuses).optional(), name: name.optional(), ...paging });
export const tasksQuery = z.strictObject({
  state: z.enum([...openStates, ...closedStates]).optional(),
  name: name.optional(),
  ...paging,
});
export const outcomeQuery = z.strictObject({ waitMs: z.coerce.number().int().min(0).max(waitMsMax).default(25_000) });
const cursor = z.string().regex(cursorShape, "it is no cursor of an event");
export const eventsQuery = z.strictObject({ after: cursor.optional(), types: z.string().min(1).optional() });

/** The checked value. @throws FLOTILLA_CONFIG_INVALID with the path of the first field that does not fit. */
export function checked<T>(schema: z.ZodType<T>, value: unknown, where: "body" | "query"): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issues = result.error.issues as readonly Schema.Issue[];
  const first = issues[0];
  const path = first === undefined ? "" : issuePath(first);
  throw new FlotillaError("FLOTILLA_CONFIG_INVALID", {
    field: path === "" ? where : `${where}.${path}`,
    problem: issues.map((i) => i.message).join("; "),
    fix: "correct the request and send it again; nothing was stored",
  });
}

/** @throws FLOTILLA_CONFIG_INVALID when `text` is not JSON. An empty body is `{}`: curl -X POST sends none. */
export function parseBody(text: string): unknown {
  if (text.trim() === "") return {};
  refuseDeep(text);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new FlotillaError("FLOTILLA_CONFIG_INVALID", {
      field: "body",
      problem: `it is not JSON: ${error instanceof Error ? error.message : String(error)}`,
      fix: 'send a JSON object, such as {"name": "hello", "input": {"who": "you"}}',
    });
  }
}

/** Much that handles a value calls itself for each level: a megabyte of brackets would end it. @throws FLOTILLA_TOO_MANY */
function refuseDeep(text: string): void {
  let depth = 0;
  let inText = false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (inText) {
      if (c === backslash) i += 1;
      else if (c === quote) inText = false;
    } else if (c === quote) inText = true;
    else if (c === bracket || c === brace) {
      depth += 1;
      if (depth > bounds.jsonDepth)
        throw new FlotillaError("FLOTILLA_TOO_MANY", { what: "levels of the body", count: depth, max: bounds.jsonDepth });
    } else if (c === bracketEnd || c === braceEnd) depth -= 1;
  }
}
const [quote, backslash, bracket, bracketEnd, brace, braceEnd] = [0x22, 0x5c, 0x5b, 0x5d, 0x7b, 0x7d];

/** Without the keys that are undefined: optional means absent inside the house. */
export function present<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as never;
}
