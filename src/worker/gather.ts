// A fan-out under way: launches items, collects their outcomes in the order of delivery, and decides its join. What an
// item is, a child (map.ts) or code in a scope (each.ts), only its launcher knows.
import type { Fanout, Join } from "../core/context.ts";
import { FlotillaError } from "../core/error.ts";
import type { Gap, Item, Joined, Settled } from "../core/settled.ts";
import { decide, type JoinRule } from "./join.ts";
import { failedOutcome, noop, quietPromise, type Resolvers } from "./pending.ts";

export interface Launcher<I> {
  /** Begins item `index`. It may settle it at once. */
  launch(index: number, input: I): void;
  /** Stops it, if it was begun. */
  cancel(index: number, reason: string): void;
  /** Public id of the item's task, "" where it has none. */
  taskOf(index: number): string;
  /** Calls back when so much time has passed. */
  timer(ms: number, over: () => void): { cancel(reason: string): void };
  /** What the code did without, for the run's outcome. */
  gap(gap: Gap<I, unknown>): void;
}

export class Gather<I, O, E> {
  readonly inputs: readonly I[];
  readonly keys: readonly string[];
  readonly #launcher: Launcher<I>;
  readonly #concurrency: number;
  #rule: JoinRule;
  readonly #items: (Settled<O, E> | undefined)[];
  /** Indexes in the order in which they settled. */
  readonly #order: number[] = [];
  #next = 0;
  #running = 0;
  #succeeded = 0;
  #launching = false;
  /** While it begins. */
  #refused: [number, Settled<O, E>][] | undefined;
  #decision: "met" | "unmet" | undefined;
  #timeUp = false;
  #timer: { cancel(reason: string): void } | undefined;
  /** Gaps that need not be told: told already, or stopped by the code or by a join that was met early, so that nobody misses them. */
  readonly #told = new Set<number>();
  readonly #value: Resolvers<unknown>;
  #joined: Resolvers<Joined<I, O, E>> | undefined;
  /** Wakes readers of `asCompleted`. */
  readonly #readers = new Set<() => void>();
  #streams = 0;

  constructor(
    inputs: readonly I[],
    keys: readonly string[],
    rule: JoinRule,
    concurrency: number,
    launcher: Launcher<I>,
    value: Resolvers<unknown>,
  ) {
    this.inputs = inputs;
    this.keys = keys;
    this.#rule = rule;
    this.#concurrency = concurrency;
    this.#launcher = launcher;
    this.#value = value;
    this.#items = Array.from({ length: inputs.length });
  }

