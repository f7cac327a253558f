// What a workflow waits for besides its children and steps: time, messages, people. Each wait is a row; the code goes on
// by its place in the order of delivery.
import { bounds } from "../core/bounds.ts";
import type { Approval, WorkflowContext } from "../core/context.ts";
import { durationMs, type Duration } from "../core/duration.ts";
import { FlotillaError } from "../core/error.ts";
import { shortHash } from "../core/hash.ts";
import { plainIssues } from "../core/issue.ts";
import { canonicalJson } from "../core/json.ts";
import type { Message } from "../core/message.ts";
import { jsonSchema, type Schema } from "../core/schema.ts";
import type { Pending, Settled } from "../core/settled.ts";
import type { ApprovalAct, Delivery, MessageAct, TimerAct } from "../protocol/worker.ts";
import { defaultKey, type Scope } from "./keys.ts";
import { failedOutcome, neverPending, outcomeOf, PendingAsk, rejectedPending } from "./pending.ts";
import { boundedText } from "./values.ts";
import type { WorkflowBody } from "./workflow.ts";

type WaitAct = TimerAct | MessageAct | ApprovalAct;
/** An act without what the journal adds. */
type Bare<A> = A extends WaitAct ? Omit<A, "act" | "key" | "inputHash" | "askedAfter"> : never;

interface WaitAsk<O> {
  readonly base: string;
  readonly inputHash: string;
  readonly kind: WaitAct["kind"];
  /** Called only when an earlier attempt has not asked the same. */
  act(): Bare<WaitAct>;
  /** What the code gets. @throws what it gets instead */
  value(json: unknown): O;
}

export interface Waiting<O> {
  readonly pending: Pending<O>;
  readonly act: number | undefined;
}

export function wait<O>(body: WorkflowBody, scope: Scope, ask: WaitAsk<O>, taken: () => void = () => {}): Waiting<O> {
  const promise = new PendingAsk<O>();
  let act: number | undefined;
  try {
    const asked = body.ask(ask.kind, scope, ask.base, ask.inputHash);
    if (!asked) return { pending: neverPending(), act };
    act = asked.act;
    let left: string | undefined;
    body.await(asked.act, {
      scope,
      awaited: true,
      take(d: Delivery) {
        promise.settle(left === undefined ? parsed(d, ask) : canceledOutcome(left));
        taken();
        return true;
      },
      ...(ask.kind === "message" ? { leave: (reason: string) => (left = reason) } : {}),
    });
    scope.opened(asked.act);
    if (!asked.row) {
      const { key } = asked;
      body.submit({ ...ask.act(), act: asked.act, key, inputHash: ask.inputHash, askedAfter: body.pump.delivered });
    }
  } catch (e) {
    return { pending: rejectedPending(e), act };
  }
  const asked = act;
  return { pending: promise.pending((reason = "canceled by its workflow") => body.cancel(asked, reason)), act };
}

function canceledOutcome<O>(by: string): Settled<O> {
  return { status: "canceled", error: new FlotillaError("FLOTILLA_CANCELED", { by }) };
}

function parsed<O>(d: Delivery, ask: WaitAsk<O>): Settled<O> {
  const outcome = outcomeOf<unknown>(d);
  if (outcome.status !== "succeeded") return outcome;
  try {
    return { status: "succeeded", value: ask.value(outcome.value) };
  } catch (e) {
    return failedOutcome(e);
  }
}

/** A timer that `ms` from now wakes the code. `name` tells timers of different purposes apart. */
export function timer(body: WorkflowBody, scope: Scope, name: string, ms: number, taken?: () => void): Waiting<void> {
  return wait(
    body,
    scope,
    {
      kind: "timer",
      base: defaultKey(name, `${ms}ms`),
      inputHash: `${ms}ms`,
      act: () => ({ kind: "timer", until: { delayMs: ms } }),
      value: () => undefined,
    },
    taken,
  );
}

export function sleep(body: WorkflowBody, scope: Scope, d: Duration): Pending<void> {
  return timer(body, scope, "sleep", durationMs(d, "ctx.sleep")).pending;
}

