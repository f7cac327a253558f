// One operation on everything that a filter finds, done where the store is.
import type { ErrorJson } from "../core/error.ts";
import type { RunStatus } from "./views.ts";

export const bulkActions = ["cancel", "repair", "redrive", "purge"] as const;
/** `cancel`, `repair` and `purge` are for runs, `redrive` is for tasks. */
export type BulkAction = (typeof bulkActions)[number];

export const redrivable = ["quarantined", "failed"] as const;

/** All that is named must fit. What an action cannot do anything to never fits: no ended run is canceled. */
export interface BulkWhere {
  /** Of a run: what it was started by; with `redrive` of a task: its agent or workflow. */
  readonly name?: string;
  /** Of the runs. @default for `repair` all that ended without succeeding, canceled ones left out */
  readonly status?: readonly RunStatus[];
  /** Of the tasks, for `redrive` alone. @default quarantined */
  readonly state?: readonly (typeof redrivable)[number][];
  /** One run and, for `redrive`, its tasks. */
  readonly run?: string;
  readonly tenant?: string;
  readonly tag?: string;
  /** Instants. The run was stored at the first or later, and before the second. */
  readonly startedFrom?: string;
  readonly startedBefore?: string;
  /** Code or name of the error that it ended with, or of one of that error's causes. */
  readonly error?: string;
}

export interface BulkRequest {
  readonly action: BulkAction;
  readonly where: BulkWhere;
  /** What `cancel` says. @default "canceled in bulk" */
  readonly reason?: string;
  /** At most so many, the latest first: 1 to 100,000. What is left stays for the next time. @default all */
  readonly limit?: number;
  /** How many were counted: when more fit now, nothing is done. Without it they are counted and nothing is done. */
  readonly expect?: number;
}

/** How far it is. The last one of a stream has the phase `done`. */
export interface BulkView {
  readonly action: BulkAction;
  readonly phase: "counting" | "acting" | "done";
  /** Runs that were looked at. */
  readonly looked: number;
  /** What fits: exact when the counting is over; until then with what turns out to be repaired or redriven already. */
  readonly count: number;
  /** Of how many runs they are. */
  readonly runs: number;
  /** The latest five of what fits. */
  readonly examples: readonly string[];
  /** When the counting began: what starts later never fits. */
  readonly asOf: string;
  /** What was done; for `purge` and `cancel` runs, else runs that were started. */
  readonly done: number;
  /** What could not be done any more, such as canceling a run that had ended meanwhile. */
  readonly refused: number;
  /** Why, of the first 20. */
  readonly refusals: readonly { readonly id: string; readonly error: ErrorJson }[];
  /** Runs that `repair` and `redrive` started, since the view before. */
  readonly started: readonly { readonly of: string; readonly run: string }[];
}
