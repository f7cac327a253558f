import type { Budget, BudgetView } from "./budget.ts";
import type { Awaitable, Callable, ErrorMap, Placement } from "./definition.ts";
import type { Duration, Percent, Percentile } from "./duration.ts";
import type { Jsonify } from "./json.ts";
import type { Limit } from "./limit.ts";
import type { Message } from "./message.ts";
import type { ExecuteOptions, Plan, PlanError } from "./plan.ts";
import type { Retry } from "./retry.ts";
import type { Parsed, Schema, Wire } from "./schema.ts";
import type { Item, Joined, Pending } from "./settled.ts";
import type { SqlTransaction } from "./transaction.ts";

export interface Usage {
  inputTokens?: number | undefined;
  outputTokens?: number | undefined;
  inputTokenDetails?: { cacheReadTokens?: number | undefined; cacheWriteTokens?: number | undefined } | undefined;
}
/** A stored value passed by reference. */
export interface Ref<T> {
  readonly $artifact: string;
  readonly bytes: number;
  readonly type?: string;
  readonly "~v"?: T;
}
export type Log = Record<"debug" | "info" | "warn" | "error", (message: string, fields?: object) => void>;

/** One governed call inside an attempt. */
export interface Grant {
  settle(u: Usage): void;
  release(): void;
  limited(o: { retryAfter?: Duration }): void;
}

export interface BaseContext<E extends ErrorMap = {}> {
  /** Aborts when the attempt is canceled, times out or loses its lease. */
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly task: { readonly id: string; readonly runId: string; readonly attempt: number; readonly tenant: string };
  readonly budget: BudgetView;
  now(): Date;
  random(): number;
  uuid(): string;
  /** Journaled: runs until it has succeeded once; later attempts get the recorded JSON. The effect itself is at least once: pass effectKey on. */
  step<T>(
    key: string,
    fn: (s: { effectKey: string; signal: AbortSignal }) => Awaitable<T>,
    o?: { /** `"ask"` is not in this version: refused. @default "retry" */ onDoubt?: "retry" | "fail" | "ask" },
  ): Promise<Jsonify<T>>;
  /** The last value is kept; it also feeds the idle timeout. */
  progress(p: { done?: number; total?: number; note?: string }): void;
  /** A durable event of the run, at most 64 KiB each and 10,000 per task. */
  emit<W>(m: Message<string, W, unknown>, value: NoInfer<W>): void;
  spend(u: Usage & { model?: string; usd?: number }): void;
  /** Waits for the grant, settles on dispose or `settle`. Not in this version. @throws FLOTILLA_NOT_SUPPORTED */
  acquire(l: Limit, o?: { tokens?: number }): Promise<Grant>;
  readonly artifact: { put<T>(value: T, o?: { type?: string }): Promise<Ref<T>>; get<T>(ref: Ref<T>): Promise<T> };
  /** Ends the attempt with a declared error. Terminal. */
  fail<N extends keyof E & string>(name: N, data: Wire<E[N]>): never;
}
export interface AgentContext<E extends ErrorMap = {}> extends BaseContext<E> {
  readonly kind: "agent";
  /**
   * Completes the task in a transaction of yours, in the database of the fleet's PostgreSQL store: your rows and the task's
   * success are committed together, or neither is. Commit, then return the same value. If the process dies in between, the
   * task has succeeded with `value` and is not run again; if it dies before the commit, it is tried again as always. A
   * commit that comes after the task was given to another attempt fails, and so writes nothing.
   *
   * ```ts
   * await ctx.completeIn(client, { orderId });
   * await client.query("COMMIT");
   * return { orderId };
   * ```
   * @throws FLOTILLA_LEASE_LOST: roll back; FLOTILLA_OUTPUT_INVALID, FLOTILLA_TOO_LARGE (64 KiB), FLOTILLA_TOO_LATE when
   * called twice; FLOTILLA_STORE_UNUSABLE in another database; FLOTILLA_NOT_SUPPORTED on other stores
   */
  completeIn(tx: SqlTransaction, value: unknown): Promise<void>;
}

export type Join =
  | "all"
  | "first"
  | {
      atLeast: number | Percent;
      /** Longest to wait for the items: then it is decided with what there is. @default none */
      within?: Duration;
      /** Stop as soon as `atLeast` is reached. @default false */
      early?: boolean;
    };
export interface CallOptions extends Placement {
  /** Names the call in the journal. @default from the definition's name and the input */
  key?: string;
  /** What the child may spend. Not in this version: refused. @default none */
  budget?: Budget;
  /** Workflows are tried again after a timeout only: what their code throws is final. @default the definition's */
  retry?: Retry;
  /** Longest an attempt may take. @default the definition's */
  timeout?: Duration;
  /** @default the caller's */
  priority?: "low" | "normal" | "high";
  /** What to do when no live worker fits. @default "wait" */
  ifNoWorker?: "wait" | "fail";
}
export interface MapOptions<I, J extends Join> extends Omit<CallOptions, "key"> {
  key?: (item: I, index: number) => string;
  join?: J;
  /** Children under way at a time. @default all */
  concurrency?: number;
  /** A second copy of items that take long. Not in this version: refused. @default none */
  hedge?: { after: Percentile | Duration; atMost?: Percent };
  /** `"refs"`: each result is stored as an artifact, and the code holds references; large results never fill its memory. @default "values" */
  results?: "values" | "refs";
}
export type JoinOf<J extends Join, I, O, E> = J extends "all"
  ? O[]
  : J extends "first"
    ? { readonly value: O; readonly index: number }
    : Joined<I, O, E>;