  begin(): void {
    this.#refused = [];
    this.#check();
    this.#launchMore();
    const { withinMs } = this.#rule;
    if (withinMs !== undefined && !this.#decision) this.#timer = this.#launcher.timer(withinMs, () => this.#timeOver());
    const refused = this.#refused;
    this.#refused = undefined;
    // A microtask later: until then the code may say `.settled()`, which makes a failure one item among others.
    if (refused.length > 0) queueMicrotask(() => refused.forEach(([index, outcome]) => this.settle(index, outcome)));
  }

  #timeOver(): void {
    this.#timer = undefined;
    this.#timeUp = true;
    this.#check();
    for (const wake of this.#readers) wake();
  }

  /** An item was refused at its ask. */
  refuse(index: number, error: unknown): void {
    if (this.#refused) this.#refused.push([index, failedOutcome(error)]);
    // In the middle of a delivery there is no later: the next ask's place in the order depends on it.
    else this.settle(index, failedOutcome(error));
  }

  /** An item has ended. @returns whether code may run because of it. */
  settle(index: number, outcome: Settled<O, E>): boolean {
    if (this.#items[index]) return false;
    this.#running--;
    if (this.#decision) return false;
    this.#items[index] = outcome;
    this.#order.push(index);
    if (outcome.status === "succeeded") this.#succeeded++;
    this.#check();
    for (const wake of this.#readers) wake();
    this.#launchMore();
    return this.#decision !== undefined || this.#streams > 0;
  }

  #launchMore(): void {
    // An item that is refused at its ask settles inside launch: a loop, not a recursion of 100,000 levels.
    if (this.#launching) return;
    this.#launching = true;
    while (!this.#decision && this.#next < this.inputs.length && this.#running < this.#concurrency) {
      const index = this.#next++;
      this.#running++;
      this.#launcher.launch(index, this.inputs[index] as I);
    }
    this.#launching = false;
  }

  #check(): void {
    if (this.#decision) return;
    const total = this.inputs.length;
    const succeeded = this.#succeeded;
    const decision = decide(this.#rule, {
      total,
      succeeded,
      failed: this.#order.length - succeeded,
      timeUp: this.#timeUp,
    });
    if (!decision) return;
    this.#decision = decision;
    this.#timer?.cancel("the join was decided");
    this.#stop(decision === "met" ? "the join was met" : "the join cannot be met", !this.#timeUp);
    if (decision === "met") this.#noteGaps();
    if (decision === "met") this.#value.resolve(this.#result());
    else this.#value.reject(this.#failure());
    this.#joined?.resolve(this.#join());
  }

  /** Stops what is under way; items that have not begun never do. @returns the first of those. */
  #stop(reason: string, wanted: boolean): number {
    const from = this.#next;
    this.#next = this.inputs.length;
    for (let i = 0; i < this.inputs.length; i++) {
      if (this.#items[i]) continue;
      if (wanted) this.#told.add(i);
      if (i < from) this.#launcher.cancel(i, reason);
    }
    return from;
  }

  /** A join of the first looks for one; any other wanted all, and says in the run's outcome which it did not get. */
  #noteGaps(): void {
    if (this.#rule.kind === "first" || this.#rule.kind === "all") return;
    for (const gap of this.#join().gaps) {
      if (this.#told.has(gap.index)) continue;
      this.#told.add(gap.index);
      this.#launcher.gap(gap);
    }
  }

  /** By the code: what has not begun is canceled here and now, what is under way by its delivery. */
  cancel(reason: string): void {
    if (this.#decision) return;
    const from = this.#stop(reason, true);
    // Now and not when the last of them has ended: by then the code may have returned.
    if (this.#rule.kind === "gather") this.#noteGaps();
    for (let i = from; i < this.inputs.length; i++) {
      this.#running++;
      this.settle(i, { status: "canceled", error: new FlotillaError("FLOTILLA_CANCELED", { by: reason }) });
    }
  }

  #result(): unknown {
    if (this.#rule.kind === "first") {
      const index = this.#order.find((i) => this.#items[i]?.status === "succeeded") as number;
      return { value: (this.#items[index] as { value: O }).value, index };
    }
    return this.#rule.kind === "atLeast" ? this.#join() : this.#values();
  }

  #values(): O[] {
    const values: O[] = [];
    for (const item of this.#items) if (item?.status === "succeeded") values.push(item.value);
    return values;
  }

  #failure(): unknown {
    const first = this.#order.find((i) => this.#items[i]?.status !== "succeeded");
    const outcome = first === undefined ? undefined : this.#items[first];
    const cause = outcome && outcome.status !== "succeeded" ? outcome.error : undefined;
    if (this.#rule.kind === "all") return cause;
    const { wanted } = this.#rule;
    return new FlotillaError(
      "FLOTILLA_JOIN_UNMET",
      { wanted, succeeded: this.#succeeded, gaps: this.inputs.length - this.#succeeded },
      cause === undefined ? {} : { cause },
    );
  }

  #join(): Joined<I, O, E> {
    const gaps: Gap<I, E>[] = [];
    const items = this.inputs.map((input, index): Settled<O, E> => {
      const outcome = this.#items[index] ?? {
        status: "canceled",
        error: new FlotillaError("FLOTILLA_CANCELED", { by: "the join was decided without it" }),
      };
      if (outcome.status !== "succeeded")
        gaps.push({ index, key: this.keys[index] as string, input, task: this.#launcher.taskOf(index), outcome });
      return outcome;
    });
    return { values: this.#values(), gaps, complete: gaps.length === 0, items };
  }

  /** Every item with its outcome. Asked before a failure decides it, a join of all waits for all, as Promise.allSettled does. */
  settled(): Promise<Joined<I, O, E>> {
    if (this.#decision) return Promise.resolve(this.#join());
    this.gatherAll();
    this.#joined ??= quietPromise<Joined<I, O, E>>();
    return this.#joined.promise;
  }

  /** A join of all that is read item by item does not end at the first failure. */
  gatherAll(): void {
    if (this.#rule.kind === "all") this.#rule = { ...this.#rule, kind: "gather" };
  }

  asCompleted(): AsyncGenerator<Item<I, O, E>> {
    this.gatherAll();
    this.#streams++;
    return this.#stream();
  }

  async *#stream(): AsyncGenerator<Item<I, O, E>> {
    try {
      for (let i = 0; ; i++) {
        while (i >= this.#order.length && !this.#decision) {
          await new Promise<void>((resolve) => {
            const wake = (): void => {
              this.#readers.delete(wake);
              resolve();
            };
            this.#readers.add(wake);
          });
        }
        if (i >= this.#order.length) return;
        const index = this.#order[i] as number;
        yield {
          ...(this.#items[index] as Settled<O, E>),
          index,
          key: this.keys[index] as string,
          input: this.inputs[index] as I,
        };
      }
    } finally {
      this.#streams--;
      // `break` and a throw in the loop end up here too.
      this.cancel("its reader stopped");
    }
  }
}

/** The promise that people hold. `gather` is undefined while the inputs of an async iterable are being read. */
export function fanoutOf<J extends Join, I, O, E>(
  value: Resolvers<unknown>,
  gather: Promise<Gather<I, O, E>> | Gather<I, O, E>,
): Fanout<J, I, O, E> {
  const fanout = value.promise as unknown as Fanout<J, I, O, E> & { cancel(reason?: string): void };
  if (gather instanceof Promise) {
    fanout.settled = async () => (await gather).settled();
    fanout.asCompleted = () => streamOf(gather);
    fanout.cancel = (reason = "canceled by its parent") => void gather.then((g) => g.cancel(reason), noop);
  } else {
    fanout.settled = () => gather.settled();
    fanout.asCompleted = () => gather.asCompleted();
    fanout.cancel = (reason = "canceled by its parent") => gather.cancel(reason);
  }
  return fanout;
}

async function* streamOf<I, O, E>(gather: Promise<Gather<I, O, E>>): AsyncGenerator<Item<I, O, E>> {
  yield* (await gather).asCompleted();
}
