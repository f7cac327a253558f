import type { Fanout, Join, MapOptions, WorkflowContext } from "../core/context.ts";
import type { Awaitable } from "../core/definition.ts";
import { FlotillaError } from "../core/error.ts";
import { shortHash } from "../core/hash.ts";
import { canonicalJson, findNonJson } from "../core/json.ts";
import type { Pending } from "../core/settled.ts";
import { fanoutOf, Gather, type Launcher } from "./gather.ts";
import { joinRule } from "./join.ts";
import { defaultKey, writtenKey, type Scope } from "./keys.ts";
import { concurrencyOf } from "./map.ts";
import { failedOutcome, pendingCode, quietPromise } from "./pending.ts";
import { unsupported } from "./unsupported.ts";
import { timer } from "./waits.ts";
import type { WorkflowBody } from "./workflow.ts";

type MakeContext = (scope: Scope) => WorkflowContext;
type ItemFn = (item: unknown, ctx: WorkflowContext, index: number) => Awaitable<unknown>;
type AnyGather = Gather<unknown, unknown, never>;

/** `ctx.each`: code per item, each in a key scope of its own. */
export function each(
  body: WorkflowBody,
  scope: Scope,
  context: MakeContext,
  items: Iterable<unknown>,
  fn: ItemFn,
  o: MapOptions<unknown, Join> = {},
): Fanout<Join, unknown, unknown, never> {
  const where = "ctx.each";
  for (const option of [
    "needs",
    "prefers",
    "resources",
    "budget",
    "retry",
    "timeout",
    "priority",
    "ifNoWorker",
    "hedge",
  ] as const) {
    if (o[option] !== undefined)
      unsupported(`${where}: ${option} (its items are code, not tasks)`, `give ${option} to the calls inside`);
  }
  const inputs = [...items];
  // All scopes are named here, in the order of the items: the order in which they start depends on who finishes first.
  const keys = inputs.map((item, i) => (o.key ? writtenKey(String(o.key(item, i)), where) : itemKey(item, i)));
  const value = quietPromise<unknown>();
  const scopes = keys.map((key) => scope.inner(key));
  const launcher: Launcher<unknown> = {
    launch(index, item) {
      const settled = (outcome: Parameters<AnyGather["settle"]>[1]): void => void gather.settle(index, outcome);
      invoke(() => fn(item, context(scopes[index] as Scope), index)).then(
        (result) => settled({ status: "succeeded", value: result }),
        (e: unknown) => settled(failedOutcome(e)),
      );
    },
    cancel: (index, reason) => cancelScope(body, scopes[index] as Scope, reason),
    taskOf: () => "",
    timer: (ms, over) => timer(body, scope, "within", ms, over).pending,
    gap: (gap) => body.gaps.addItem(gap),
  };
  const gather: AnyGather = new Gather(
    inputs,
    keys,
    joinRule(o.join, inputs.length),
    concurrencyOf(o.concurrency, where),
    launcher,
    value,
  );
  gather.begin();
  return fanoutOf(value, gather);
}

function itemKey(item: unknown, index: number): string {
  const lost = findNonJson(item);
  if (lost)
    throw new FlotillaError(
      "FLOTILLA_VALUE_NOT_JSON",
      {
        path: `[${index}]${lost.path === "" ? "" : `.${lost.path}`}`,
        why: `${lost.why}; give \`key\`, so that the item has a name of its own`,
      },
      { where: "ctx.each" },
    );
  return defaultKey("each", shortHash(canonicalJson(item)));
}

/** `ctx.scope`: the same code twice, or in parallel, without sharing ordinals. */
export function runScope<O>(
  body: WorkflowBody,
  scope: Scope,
  context: MakeContext,
  key: string,
  fn: (ctx: WorkflowContext) => Awaitable<O>,
): Pending<O> {
  const inner = scope.inner(writtenKey(key, "ctx.scope"));
  const promise = invoke(() => fn(context(inner)));
  return pendingCode(promise, (reason = "canceled by its parent") => cancelScope(body, inner, reason));
}

/** Calls at once, and turns a throw into a rejection. */
async function invoke<O>(fn: () => Awaitable<O>): Promise<O> {
  return fn();
}

/** Cancels what was asked in a scope and below, and refuses what it asks from now on. */
export function cancelScope(body: WorkflowBody, scope: Scope, reason: string): void {
  for (const act of scope.openBelow()) body.cancel(act, reason);
  scope.cancel(reason);
}
