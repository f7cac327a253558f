// Schedules of plain maps: they never tick by themselves.
import { FlotillaError } from "../../src/core/error.ts";
import type { ScheduleRequest, SchedulesApi, ScheduleView } from "../../src/protocol/schedules.ts";
import type { StartReply } from "../../src/protocol/views.ts";

const putAt = "2026-11-22T10:00:00.000Z";

export function scheduleView(r: Partial<ScheduleRequest> & { name: string }, over: Partial<ScheduleView> = {}): ScheduleView {
  return {
    name: r.name,
    target: r.target ?? "review-all",
    input: JSON.parse(r.input ?? "null") as unknown,
    cron: r.cron ?? null,
    everyMs: r.everyMs ?? null,
    timeZone: r.timeZone ?? null,
    tenant: r.tenant ?? "default",
    onMissed: r.onMissed ?? "once",
    overlap: r.overlap ?? "skip",
    startAt: r.startAt ?? null,
    endAt: r.endAt ?? null,
    origin: "api",
    state: "active",
    nextAt: "2026-11-22T11:00:00.000Z",
    lastAt: null,
    lastRun: null,
    skipped: null,
    createdAt: putAt,
    updatedAt: putAt,
    ...over,
  };
}

export function fakeSchedules(start: (name: string, input: string) => Promise<StartReply>): SchedulesApi {
  const all = new Map<string, ScheduleView>();
  const find = (name: string): ScheduleView => {
    const found = all.get(name);
    if (!found) throw new FlotillaError("FLOTILLA_NOT_FOUND", { what: "schedule", id: name });
    return found;
  };
  const change = async (name: string, over: Partial<ScheduleView>): Promise<ScheduleView> => {
    const view = { ...find(name), ...over };
    all.set(name, view);
    return view;
  };
  return {
    async put(r) {
      if (r.cron === "never")
        throw new FlotillaError("FLOTILLA_CONFIG_INVALID", { field: "cron", problem: "it is no pattern", fix: "write one" });
      all.set(r.name, scheduleView(r));
      return find(r.name);
    },
    async list(q) {
      const names = [...all.keys()].toSorted().filter((name) => name > (q.after ?? ""));
      const page = names.slice(0, q.limit ?? 50);
      return { items: page.map(find), next: page.length < names.length ? (page.at(-1) ?? null) : null };
    },
    get: async (name) => find(name),
    pause: (name) => change(name, { state: "paused", nextAt: null }),
    resume: (name) => change(name, { state: "active", nextAt: "2026-11-22T11:00:00.000Z" }),
    async delete(name) {
      find(name);
      all.delete(name);
    },
    async trigger(name) {
      const { target, input } = find(name);
      return start(target, JSON.stringify(input));
    },
  };
}
