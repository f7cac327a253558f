import type { OrchestratorApi } from "../protocol/views.ts";
import type { ScheduleView } from "../protocol/schedules.ts";
import type { Catalogue } from "./catalogue.ts";
import { RunHandle, type Run } from "./run.ts";
import { scheduleRequest, type Schedule } from "./schedule.ts";

/** Schedules of a fleet while it runs. Those that take a name throw FLOTILLA_NOT_FOUND when there is none of it. */
export interface ClientSchedules {
  /**
   * Adds a schedule, or changes the one of that name; the same again changes nothing. A new pattern counts from now, and
   * ticks that the old one has missed are not made up for.
   * @throws FLOTILLA_INPUT_INVALID, FLOTILLA_CONFIG_INVALID, FLOTILLA_UNKNOWN_DEFINITION; then nothing has changed
   */
  put(s: Schedule): Promise<ScheduleView>;
  /** By name; `next` goes on after the page (`after`). At most `limit`, 1 to 500. @default 50 */
  list(o?: {
    limit?: number;
    after?: string;
  }): Promise<{ readonly items: readonly ScheduleView[]; readonly next: string | null }>;
  get(name: string): Promise<ScheduleView>;
  /** No tick until `resume`. Runs that go on are left alone. */
  pause(name: string): Promise<ScheduleView>;
  /** Ticks from now on; those of the pause are not made up for. */
  resume(name: string): Promise<ScheduleView>;
  /** Its runs are left alone. One that the fleet's definition holds is back when the store is next opened. */
  delete(name: string): Promise<void>;
  /** Starts its run now, beside its ticks; also while it is paused. */
  trigger(name: string): Promise<Run<unknown, unknown>>;
}

export function clientSchedules(
  api: Pick<OrchestratorApi, "schedules" | "outcome" | "cancel" | "events" | "send" | "query">,
  catalogue: Catalogue,
): ClientSchedules {
  const { schedules } = api;
  return {
    put: async (s) => schedules.put(await scheduleRequest(s, catalogue.find(s.target))),
    list: (o = {}) => schedules.list(o),
    get: (name) => schedules.get(name),
    pause: (name) => schedules.pause(name),
    resume: (name) => schedules.resume(name),
    delete: (name) => schedules.delete(name),
    async trigger(name) {
      const { id, depth, pressure } = await schedules.trigger(name);
      return new RunHandle(id, api, { depth, pressure });
    },
  };
}

/** The fleet's schedules on the wire, each with its input checked. @throws what `scheduleRequest` throws */
export function scheduleRequests(schedules: readonly Schedule[], catalogue: Catalogue) {
  return Promise.all(schedules.map((s) => scheduleRequest(s, catalogue.find(s.target))));
}
