// The messages of ../worker.ts as runtime schemas: what comes over a socket is checked, field by field, before anything
// is done with it. Unknown fields are dropped, so that a newer peer may say more. A test holds the two files together.
import * as z from "zod";
import { bounds } from "../../core/bounds.ts";
import type { ErrorJson } from "../../core/error.ts";

const name = z.string().min(1).max(bounds.nameLength);
const key = z.string().max(bounds.keyLength);
const whole = z.int().min(0);
const ms = z.number().min(0);
/** JSON text that nobody parses on the way. Its bytes are counted where it is kept. */
const text = z.string().max(bounds.artifactBytes);
const said = z.string().max(bounds.errorBytes);
const list = <T extends z.ZodType>(of: T) => z.array(of).max(bounds.fanout);

export const fence = z.object({ task: whole, boot: whole, leaseNo: whole });

/** As deep as causes go; deeper ones are another program's. */
const plainError = z.object({
  code: z.string().max(bounds.nameLength),
  message: text,
  title: said.exactOptional(),
  where: said.exactOptional(),
  why: text.exactOptional(),
  fix: z.array(said).max(bounds.keyLength).exactOptional(),
  doc: said.exactOptional(),
  details: z.unknown().exactOptional(),
  retryable: z.boolean().exactOptional(),
  name: said.exactOptional(),
  data: z.unknown().exactOptional(),
  stack: said.exactOptional(),
});
export const error: z.ZodType<ErrorJson, ErrorJson> = plainError.extend({
  get cause() {
    return error.exactOptional();
  },
});

const retry = z.object({ attempts: z.number().min(1), backoff: z.enum(["exponential", "fixed"]), fromMs: ms, toMs: ms });

export const card = z.object({
  name,
  kind: z.enum(["agent", "workflow", "contract"]),
  implements: name.nullable(),
  description: z.string().max(bounds.errorBytes),
  version: z.string().max(bounds.keyLength),
  needs: z.array(name).max(bounds.needsMax),
  retry,
  timeoutMs: ms.nullable(),
  idleTimeoutMs: ms.nullable(),
  idempotent: z.boolean(),
  inputSchema: z.unknown(),
  outputSchema: z.unknown(),
  code: z.string().min(1).max(bounds.keyLength).exactOptional(),
  onOrphan: z.enum(["wait", "move-if-unchanged"]).exactOptional(),
});

export const hello = z.object({
  t: z.literal("hello"),
  protocol: whole,
  name,
  pid: whole,
  isolation: z.enum(["in-process", "child-process", "remote"]),
  slots: z.int().min(1).max(bounds.slotsMax),
  offers: z.array(name).max(bounds.needsMax),
  build: z.string().max(bounds.keyLength),
  pool: name.exactOptional(),
  definitions: z.array(card).max(bounds.definitionsMax),
});

export const journalEntry = z.object({
  act: whole,
  kind: z.enum(["child", "step", "emit", "send", "timer", "message", "approval"]),
  key,
  inputHash: z.string().max(bounds.keyLength),
  askedAfter: whole,
  seq: whole.nullable(),
});

export const delivery = z.object({
  seq: whole,
  act: whole,
  status: z.enum(["succeeded", "partial", "failed", "canceled", "quarantined", "stopped"]),
  value: text.nullable(),
  error: error.nullable(),
  at: z.number(),
});

export const assignment = z.object({
  fence,
  publicId: z.string(),
  definition: name,
  tenant: z.string(),
  attempt: z.number(),
  input: text,
  startedAt: z.number(),
  acts: whole,
  journal: list(journalEntry),
  journalLeft: whole.exactOptional(),
  baseSeq: whole.exactOptional(),
  lastSeq: whole.exactOptional(),
  deliveries: list(delivery),
  inflate: z.boolean().exactOptional(),
  kept: list(key).exactOptional(),
});

const asked = { act: z.int().min(1), key, inputHash: z.string().max(bounds.keyLength), askedAfter: whole };

const approvalCard = z.object({
  title: text,
  detail: text.nullable(),
  diff: text.nullable(),
  role: z.string().max(bounds.keyLength).nullable(),
  edit: z.object({ schema: z.unknown(), value: z.unknown() }).nullable(),
  onTimeout: z.enum(["reject", "approve"]),
});

