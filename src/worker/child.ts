// One call of another definition: its options, its snapshot, its act.
import { bounds } from "../core/bounds.ts";
import type { CallOptions } from "../core/context.ts";
import type { AnyCallable, Definition } from "../core/definition.ts";
import { durationMs } from "../core/duration.ts";
import { FlotillaError } from "../core/error.ts";
import { shortHash } from "../core/hash.ts";
import { childTaskId } from "../core/id.ts";
import { plainIssues } from "../core/issue.ts";
import { canonicalJson } from "../core/json.ts";
import { resolveRetry } from "../core/retry.ts";
import type { Pending } from "../core/settled.ts";
import { priorities, priorityCode } from "../core/task.ts";
import type { ChildAct } from "../protocol/worker.ts";
import { defaultKey, writtenKey, type Scope } from "./keys.ts";
import { neverPending, noop, outcomeOf, PendingAsk, rejectedPending } from "./pending.ts";
import { unsupported } from "./unsupported.ts";
import { boundedText } from "./values.ts";
import type { Receiver, WorkflowBody } from "./workflow.ts";

/** The part of a child's act that its options decide: made once for a whole map. */
export type ChildSettings = Pick<ChildAct, "needs" | "priority" | "retry" | "timeoutMs" | "ifNoWorker" | "asRef" | "inflate">;

/** @throws FLOTILLA_NOT_SUPPORTED, FLOTILLA_CONFIG_INVALID: at once, where it is written */
export function childSettings(target: Definition, o: CallOptions | undefined, where: string): ChildSettings {
  if (!o) return {};
  if (o.budget) unsupported(`${where}: a budget per call`, "count with ctx.spend and stop by your own rule");
  if (o.resources) unsupported(`${where}: resources per call`, "say what it takes with `needs`");
  checkOptions(o, where);
  if (o.prefers) unsupported(`${where}: preferences per call`, "use `needs`, which is a must");
  return {
    ...(o.needs ? { needs: o.needs } : {}),
    ...(o.priority === undefined ? {} : { priority: priorityCode(o.priority) }),
    ...(o.retry ? { retry: resolveRetry(o.retry, where, target.retry) } : {}),
    ...(o.timeout === undefined ? {} : { timeoutMs: durationMs(o.timeout, `${where}.timeout`) }),
    ...(o.ifNoWorker === "fail" ? { ifNoWorker: "fail" as const } : {}),
  };
}

/** What a call takes, and what a map takes besides. */
const known = new Set(
  "key needs prefers resources budget retry timeout priority ifNoWorker join concurrency hedge results".split(" "),
);

/** @throws FLOTILLA_CONFIG_INVALID */
export function checkOptions(o: CallOptions, where: string): void {
  const refuse = (field: string, problem: string, fix: string): never => {
    throw new FlotillaError("FLOTILLA_CONFIG_INVALID", { field: `${where}.${field}`, problem, fix });
  };
  const stray = Object.keys(o).find((field) => !known.has(field));
  if (stray !== undefined) refuse(stray, "there is no such option", `use one of ${[...known].join(", ")}`);
  if (o.priority !== undefined && !priorities.includes(o.priority)) {
    refuse("priority", `${JSON.stringify(o.priority)} is no priority`, `use one of ${priorities.join(", ")}`);
  }
  if (o.needs !== undefined && (!Array.isArray(o.needs) || o.needs.length > bounds.needsMax || !o.needs.every(isCapability))) {
    refuse("needs", "it is not a list of capabilities", `write needs: ["gpu"], at most ${bounds.needsMax} of them`);
  }
  if (o.ifNoWorker !== undefined && o.ifNoWorker !== "wait" && o.ifNoWorker !== "fail") {
    refuse("ifNoWorker", `${JSON.stringify(o.ifNoWorker)} is no choice`, 'use "wait" or "fail"');
  }
}

function isCapability(need: unknown): boolean {
  return typeof need === "string" && need.length > 0 && need.length <= bounds.nameLength;
}

/** An input as it was when it was asked: later changes of the object do not reach it. */
export interface Snapshot {
  readonly text: string;
  /** Of the name and the canonical input, so that a call of another definition under the same key is seen. */
  readonly hash: string;
}

