import type { Budget } from "../core/budget.ts";
import type { AnyCallable } from "../core/definition.ts";
import type { Duration } from "../core/duration.ts";
import type { Limit } from "../core/limit.ts";
import { checkObject } from "./check.ts";
import type { Schedule } from "./schedule.ts";
import type { HookConfig, WebhookConfig } from "./webhooks.ts";
import type { ServerConfig } from "./server-config.ts";

export interface WorkersConfig {
  /** Workers to start; 0: none runs here, and tasks wait for those that join. @default 1 */
  count?: number;
  /** Attempts that one worker runs at a time. @default 16 in-process, 1 per child process */
  slots?: number;
  /** Capabilities: what the `needs` of definitions and calls are matched with. @default none */
  offers?: readonly string[];
  /**
   * `child-process` keeps a crash, a leak or a blocked loop of an agent away from the rest; it costs a process each and
   * needs `modules`. @default "in-process"
   */
  isolation?: "in-process" | "child-process";
  /**
   * Waiting workflows that one worker keeps in memory. Beyond it, or when its heap is nearly full, the longest waiting are
   * parked: they lie in the store alone, and come back by a re-run when something settles for them. @default 10_000
   */
  continuations?: number;
  /**
   * Names of environment variables that child processes get besides PATH, HOME, locale and the like: keys of models, for
   * one. What is not named here an agent's code cannot read. @default none
   */
  passEnv?: readonly string[];
}

/** How long closed runs are kept, from the end of their root task on. */
export interface RetentionConfig {
  /** Runs that succeeded, also with gaps. @default "30d" */
  succeeded?: Duration;
  /** Runs that failed, were canceled, stopped or quarantined. @default "30d" */
  failed?: Duration;
}

export interface QuotasConfig {
  /** Tasks that may wait in all, ready or delayed; a start beyond it is refused with FLOTILLA_TOO_MANY. @default 5_000_000 */
  queued?: number;
}

/** Not in this version: a fleet refuses `pools`. */
export interface PoolConfig {
  /** Names of definitions. @default all */
  definitions?: readonly string[];
  /** Workers, at least and at most. @default 1 */
  min?: number;
  max?: number;
  /** Attempts that one worker runs at a time. @default as `workers.slots` */
  slots?: number;
  /** Capabilities. @default none */
  offers?: readonly string[];
}

export interface FleetConfig<D extends readonly AnyCallable[]> {
  /** Agents, workflows and contracts. Names are unique. */
  definitions: D;
  /** Where tasks live. @default "memory", which ends with the process */
  store?: "memory" | `sqlite:${string}` | `postgres://${string}`;
  /**
   * What a commit survives: `power` a power cut, `process` only the death of the process (and is faster).
   * @default "power"
   */
  durability?: "power" | "process";
  workers?: WorkersConfig;
  quotas?: QuotasConfig;
  /**
   * When closed runs are deleted, with their inputs, results, journals and the artifacts that no other run uses. Looked for
   * once a minute, and deleted in slices of 500 rows beside the work. A run with an open task is never deleted. Shorten it
   * for many runs a day; `"forever"` keeps all until `fleet.purge()`. @default "30d" for each
   */
  retention?: RetentionConfig | "forever";
  /**
   * How long after its run's start an idempotency key is known at least, also when the run is deleted: a start with it
   * still gives the id of that run. A key always lives as long as its run. @default as long as its run
   */
  idempotencyFor?: Duration;
  /**
   * How long code that was canceled or timed out may go on after `ctx.signal` aborted, before its worker process is ended
   * (in this process it cannot be ended). Raise it for code that cleans up. @default "5s"
   */
  abortGrace?: Duration;
  /**
   * How long the main loop of a worker process may be blocked before the process is ended and its tasks are tried again.
   * Raise it for agents that compute for longer without a pause. @default "5m"
   */
  blockedAfter?: Duration;
  /**
   * Files that export the definitions: paths from the current folder, or URLs (`new URL("./agents.ts", import.meta.url)`).
   * Child processes import these, never the main file. @default none
   */
  modules?: readonly (string | URL)[];
  /**
   * Runs that start by the clock. What is listed is put when the fleet opens, and what an earlier opening listed and this
   * one does not is deleted; without the option all stay as they are. Schedules put by `fleet.schedules` are left alone.
   * @default as they are
   */
  schedules?: readonly Schedule[];
  /**
   * Who is told when a run has finished or a person is asked: signed POSTs, tried again until they are heard. They are
   * stored with what they tell, so a crash in between loses none. @default nobody
   */
  webhooks?: readonly WebhookConfig[];
  /** Signed requests that start runs, by name: `POST /api/v1/hooks/NAME` of the fleet's server. @default none */
  hooks?: Readonly<Record<string, HookConfig>>;
  /** How it is served over HTTP, where it is. @default on this machine alone, for whoever has a token */
  server?: ServerConfig;
  /** Workers of several kinds, that come and go. Not in this version: refused. @default none */
  pools?: Readonly<Record<string, PoolConfig>>;
  /** Caps that all definitions share. Not in this version: refused. @default none */
  limits?: readonly Limit[];
  /** What all runs together may spend. Not in this version: refused. @default none */
  budget?: Budget;
  /** What differs by environment; FLOTILLA_ENV names the one to use. @default none */
  environments?: Readonly<Record<string, Partial<Omit<FleetConfig<D>, "definitions" | "environments">>>>;
}

/** Pure: opens nothing. Default export of flotilla.config.ts; what the CLI imports. */
export interface FleetDefinition<D extends readonly AnyCallable[]> {
  readonly kind: "fleet";
  readonly config: FleetConfig<D>;
}

/**
 * Describes a fleet without opening it. Its options are checked when it is opened, for the environment that it opens in.
 *
 * ```ts
 * // flotilla.config.ts
 * export default defineFleet({ definitions: [review, audit], store: "sqlite:.flotilla/flotilla.db" });
 * ```
 * @throws FLOTILLA_CONFIG_INVALID when it is not an object.
 */
export function defineFleet<const D extends readonly AnyCallable[]>(c: FleetConfig<D>): FleetDefinition<D> {
  checkObject(c, "defineFleet()");
  return Object.freeze({ kind: "fleet", config: Object.freeze({ ...c }) });
}
