import type { AgentContext, WorkflowContext } from "./context.ts";
import type { Budget } from "./budget.ts";
import type { Duration, Size } from "./duration.ts";
import type { DeclaredError } from "./error.ts";
import type { Jsonify } from "./json.ts";
import type { Limit, Reservation } from "./limit.ts";
import type { ResolvedRetry, Retry } from "./retry.ts";
import type { Parsed, Schema, Wire } from "./schema.ts";

export type Awaitable<T> = T | PromiseLike<T>;

/** Errors that an agent declares: name -> schema of its data. Terminal. */
export type ErrorMap = Readonly<Record<string, Schema>>;
export type DeclaredOf<E> = { [N in keyof E & string]: DeclaredError<N, Parsed<E[N]>> }[keyof E & string];

/** Not in this version. */
export interface Resources {
  /** Slots that an attempt takes. @default 1 */
  slots?: number;
  memory?: Size;
  /** Devices. @default 0 */
  gpu?: number;
  [named: string]: number | Size | undefined;
}
export interface Placement {
  /** Capabilities that a worker must offer. */
  needs?: readonly string[];
  /** Capabilities that make a worker the better choice. Not in this version: a fleet refuses it. @default none */
  prefers?: readonly string[];
  /** What an attempt takes of its worker. Not in this version: a fleet refuses it. @default one slot */
  resources?: Resources;
}
export interface Settings<I> extends Placement {
  /** What planners, MCP and A2A cards read. */
  description?: string;
  /**
   * Yours, such as "2.1.0": kept on the definition's card. A workflow's identifies its code: in a fleet with workers of
   * several builds a run that has begun goes on only where the version is the same. Without one the source text of `run`
   * and the schemas do, which say nothing of functions that `run` calls. @default ""
   */
  version?: string;
  /** Shared caps that each attempt counts against. Not in this version: a fleet refuses it. @default none */
  limits?: readonly (Limit | Reservation<I>)[];
  /** How often an attempt is made, and how far apart. Agents only. @default 3 attempts, exponential from 1s to 5m */
  retry?: Retry;
  /** Longest an attempt may take. @default none */
  timeout?: Duration;
  /** Longest an attempt may go without progress, a step, an emit or a child that settles. @default none */
  idleTimeout?: Duration;
  /** What one task of it may spend. Not in this version: a fleet refuses it. @default none */
  budget?: Budget;
  /**
   * Two copies may run at once without harm. Declared for hedging, which is not in this version: until then it is shown on
   * the definition's card and changes nothing. @default false
   */
  idempotent?: boolean;
}

export interface WorkflowSettings<I> extends Omit<Settings<I>, "limits" | "retry"> {
  /**
   * What becomes of runs that an older code of this workflow has begun when no live worker has that code any more, for
   * 30 s. `"wait"`: they wait for a worker that has it, with reason BUILD_GONE. `"move-if-unchanged"`: this code goes on
   * with them from their history, and those whose calls it would make otherwise wait with HISTORY_MISMATCH. Only in fleets
   * with remote workers or several orchestrators: within one process the latest code always goes on. @default "wait"
   */
  onOrphan?: "wait" | "move-if-unchanged";
}

/** What the runtime knows of a definition: options resolved, checked and frozen. */
export interface Definition {
  readonly kind: "agent" | "workflow" | "contract";
  readonly name: string;
  readonly description: string;
  readonly version: string;
  /** Name of the contract that it implements, if any. */
  readonly implements: string | null;
  readonly input: Schema;
  readonly output: Schema | undefined;
  readonly errors: ErrorMap;
  readonly needs: readonly string[];
  readonly retry: ResolvedRetry;
  readonly timeoutMs: number | null;
  readonly idleTimeoutMs: number | null;
  readonly idempotent: boolean;
  /** A workflow's: see `WorkflowSettings`. */
  readonly onOrphan: "wait" | "move-if-unchanged";
  /** Options that were given and that this version cannot enforce; a fleet refuses to run them. */
  readonly unenforced: readonly string[];
  // Each definition's own input type is known where it is written; here they meet.
  readonly run: ((input: never, ctx: never) => unknown) | undefined;
}

export interface Callable<N extends string, W, O, E> {
  readonly kind: "agent" | "workflow" | "contract";
  readonly name: N;
  readonly "~definition": Definition;
  readonly "~types"?: { readonly wire: (w: W) => void; readonly out: O; readonly errors: E };
}
export interface Agent<N extends string, W, O, E = never> extends Callable<N, W, O, E> {
  readonly kind: "agent";
}
export interface Workflow<N extends string, W, O, E = never> extends Callable<N, W, O, E> {
  readonly kind: "workflow";
}
// oxlint-disable-next-line typescript/no-explicit-any -- the only type that accepts every wire type
export type AnyCallable = Callable<string, any, unknown, unknown>;
export type WireOf<C> = C extends Callable<string, infer W, unknown, unknown> ? W : never;
export type OutOf<C> = C extends Callable<string, never, infer O, unknown> ? O : never;
export type ErrorsOf<C> = C extends Callable<string, never, unknown, infer E> ? E : never;

/** A definition without code: what Python workers, browsers, recursive workflows and "any agent that fits" share. */
export interface Contract<N extends string, IS extends Schema, OS extends Schema, E extends ErrorMap> extends Callable<
  N,
  Wire<IS>,
  Jsonify<Parsed<OS>>,
  DeclaredOf<E>
> {
  readonly kind: "contract";
  agent<const M extends string = N>(
    d: Settings<Parsed<IS>> & { name?: M; run(input: Parsed<IS>, ctx: AgentContext<E>): Awaitable<Wire<OS>> },
  ): Agent<M, Wire<IS>, Jsonify<Parsed<OS>>, DeclaredOf<E>>;
  workflow<const M extends string = N>(
    d: WorkflowSettings<Parsed<IS>> & {
      name?: M;
      run(input: Parsed<IS>, ctx: WorkflowContext<E>): Awaitable<Wire<OS>>;
    },
  ): Workflow<M, Wire<IS>, Jsonify<Parsed<OS>>, DeclaredOf<E>>;
}
