import type { Percent } from "../core/duration.ts";
import type { Settled } from "../core/settled.ts";
import type { RunOutcomeName } from "../core/task.ts";

/** What `cursor` of an event is, and `after` may be. */
export const cursorShape = /^\d{1,15}$/;

interface Ev<T extends string, D> {
  readonly type: T;
  readonly cursor: string;
  readonly at: string;
  readonly runId: string;
  readonly data: D;
}

/**
 * What a run tells while it goes. Durable, each with a cursor of its own, so that a reader who comes back misses none:
 * `run.started`, `run.finished`, `task.settled`, `approval.asked`, `custom`. Live only, for whoever listens now: the others.
 */
export type RunEvent =
  | Ev<"run.started", { name: string; schedule?: { name: string; at: string | null } }>
  | Ev<"run.finished", { outcome: RunOutcomeName }>
  | Ev<"task.ready", { task: string; agent: string }>
  | Ev<"task.started", { task: string; agent: string; worker: string; attempt: number }>
  | Ev<"task.progress", { task: string; done?: number; total?: number; note?: string }>
  | Ev<"task.settled", { task: string; agent: string; status: Settled<unknown>["status"]; waitMs: number; runMs: number }>
  | Ev<"task.waiting", { task: string; reason: string; fix: string }>
  | Ev<"stage.progress", { stage: string; done: number; total: number }>
  | Ev<"approval.asked", { approval: string; title: string }>
  | Ev<"budget.threshold", { at: Percent; spentUsd: number }>
  | Ev<"custom", { name: string; value: unknown }>;