/** @throws FLOTILLA_VALUE_NOT_JSON, FLOTILLA_TOO_LARGE, FLOTILLA_INPUT_INVALID */
export function snapshot(target: Definition, input: unknown, o: { readonly checked: boolean } = { checked: true }): Snapshot {
  const where = `${target.name}.input`;
  const text = boundedText(input, where, bounds.inputBytes);
  // References stand in for values: only the worker that loads them can check.
  if (!o.checked) return { text, hash: shortHash(`${target.name}\n${canonicalJson(input)}`) };
  // What travels is validated, not the caller's object: a Date is a string by then.
  const result = target.input["~standard"].validate(JSON.parse(text));
  if (result instanceof Promise) result.catch(noop); // an asynchronous schema speaks in the child's own attempt
  else if (result.issues) throw new FlotillaError("FLOTILLA_INPUT_INVALID", { issues: plainIssues(result.issues) }, { where });
  return { text, hash: shortHash(`${target.name}\n${canonicalJson(input)}`) };
}

export interface ChildAsk {
  readonly scope: Scope;
  readonly target: Definition;
  readonly snapshot: Snapshot;
  /** As the caller wrote it. */
  readonly key: string | undefined;
  readonly settings: ChildSettings;
  readonly detached: boolean;
}

/** @returns the act, or undefined when nobody listens any more. @throws FLOTILLA_TOO_MANY, FLOTILLA_CANCELED */
export function askChild(body: WorkflowBody, ask: ChildAsk, receiver: Receiver): number | undefined {
  const { scope, target, snapshot: input } = ask;
  if (body.children >= bounds.fanout)
    throw new FlotillaError("FLOTILLA_TOO_MANY", { what: "children of one task", count: body.children + 1, max: bounds.fanout });
  const base = ask.key === undefined ? defaultKey(target.name, input.hash) : writtenKey(ask.key, target.name);
  const asked = body.ask("child", scope, base, input.hash);
  if (!asked) return undefined;
  body.countChild();
  body.await(asked.act, receiver);
  if (receiver.awaited) scope.opened(asked.act);
  if (!asked.row) {
    body.submit({
      kind: "child",
      act: asked.act,
      key: asked.key,
      inputHash: input.hash,
      askedAfter: body.pump.delivered,
      definition: target.name,
      input: input.text,
      ...ask.settings,
      ...(ask.detached ? { detached: true } : {}),
      ...(scope.isShielded ? { shielded: true } : {}),
    });
  }
  return asked.act;
}

export function definitionOf(target: AnyCallable, where: string): Definition {
  const definition = target?.["~definition"];
  if (!definition) {
    throw new FlotillaError("FLOTILLA_CONFIG_INVALID", {
      field: where,
      problem: "its first argument is not an agent, a workflow or a contract",
      fix: "pass what agent(), workflow() or contract() gave",
    });
  }
  return definition;
}

/** `ctx.call`: the child's act as a Pending. */
export function call<O, E>(
  body: WorkflowBody,
  scope: Scope,
  target: AnyCallable,
  input: unknown,
  o: CallOptions | undefined,
  /** How its values travel: set by the engine, not by callers. */
  travel: Pick<ChildSettings, "asRef" | "inflate"> = {},
): { pending: Pending<O, E>; act: number | undefined } {
  const definition = definitionOf(target, "ctx.call");
  const settings = { ...childSettings(definition, o, `ctx.call(${definition.name})`), ...travel };
  const promise = new PendingAsk<O, E>();
  let act: number | undefined;
  try {
    act = askChild(
      body,
      {
        scope,
        target: definition,
        snapshot: snapshot(definition, input, { checked: !travel.inflate }),
        key: o?.key,
        settings,
        detached: false,
      },
      {
        scope,
        awaited: true,
        take(d) {
          promise.settle(outcomeOf<O>(d));
          return true;
        },
      },
    );
  } catch (e) {
    return { pending: rejectedPending(e), act };
  }
  if (act === undefined) return { pending: neverPending(), act };
  const asked = act;
  return { pending: promise.pending((reason = "canceled by its parent") => body.cancel(asked, reason)), act };
}

/** `ctx.detach`: nobody waits for it, so nothing of it is delivered. */
export function detach(
  body: WorkflowBody,
  scope: Scope,
  target: AnyCallable,
  input: unknown,
  o: CallOptions | undefined,
): Promise<{ readonly id: string }> {
  const definition = definitionOf(target, "ctx.detach");
  const settings = childSettings(definition, o, `ctx.detach(${definition.name})`);
  try {
    const ask = { scope, target: definition, snapshot: snapshot(definition, input), key: o?.key, settings, detached: true };
    const act = askChild(body, ask, { scope, awaited: false, take: () => false });
    return act === undefined ? new Promise(noop) : Promise.resolve({ id: childTaskId(body.attempt.assignment.publicId, act) });
  } catch (e) {
    return rejectedPending(e);
  }
}
