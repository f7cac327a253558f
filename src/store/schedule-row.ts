// A schedule as both drivers select it, and as the contract says it.
import type { ScheduleRow, SkipWhy } from "./schedules.ts";

export interface RawSchedule {
  readonly id: number;
  readonly namespace: number;
  readonly name: string;
  readonly rev: number;
  readonly origin: ScheduleRow["origin"];
  readonly spec: string;
  readonly input: string;
  readonly created_at: number;
  readonly updated_at: number;
  readonly paused_at: number | null;
  readonly next_at: number | null;
  readonly last_at: number | null;
  readonly last_run: number | null;
  readonly secret: string | null;
  readonly skipped_from: number | null;
  readonly skipped_to: number | null;
  readonly skipped_why: SkipWhy | null;
}

export const selectSchedule = `SELECT s.id, s.namespace, s.name, s.rev, s.origin, s.spec, s.input, s.created_at, s.updated_at, s.paused_at, s.next_at, s.last_at,
  s.last_run, t.secret, s.skipped_from, s.skipped_to, s.skipped_why FROM schedule s LEFT JOIN task t ON t.id = s.last_run`;

export function scheduleRow(r: RawSchedule): ScheduleRow {
  return {
    id: r.id,
    namespace: r.namespace,
    name: r.name,
    rev: r.rev,
    origin: r.origin,
    spec: r.spec,
    input: r.input,
    createdAt: r.created_at,
    updatedAt: r.updated_at,
    pausedAt: r.paused_at,
    nextAt: r.next_at,
    lastAt: r.last_at,
    // A run that was pruned is not named any more.
    lastRun: r.last_run === null || r.secret === null ? null : { task: r.last_run, secret: r.secret },
    skipped:
      r.skipped_from === null || r.skipped_to === null || r.skipped_why === null
        ? null
        : { fromAt: r.skipped_from, toAt: r.skipped_to, why: r.skipped_why },
  };
}
