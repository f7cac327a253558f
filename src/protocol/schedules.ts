// Schedules as clients see them; part of views.ts in a file of its own.
import type { OnMissed, Overlap } from "../core/schedule.ts";
import type { Page, StartReply } from "./views.ts";

export interface ScheduleRequest {
  readonly name: string;
  /** Name of a definition. */
  readonly target: string;
  /** JSON text. */
  readonly input: string;
  readonly cron?: string;
  readonly everyMs?: number;
  readonly timeZone?: string;
  readonly tenant?: string;
  readonly onMissed?: OnMissed;
  readonly overlap?: Overlap;
  readonly startAt?: string;
  readonly endAt?: string;
}

export interface ScheduleView {
  readonly name: string;
  readonly target: string;
  readonly input: unknown;
  readonly cron: string | null;
  readonly everyMs: number | null;
  readonly timeZone: string | null;
  readonly tenant: string;
  readonly onMissed: OnMissed;
  readonly overlap: Overlap;
  readonly startAt: string | null;
  readonly endAt: string | null;
  /** `code`: the fleet's definition holds it, and puts it back when the store is next opened. */
  readonly origin: "code" | "api";
  readonly state: "active" | "paused" | "ended";
  readonly nextAt: string | null;
  /** The last tick that was dealt with. */
  readonly lastAt: string | null;
  /** Id of the run that a tick started last. */
  readonly lastRun: string | null;
  /** The last ticks that started nothing, and why. */
  readonly skipped: { readonly fromAt: string; readonly toAt: string; readonly why: string } | null;
  readonly createdAt: string;
  readonly updatedAt: string;
}

export interface SchedulesQuery {
  readonly limit?: number;
  readonly after?: string;
}

/** What a client may ask about schedules. Those that name one throw FLOTILLA_NOT_FOUND when there is none. */
export interface SchedulesApi {
  /** Puts a schedule, or changes the one of that name. The same again changes nothing. */
  put(r: ScheduleRequest): Promise<ScheduleView>;
  list(q: SchedulesQuery): Promise<Page<ScheduleView>>;
  get(name: string): Promise<ScheduleView>;
  pause(name: string): Promise<ScheduleView>;
  resume(name: string): Promise<ScheduleView>;
  delete(name: string): Promise<void>;
  /** Starts its run now, besides its ticks; also while it is paused. */
  trigger(name: string): Promise<StartReply>;
}
