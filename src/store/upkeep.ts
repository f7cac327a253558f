// How a store is kept, types only: deleting what has had its time, files that nobody uses any more, copies while it works.
import type { Awaitable } from "./contract.ts";

/** What one transaction deleted. */
export interface DeletedSlice {
  readonly runs: number;
  readonly tasks: number;
  /** Artifacts that lost their last use: their files may go now. */
  readonly unused: readonly string[];
  /** There was more than fits a slice. */
  readonly more: boolean;
}

export interface PruneSlice extends DeletedSlice {
  /** Root tasks that were looked at. */
  readonly looked: number;
}

export interface PurgeSlice extends DeletedSlice {
  /** Runs that were left because they, or a task of theirs, are open. */
  readonly open: number;
  /** Where the walk over a tenant's runs goes on. */
  readonly after: number;
}

export interface ArtifactUse {
  readonly hash: string;
  /** Id of the run's root task. */
  readonly run: number;
}

/** Each verb is one transaction of its own. */
export interface UpkeepStore {
  /**
   * Goes on with what is being deleted, then looks at the next root tasks in the order of their ids and deletes closed runs
   * whose root ended before its instant (ms). Null keeps them. A run with an open task stays, whatever its root did.
   */
  prune(p: {
    readonly boot: number;
    readonly now: number;
    readonly succeededBefore: number | null;
    /** Failed, canceled, quarantined and stopped. */
    readonly failedBefore: number | null;
    /** How long after its start a run's key lives at least, in ms. */
    readonly idempotencyForMs: number;
    /** Rows of tasks, and of what hangs on them, at most. */
    readonly slice: number;
  }): Awaitable<PruneSlice>;
  /** Deletes closed runs now, with their idempotency keys; the bytes are overwritten in the file. Call it until `more` is false. */
  purge(p: {
    readonly boot: number;
    readonly what: { readonly run: number } | { readonly namespace: number; readonly tenant: string; readonly after: number };
    readonly slice: number;
  }): Awaitable<PurgeSlice>;
  /** Moves the log into the file and empties it, so that what was purged is not left in it. False when a reader held it. */
  emptyLog(): Awaitable<boolean>;
  /** Notes who uses artifacts that running code put. */
  use(p: { readonly boot: number; readonly uses: readonly ArtifactUse[] }): Awaitable<void>;
  /** Those of `hashes` that no run uses. */
  unused(hashes: readonly string[]): Awaitable<readonly string[]>;
  /** Writes a little and takes it away again. @throws FLOTILLA_STORE_FULL */
  probe(p: { readonly boot: number }): Awaitable<void>;
  /** Copies the tables as they are at one instant into a new file, while the store works. @returns the artifacts they refer to */
  copyTo(file: string): Promise<{ readonly artifacts: readonly string[] }>;
}
