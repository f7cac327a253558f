// Rules of schedules, pure: which instants are due, which of them run, what comes next. Where the instants of a cron
// pattern come from is the orchestrator's business.
import { bounds } from "./bounds.ts";

export const missedPolicies = ["skip", "once", "all"] as const;
export type OnMissed = (typeof missedPolicies)[number];
export const overlapPolicies = ["allow", "skip"] as const;
export type Overlap = (typeof overlapPolicies)[number];

/** When a schedule ticks: resolved, and as it is stored. */
export interface Timing {
  readonly cron: string | null;
  readonly everyMs: number | null;
  /** IANA name, for cron. */
  readonly timeZone: string | null;
  readonly startAt: number | null;
  readonly endAt: number | null;
}

export interface ScheduleSpec extends Timing {
  /** Name of a definition. */
  readonly target: string;
  readonly tenant: string | null;
  readonly onMissed: OnMissed;
  readonly overlap: Overlap;
}

/** The instants of a schedule, in ms since the epoch. */
export interface Instants {
  /** The first one after `at`; null when there is none. */
  after(at: number): number | null;
  /** The last `count` of those that are not after `at`, the oldest first. */
  until(at: number, count: number): number[];
}

/** From `startAt`, else from midnight of 1 January 1970 UTC, so that "15m" is on the quarter hour and a new life agrees. */
export function everyInstants(everyMs: number, startAt: number | null): Instants {
  const zero = (startAt ?? 0) % everyMs;
  const last = (at: number) => zero + Math.floor((at - zero) / everyMs) * everyMs;
  return {
    after: (at) => last(at) + everyMs,
    until: (at, count) => Array.from({ length: count }, (_, i) => last(at) - (count - 1 - i) * everyMs),
  };
}

/** Only those from `startAt` to `endAt`, both included. */
export function within(instants: Instants, { startAt, endAt }: Pick<Timing, "startAt" | "endAt">): Instants {
  const from = startAt ?? Number.NEGATIVE_INFINITY;
  const to = endAt ?? Number.POSITIVE_INFINITY;
  return {
    after(at) {
      const next = instants.after(Math.max(at, from - 1));
      return next === null || next > to ? null : next;
    },
    until: (at, count) => instants.until(Math.min(at, to), count).filter((tick) => tick >= from),
  };
}

/** A tick is not missed while it is less late than this: an orchestrator that restarts takes seconds. */
export const lateMs = 60_000;

export interface DueTicks {
  /** Those to run, the oldest first. */
  readonly run: readonly number[];
  /** The first and the last of those that are passed over. */
  readonly missed: { readonly fromAt: number; readonly toAt: number } | null;
  /** The last one that is due. */
  readonly lastAt: number;
  readonly movedTo: number | null;
}

/**
 * What to do at `now` with a schedule whose next tick was `nextAt`. The work does not grow with the time that was missed.
 */
export function dueTicks(instants: Instants, p: { onMissed: OnMissed; nextAt: number; now: number }): DueTicks {
  const { onMissed, nextAt, now } = p;
  const found = instants.until(now, onMissed === "all" ? bounds.missedTicks : 1).filter((tick) => tick >= nextAt);
  // The rules of a time zone may have changed since `nextAt` was reckoned.
  const due = found.length > 0 ? found : [nextAt];
  const lastAt = due.at(-1) as number;
  const run = onMissed === "skip" && now - lastAt >= lateMs ? [] : due;
  const first = run[0];
  const toAt = first === undefined ? lastAt : (instants.until(first - 1, 1)[0] ?? nextAt);
  const missed = first === undefined || first > nextAt ? { fromAt: nextAt, toAt: Math.max(toAt, nextAt) } : null;
  return { run, missed, lastAt, movedTo: instants.after(lastAt) };
}

/** The key of a tick's run: the same tick never starts a second one. */
export function tickKey(schedule: string, at: number): string {
  return `schedule:${schedule}:${new Date(at).toISOString()}`;
}