export function sleepUntil(body: WorkflowBody, scope: Scope, at: Date): Promise<void> {
  const ms = at instanceof Date ? at.getTime() : Number.NaN;
  if (Number.isNaN(ms)) {
    throw new FlotillaError("FLOTILLA_CONFIG_INVALID", {
      field: "ctx.sleepUntil",
      problem: `${String(at)} is not a date`,
      fix: 'pass a Date: ctx.sleepUntil(new Date("2027-01-01"))',
    });
  }
  const text = new Date(ms).toISOString();
  return wait<void>(body, scope, {
    kind: "timer",
    base: defaultKey("sleepUntil", text),
    inputHash: text,
    act: () => ({ kind: "timer", until: { at: ms } }),
    value: () => undefined,
  }).pending;
}

type AnyIncoming = Message<string, never, unknown>;

export function waitFor(
  body: WorkflowBody,
  scope: Scope,
  message: AnyIncoming,
  o: { timeout?: Duration } = {},
): Pending<unknown> {
  if (message?.kind !== "message") {
    throw new FlotillaError("FLOTILLA_CONFIG_INVALID", {
      field: "ctx.waitFor",
      problem: "its first argument is not a message",
      fix: "pass what message() gave",
    });
  }
  const where = `ctx.waitFor(${message.name})`;
  const timeoutMs = o.timeout === undefined ? null : durationMs(o.timeout, `${where}.timeout`);
  return wait(body, scope, {
    kind: "message",
    base: defaultKey("message", message.name),
    inputHash: `${message.name} ${timeoutMs ?? "for ever"}`,
    act: () => ({ kind: "message", name: message.name, timeoutMs }),
    value: (json) => parseNow(message["~schema"], json, where),
  }).pending;
}

/** @throws FLOTILLA_INPUT_INVALID; FLOTILLA_CONFIG_INVALID for a schema that is asynchronous */
function parseNow(schema: Schema, json: unknown, where: string): unknown {
  const result = schema["~standard"].validate(json);
  if (result instanceof Promise) {
    result.catch(() => {});
    throw new FlotillaError("FLOTILLA_CONFIG_INVALID", {
      field: where,
      problem: "its schema is asynchronous",
      fix: "use a schema that validates at once: the order of delivery cannot wait for it",
    });
  }
  if (result.issues) throw new FlotillaError("FLOTILLA_INPUT_INVALID", { issues: plainIssues(result.issues) }, { where });
  return result.value;
}

export function approve(
  body: WorkflowBody,
  scope: Scope,
  o: Parameters<WorkflowContext["approve"]>[0] & { edit?: { schema: Schema; value: unknown } },
): Pending<Approval<unknown>> {
  const where = "ctx.approve";
  const title = text(o.title, "title", 1, bounds.keyLength);
  const timeoutMs = o.timeout === undefined ? null : durationMs(o.timeout, `${where}.timeout`);
  const asked = {
    title,
    detail: o.detail === undefined ? null : text(o.detail, "detail", 0, bounds.emitBytes),
    diff: o.diff === undefined ? null : text(o.diff, "diff", 0, bounds.inputBytes),
    role: o.role === undefined ? null : text(o.role, "role", 1, bounds.nameLength),
    onTimeout: o.onTimeout ?? "reject",
  } as const;
  // What is proposed travels as JSON, so it is snapshot here, as inputs are.
  const value = o.edit && boundedText(o.edit.value, `${where}.edit.value`, bounds.inputBytes);
  const inputHash = shortHash(canonicalJson({ ...asked, timeoutMs, value: value ?? null }));
  const schema = o.edit?.schema;
  return wait<Approval<unknown>>(body, scope, {
    kind: "approval",
    base: defaultKey("approve", inputHash),
    inputHash,
    act: () => ({
      kind: "approval",
      approval: {
        ...asked,
        edit: schema && value !== undefined ? { schema: jsonSchema(schema, "input"), value: JSON.parse(value) as unknown } : null,
      },
      timeoutMs,
    }),
    value: (json) => {
      const answer = json as Approval<unknown>;
      return { ...answer, value: schema ? parseNow(schema, answer.value, `${where}.edit`) : undefined };
    },
  }).pending;
}

function text(value: unknown, field: string, min: number, max: number): string {
  if (typeof value === "string" && value.length >= min && Buffer.byteLength(value) <= max) return value;
  throw new FlotillaError("FLOTILLA_CONFIG_INVALID", {
    field: `ctx.approve.${field}`,
    problem: typeof value === "string" ? `it has ${value.length} characters` : "it is not a text",
    fix: `write ${min} to ${max} bytes`,
  });
}
