import type { Fanout, Join, MapOptions } from "../core/context.ts";
import type { AnyCallable, Definition } from "../core/definition.ts";
import { FlotillaError } from "../core/error.ts";
import { childTaskId } from "../core/id.ts";
import { askChild, childSettings, definitionOf, snapshot, type ChildSettings, type Snapshot } from "./child.ts";
import { fanoutOf, Gather, type Launcher } from "./gather.ts";
import { joinRule } from "./join.ts";
import { defaultKey, type Scope } from "./keys.ts";
import { outcomeOf, quietPromise, type Resolvers } from "./pending.ts";
import { unsupported } from "./unsupported.ts";
import { timer } from "./waits.ts";
import type { Receiver, WorkflowBody } from "./workflow.ts";
import type { Delivery } from "../protocol/worker.ts";

type Options = MapOptions<unknown, Join>;
type Missed = Launcher<unknown>["gap"];
type AnyGather = Gather<unknown, unknown, never>;

/**
 * `ctx.map`: a child per input, one join over all of them.
 * @param missed what becomes of an item that the join went without. @default it is a gap of the run
 */
export function map(
  body: WorkflowBody,
  scope: Scope,
  target: AnyCallable,
  inputs: Iterable<unknown> | AsyncIterable<unknown>,
  o: Options = {},
  missed: Missed = (gap) => body.gaps.addItem(gap),
): Fanout<Join, unknown, unknown, never> {
  const definition = definitionOf(target, "ctx.map");
  const where = `ctx.map(${definition.name})`;
  const { key, ...childOptions } = o;
  const settings: ChildSettings = {
    ...childSettings(definition, childOptions, where),
    ...(resultsOf(o.results, where) === "refs" ? { asRef: true } : {}),
  };
  if (o.hedge) unsupported(`${where}: hedge`, "bound stragglers with `timeout` and `retry`");
  joinRule(o.join, 0); // refused at once, also when the inputs come later
  const concurrency = concurrencyOf(o.concurrency, where);
  const value = quietPromise<unknown>();
  const begin = (items: readonly unknown[]): AnyGather => {
    const children = new Children(body, scope, definition, settings, items, key, missed);
    const gather: AnyGather = new Gather(items, children.keys, joinRule(o.join, items.length), concurrency, children, value);
    children.gather = gather;
    gather.begin();
    return gather;
  };
  if (Symbol.asyncIterator in inputs) {
    const begun = collect(inputs, value).then(begin);
    // A key function that throws, a join that cannot be met: the caller's, like a refused input.
    begun.catch((e: unknown) => value.reject(e));
    return fanoutOf(value, begun);
  }
  return fanoutOf(value, begin([...inputs]));
}

/** A map's inputs are read to the end before its first child is asked: the join needs to know how many there are. */
async function collect(inputs: AsyncIterable<unknown>, value: Resolvers<unknown>): Promise<unknown[]> {
  const items: unknown[] = [];
  try {
    for await (const item of inputs) items.push(item);
  } catch (e) {
    value.reject(e);
    throw e;
  }
  return items;
}

function resultsOf(results: Options["results"], where: string): "values" | "refs" {
  if (results === undefined || results === "values" || results === "refs") return results ?? "values";
  throw new FlotillaError("FLOTILLA_CONFIG_INVALID", {
    field: `${where}.results`,
    problem: `${JSON.stringify(results)} is no choice`,
    fix: 'use "values" or "refs"',
  });
}

export function concurrencyOf(concurrency: number | undefined, where: string): number {
  if (concurrency === undefined) return Infinity;
  if (Number.isInteger(concurrency) && concurrency > 0) return concurrency;
  throw new FlotillaError("FLOTILLA_CONFIG_INVALID", {
    field: `${where}.concurrency`,
    problem: `${concurrency} is not a whole number above 0`,
    fix: "leave it out for no bound",
  });
}

class Children implements Launcher<unknown> {
  gather: AnyGather | undefined;
  readonly keys: string[];
  readonly gap: Missed;
  readonly #body: WorkflowBody;
  readonly #scope: Scope;
  readonly #target: Definition;
  readonly #settings: ChildSettings;
  readonly #written: boolean;
  readonly #acts: (number | undefined)[];

  constructor(
    body: WorkflowBody,
    scope: Scope,
    target: Definition,
    settings: ChildSettings,
    items: readonly unknown[],
    key: Options["key"],
    missed: Missed,
  ) {
    this.gap = missed;
    this.#body = body;
    this.#scope = scope;
    this.#target = target;
    this.#settings = settings;
    this.#written = key !== undefined;
    // A key of the caller's is asked for up front: its code runs here, not in the middle of a delivery.
    this.keys = key ? items.map((item, i) => String(key(item, i))) : Array.from({ length: items.length }, () => "");
    this.#acts = Array.from({ length: items.length });
  }

  launch(index: number, input: unknown): void {
    try {
      const taken = snapshot(this.#target, input);
      if (!this.#written) this.keys[index] = defaultKey(this.#target.name, taken.hash);
      this.#acts[index] = this.#ask(index, taken);
    } catch (error) {
      this.gather?.refuse(index, error);
    }
  }

  #ask(index: number, taken: Snapshot): number | undefined {
    const ask = {
      scope: this.#scope,
      target: this.#target,
      snapshot: taken,
      key: this.#written ? this.keys[index] : undefined,
      settings: this.#settings,
      detached: false,
    };
    return askChild(this.#body, ask, new MapReceiver(this.#scope, this.gather as AnyGather, index));
  }

  cancel(index: number, reason: string): void {
    const act = this.#acts[index];
    if (act !== undefined) this.#body.cancel(act, reason);
  }

  timer(ms: number, over: () => void): { cancel(reason: string): void } {
    return timer(this.#body, this.#scope, "within", ms, over).pending;
  }

  taskOf(index: number): string {
    const act = this.#acts[index];
    return act === undefined ? "" : childTaskId(this.#body.attempt.assignment.publicId, act);
  }
}

/** A class, not a closure: 100,000 of them are 5 MB, not 20. */
class MapReceiver implements Receiver {
  readonly awaited = true;
  readonly scope: Scope;
  readonly #gather: AnyGather;
  readonly #index: number;

  constructor(scope: Scope, gather: AnyGather, index: number) {
    this.scope = scope;
    this.#gather = gather;
    this.#index = index;
  }
  take(d: Delivery): boolean {
    return this.#gather.settle(this.#index, outcomeOf(d));
  }
}
