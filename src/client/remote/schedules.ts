import type { SchedulesApi, ScheduleView } from "../../protocol/schedules.ts";
import type { Page, StartReply } from "../../protocol/views.ts";
import type { Caller } from "./caller.ts";
import { queryString } from "./query-string.ts";

export function remoteSchedules(caller: Caller): SchedulesApi {
  const at = (name: string) => `/schedules/${encodeURIComponent(name)}`;
  // A pause twice is a pause.
  const again = { method: "POST", repeatable: true } as const;
  return {
    // The input is JSON text and goes in as it is.
    put: ({ name, input, ...rest }) =>
      caller.json<ScheduleView>(at(name), { method: "PUT", body: `${JSON.stringify(rest).slice(0, -1)},"input":${input}}` }),
    list: (q) => caller.json<Page<ScheduleView>>(`/schedules${queryString(q)}`),
    get: (name) => caller.json<ScheduleView>(at(name)),
    pause: (name) => caller.json<ScheduleView>(`${at(name)}/pause`, again),
    resume: (name) => caller.json<ScheduleView>(`${at(name)}/resume`, again),
    async delete(name) {
      await caller.text(at(name), { method: "DELETE" });
    },
    trigger: (name) => caller.json<StartReply>(`${at(name)}/trigger`, { method: "POST" }),
  };
}
