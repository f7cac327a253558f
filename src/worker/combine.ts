// `ctx.race` and `ctx.reduce`: nothing of their own is recorded, because the order of delivery is.
import type { AnyCallable } from "../core/definition.ts";
import { FlotillaError } from "../core/error.ts";
import type { Pending } from "../core/settled.ts";
import { call } from "./child.ts";
import type { Scope } from "./keys.ts";
import { noop, pendingCode, quietPromise } from "./pending.ts";
import type { WorkflowBody } from "./workflow.ts";

/** The first branch to end wins, or throws; the others are canceled where they can be. */
export function race(branches: Readonly<Record<string, PromiseLike<unknown>>>): Promise<{ winner: string; value: unknown }> {
  const entries = Object.entries(branches);
  if (entries.length === 0) {
    throw new FlotillaError("FLOTILLA_CONFIG_INVALID", {
      field: "ctx.race",
      problem: "no branch was given, so none could ever win",
      fix: "give at least one branch",
    });
  }
  const result = quietPromise<{ winner: string; value: unknown }>();
  let over = false;
  const end = (winner: string, settle: () => void): void => {
    if (over) return;
    over = true;
    settle();
    for (const [name, branch] of entries) if (name !== winner) cancel(branch, "it lost a race");
  };
  for (const [name, branch] of entries) {
    Promise.resolve(branch).then(
      (value) => end(name, () => result.resolve({ winner: name, value })),
      (e: unknown) => end(name, () => result.reject(e)),
    );
  }
  return result.promise;
}

function cancel(branch: PromiseLike<unknown>, reason: string): void {
  const { cancel: stop } = branch as { cancel?: unknown };
  if (typeof stop === "function") stop.call(branch, reason);
}

/** A tree of calls with at most `fanIn` items each; a call starts when its own items are there. */
export function reduce<R>(
  body: WorkflowBody,
  scope: Scope,
  target: AnyCallable,
  items: Iterable<unknown>,
  o: { fanIn: number; empty: R },
): Pending<R> {
  if (!Number.isInteger(o.fanIn) || o.fanIn < 2) {
    throw new FlotillaError("FLOTILLA_CONFIG_INVALID", {
      field: "ctx.reduce.fanIn",
      problem: `${o.fanIn} is not a whole number above 1`,
      fix: "write how many items one call takes, e.g. 16",
    });
  }
  const calls: Pending<unknown>[] = [];
  let canceled: string | undefined;
  const stop = (reason: string): void => {
    canceled ??= reason;
    for (const pending of calls) pending.cancel(reason);
  };
  const all = [...items];
  // References in, references on the way: no value passes through this code's memory but the last one.
  const byRef = all.some(isRef);
  const one = (chunk: readonly unknown[], last: boolean): Promise<unknown> => {
    if (canceled !== undefined) return Promise.reject(new FlotillaError("FLOTILLA_CANCELED", { by: canceled }));
    const more = byRef ? { inflate: true as const, ...(last ? {} : { asRef: true as const }) } : {};
    const { pending } = call<unknown, never>(body, scope, target, { items: chunk }, undefined, more);
    calls.push(pending);
    return pending;
  };
  const tree = async (level: readonly (() => Promise<unknown>)[]): Promise<unknown> => {
    let nodes = level.map((make) => make());
    while (nodes.length > 1) {
      const last = nodes.length <= o.fanIn;
      // A lone rest is reduced already: it joins the next level.
      nodes = chunks(nodes, o.fanIn).map(async (group) => (group.length === 1 ? group[0] : one(await Promise.all(group), last)));
      for (const node of nodes) node.catch(noop);
    }
    return nodes[0];
  };
  const leaves = chunks(all, o.fanIn).map((chunk, _, level) => () => quiet(one(chunk, level.length === 1)));
  const promise = (all.length === 0 ? Promise.resolve<unknown>(o.empty) : tree(leaves)).catch((e: unknown) => {
    stop("another part of the reduce failed");
    throw e;
  }) as Promise<R>;
  return pendingCode(promise, (reason = "canceled by its parent") => stop(reason));
}

function isRef(item: unknown): boolean {
  return typeof (item as { $artifact?: unknown } | null)?.$artifact === "string";
}

function quiet<O>(promise: Promise<O>): Promise<O> {
  promise.catch(noop);
  return promise;
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  const out: T[][] = [];
  for (let i = 0; i < items.length; i += size) out.push(items.slice(i, i + size));
  return out;
}
