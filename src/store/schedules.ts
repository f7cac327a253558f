// What a store does with schedules, types only: part of the contract, in a file of its own.
import type { Awaitable, NewTask } from "./contract.ts";

/** Why ticks of a schedule started nothing. */
export type SkipWhy = "missed" | "overlap" | "queue full" | "unreadable";

/** A schedule as it is kept. `spec` is opaque to the store. */
export interface ScheduleRow {
  readonly id: number;
  readonly namespace: number;
  /** Its own within the namespace. */
  readonly name: string;
  /** Counts its changes: what was read before a change is not written after it. */
  readonly rev: number;
  /** `code`: the fleet's definition holds it. */
  readonly origin: "code" | "api";
  /** JSON of the resolved spec, without the input. */
  readonly spec: string;
  /** JSON text. */
  readonly input: string;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly pausedAt: number | null;
  /** The next tick; null while it is paused, and when none is left. */
  readonly nextAt: number | null;
  /** The last tick that was dealt with: no later one is ever at or before it. */
  readonly lastAt: number | null;
  readonly lastRun: { readonly task: number; readonly secret: string } | null;
  /** The last ticks that started nothing. */
  readonly skipped: Skipped | null;
}

export interface Skipped {
  readonly fromAt: number;
  readonly toAt: number;
  readonly why: SkipWhy;
}

/**
 * Ticks of one schedule that are due: its runs, their keys and the move of `nextAt` are stored together, or not at all
 * when the schedule is no longer as it was read.
 */
export interface Tick {
  readonly schedule: number;
  readonly rev: number;
  /** As read: the compare half of the compare-and-set. */
  readonly nextAt: number;
  readonly movedTo: number | null;
  readonly lastAt: number;
  readonly runs: readonly { readonly key: string; readonly inputHash: string; readonly task: NewTask }[];
  /** Start nothing beside a run of it that goes on. */
  readonly alone: boolean;
  readonly skipped: Skipped | null;
}

/** What became of a tick. */
export interface Ticked {
  /** False: the schedule had changed, so nothing was stored. */
  readonly taken: boolean;
  /** Ids of the tasks that were started. */
  readonly started: readonly number[];
  /** A run of it goes on, so nothing was started. */
  readonly overlapped: boolean;
}

export interface PutSchedule {
  readonly boot: number;
  readonly namespace: number;
  readonly name: string;
  readonly origin: "code" | "api";
  readonly spec: string;
  readonly input: string;
  /** The schedule that this changes, as it was read; null: there was none. */
  readonly before: { readonly id: number; readonly rev: number } | null;
  /** `keep`: as it is, since it ticks as before. Of a paused schedule it stays null. */
  readonly nextAt: number | null | "keep";
  readonly now: number;
}

/** Each change is one transaction of its own. Those that name a `rev` do nothing, and say false, when it has moved on. */
export interface ScheduleStore {
  put(p: PutSchedule): Awaitable<boolean>;
  /** `nextAt` null pauses, a number resumes. */
  move(p: {
    readonly boot: number;
    readonly id: number;
    readonly rev: number;
    readonly pausedAt: number | null;
    readonly nextAt: number | null;
    readonly now: number;
  }): Awaitable<boolean>;
  delete(p: { readonly boot: number; readonly namespace: number; readonly name: string }): Awaitable<boolean>;
  get(p: { readonly namespace: number; readonly name: string }): Awaitable<ScheduleRow | null>;
  list(p: { readonly namespace: number; readonly after: string; readonly limit: number }): Awaitable<readonly ScheduleRow[]>;
  /** Names of those that the fleet's definition put there. */
  fromCode(p: { readonly namespace: number }): Awaitable<readonly string[]>;
  /** Those of all namespaces whose next tick is not after `now`, the oldest first. */
  due(p: { readonly now: number; readonly limit: number }): Awaitable<readonly ScheduleRow[]>;
  /** When the next one of all namespaces is due. */
  nextAt(): Awaitable<number | null>;
}