export const act = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("child"),
    ...asked,
    definition: name,
    input: text,
    needs: z.array(name).max(bounds.needsMax).exactOptional(),
    priority: z.number().exactOptional(),
    retry: retry.exactOptional(),
    timeoutMs: ms.exactOptional(),
    ifNoWorker: z.literal("fail").exactOptional(),
    detached: z.boolean().exactOptional(),
    shielded: z.boolean().exactOptional(),
    asRef: z.boolean().exactOptional(),
    inflate: z.boolean().exactOptional(),
  }),
  z.object({ kind: z.literal("step"), adopts: z.literal(true).exactOptional(), act: asked.act, key, askedAfter: whole }),
  z.object({ kind: z.literal("step-result"), act: asked.act, value: text.nullable(), error: error.nullable() }),
  z.object({ kind: z.literal("emit"), act: asked.act, key, askedAfter: whole, name, value: text }),
  z.object({
    kind: z.literal("timer"),
    ...asked,
    until: z.union([z.object({ delayMs: z.number() }), z.object({ at: z.number() })]),
  }),
  z.object({ kind: z.literal("message"), ...asked, name, timeoutMs: ms.nullable() }),
  z.object({ kind: z.literal("approval"), ...asked, approval: approvalCard, timeoutMs: ms.nullable() }),
  z.object({
    kind: z.literal("send"),
    ...asked,
    to: z.union([z.object({ act: whole }), z.object({ task: said })]),
    name,
    value: text,
  }),
  z.object({ kind: z.literal("cancel"), act: asked.act, reason: said }),
  z.object({ kind: z.literal("wait"), seen: whole, park: z.literal(true).exactOptional() }),
]);

export const attemptResult = z.discriminatedUnion("status", [
  z.object({ status: z.literal("succeeded"), value: text, gaps: text.exactOptional() }),
  z.object({ status: z.literal("canceled"), error }),
  z.object({ status: z.literal("continued"), input: text, seen: whole }),
  z.object({ status: z.literal("failed"), error, terminal: z.boolean(), retryAfterMs: ms.exactOptional() }),
  z.object({ status: z.literal("returned"), error }),
  z.object({ status: z.literal("mismatch"), error }),
]);

export const settle = z.object({
  t: z.literal("settle"),
  fence,
  result: attemptResult,
  // Whatever a program counts is made a whole number where it is stored.
  spent: z.object({ microUsd: z.number(), inputTokens: z.number(), outputTokens: z.number() }).nullable(),
});

const heldAttempt = z.object({ fence, definition: name, acts: whole, seq: whole, finished: z.boolean() });
export const inventory = z.object({
  worker: z.string().max(bounds.nameLength),
  held: z.array(heldAttempt).max(bounds.fanout),
});

const request = z.int();

export const fromWorker = z.discriminatedUnion("t", [
  hello,
  z.object({ t: z.literal("acts"), fence, acts: list(act) }),
  settle,
  z.object({
    t: z.literal("progress"),
    fence,
    done: z.number().exactOptional(),
    total: z.number().exactOptional(),
    note: text.exactOptional(),
  }),
  z.object({ t: z.literal("ended"), fence }),
  z.object({
    t: z.literal("log"),
    fence,
    level: z.enum(["debug", "info", "warn", "error"]),
    message: text,
    fields: z.unknown(),
  }),
  z.object({ t: z.literal("put"), fence, request, value: text, type: z.string().max(bounds.keyLength).nullable() }),
  z.object({ t: z.literal("get"), fence, request, ref: z.string().max(bounds.keyLength) }),
  z.object({ t: z.literal("more"), fence }),
  z.object({ t: z.literal("answer"), fence, request, value: text.nullable(), error: error.nullable() }),
  z.object({ t: z.literal("pong"), n: whole, holds: whole }),
  z.object({ t: z.literal("draining") }),
  z.object({ t: z.literal("goodbye"), reason: said, crashed: z.literal(true).exactOptional() }),
]);

export const toWorker = z.discriminatedUnion("t", [
  z.object({
    t: z.literal("welcome"),
    worker: z.string().max(bounds.nameLength),
    // It becomes part of a statement.
    store: z.object({ schema: z.string().regex(/^[a-z_][a-z0-9_]{0,47}$/) }).exactOptional(),
  }),
  z.object({ t: z.literal("assign"), tasks: list(assignment) }),
  z.object({ t: z.literal("journal"), fence, entries: list(journalEntry), left: whole }),
  z.object({ t: z.literal("deliver"), fence, deliveries: list(delivery) }),
  z.object({ t: z.literal("parked"), fence }),
  z.object({ t: z.literal("query"), fence, request, name: z.string() }),
  z.object({ t: z.literal("ack"), fence, act: whole }),
  z.object({ t: z.literal("settled"), fence }),
  z.object({ t: z.literal("adopted"), fence, next: fence, acts: whole }),
  z.object({ t: z.literal("cancel"), fence, reason: z.string() }),
  z.object({ t: z.literal("reply"), fence, request, value: text.nullable(), error: error.nullable() }),
  z.object({ t: z.literal("ping"), n: whole }),
  z.object({ t: z.literal("drain"), leave: z.literal(true).exactOptional() }),
]);