export interface Fanout<J extends Join, I, O, E> extends Promise<JoinOf<J, I, O, E>> {
  settled(): Promise<Joined<I, O, E>>;
  /** In commit order, which is recorded: a re-run sees the same order. `break` cancels the rest. */
  asCompleted(): AsyncIterable<Item<I, O, E>>;
}
export interface Child<O, X> {
  readonly id: string;
  result(): Pending<O, X>;
  cancel(reason?: string): Promise<void>;
  /** Resolves at once; a child that has ended takes nothing. */
  send<W>(m: Message<string, W, unknown>, value: NoInfer<W>): Promise<void>;
}
export interface Approval<T> {
  readonly by: string;
  readonly via: "person" | "grant" | "timeout";
  readonly note?: string;
  readonly value: T;
}

export interface WorkflowContext<E extends ErrorMap = {}> extends BaseContext<E> {
  readonly kind: "workflow";
  call<W, O, X>(target: Callable<string, W, O, X>, input: NoInfer<W>, o?: CallOptions): Pending<O, X>;
  map<W, O, X, const J extends Join = "all", const R extends "values" | "refs" = "values">(
    target: Callable<string, W, O, X>,
    inputs: Iterable<NoInfer<W>> | AsyncIterable<NoInfer<W>>,
    o?: MapOptions<NoInfer<W>, J> & { results?: R },
  ): Fanout<J, W, R extends "refs" ? Ref<O> : O, X>;
  /** Code per item, each in its own key scope, so `Promise.all` order cannot change keys. */
  each<T, O, const J extends Join = "all">(
    items: Iterable<T>,
    fn: (item: T, ctx: WorkflowContext<E>, index: number) => Awaitable<O>,
    o?: MapOptions<T, J>,
  ): Fanout<J, T, O, never>;
  scope<O>(key: string, fn: (ctx: WorkflowContext<E>) => Awaitable<O>): Pending<O>;
  reduce<L, R, X>(
    target: Callable<string, { items: (L | R)[] }, R, X>,
    items: Iterable<NoInfer<L> | Ref<NoInfer<L>>>,
    o: { fanIn: number; empty: NoInfer<R> },
  ): Pending<R, X>;
  /** Promise.race, recorded: the winner is journaled, the losers are canceled. */
  race<B extends Readonly<Record<string, PromiseLike<unknown>>>>(
    branches: B,
  ): Promise<{ [K in keyof B]: { readonly winner: K; readonly value: Awaited<B[K]> } }[keyof B]>;
  /**
   * Runs a plan that `plan()` or `parsePlan()` gave. A node starts when what it needs has succeeded; of several, the one with
   * the longest way to the end first. A failed node stops only what needs it; then it is rejected with
   * FLOTILLA_PLAN_FAILED, which says what succeeded and what was not run, and `after` goes on from there.
   * `o` are options of every node that says nothing else. A plan that nobody checked, or that asks for more tasks than
   * `budget` allows, is rejected with FLOTILLA_PLAN_INVALID and nothing of it runs.
   */
  execute<R>(p: Plan<R>, o?: ExecuteOptions): Pending<R, PlanError>;
  /** A handle to a child that is under way. */
  start<W, O, X>(target: Callable<string, W, O, X>, input: NoInfer<W>, o?: CallOptions): Promise<Child<O, X>>;
  /** A child that outlives this run: not awaited, not canceled with it. */
  detach<W, O, X>(target: Callable<string, W, O, X>, input: NoInfer<W>, o?: CallOptions): Promise<{ readonly id: string }>;
  /**
   * Runs although the task was canceled: compensation. When it is canceled, all that the code awaits outside shields is
   * rejected with FLOTILLA_CANCELED, so that `catch` and `finally` run; what `fn` asks of its own ctx goes on, at most
   * `within` after the cancel. The task then ends as canceled, whatever its code returns.
   */
  shield<O>(fn: (ctx: WorkflowContext<E>) => Awaitable<O>, o: { within: Duration }): Promise<O>;
  /**
   * Ends this execution and begins the next with another input and a fresh journal, under the same task: for loops that
   * never end. Children under way are canceled, messages that nobody has taken stay.
   * @throws FLOTILLA_INPUT_INVALID, FLOTILLA_VALUE_NOT_JSON, FLOTILLA_TOO_LARGE
   */
  continueAs(input: unknown): never;
  /** A durable timer: minutes or months, in no process's memory. */
  sleep(d: Duration): Pending<void>;
  sleepUntil(at: Date): Promise<void>;
  /**
   * The next message of that name for this task; one that came before is taken at once, the oldest first.
   * @throws FLOTILLA_TIMEOUT after `timeout`, FLOTILLA_INPUT_INVALID for a value that does not fit the message's schema
   */
  waitFor<O>(m: Message<string, never, O>, o?: { timeout?: Duration }): Pending<O>;
  /** A message to another task of this run, by its public id (`ctx.task.id` there). One that has ended takes nothing. */
  send<W>(task: string, m: Message<string, W, unknown>, value: NoInfer<W>): Promise<void>;
  /** Answers `run.query(name)` with the state of this code now. Must not ask or await anything. */
  query(name: string, answer: () => unknown): void;
  /**
   * Asks a person. Awaited, it is the approval, or throws: code after it cannot run by accident. An edited value is what
   * comes out of `edit.schema`.
   * @throws FLOTILLA_REJECTED, also when `timeout` passes with `onTimeout: "reject"` (the default)
   */
  approve<S extends Schema = never>(o: {
    title: string;
    detail?: string;
    diff?: string;
    edit?: { schema: S; value: Wire<S> };
    timeout?: Duration;
    onTimeout?: "reject" | "approve";
    role?: string;
  }): Pending<Approval<[S] extends [never] ? undefined : Parsed<S>>>;
}
