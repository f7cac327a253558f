import type { ScheduleView, SchedulesApi } from "../protocol/schedules.ts";
import type { Page, StartReply } from "../protocol/views.ts";
import type { Route } from "./route.ts";

/** Asks over the socket; the answer is JSON. */
type Ask = <T>(path: string, o?: { readonly method: Route["method"]; readonly body?: string }) => Promise<T>;

/** `SchedulesApi` over the control socket. */
export function remoteSchedules(
  ask: Ask,
  queryString: (query: Readonly<Record<string, string | number>>) => string,
): SchedulesApi {
  const at = (name: string) => `/schedules/${encodeURIComponent(name)}`;
  return {
    // The input is JSON text and goes in as it is.
    put: ({ name, input, ...rest }) =>
      ask<ScheduleView>(at(name), { method: "PUT", body: `${JSON.stringify(rest).slice(0, -1)},"input":${input}}` }),
    list: (q) => ask<Page<ScheduleView>>(`/schedules${queryString({ ...q })}`),
    get: (name) => ask<ScheduleView>(at(name)),
    pause: (name) => ask<ScheduleView>(`${at(name)}/pause`, { method: "POST" }),
    resume: (name) => ask<ScheduleView>(`${at(name)}/resume`, { method: "POST" }),
    async delete(name) {
      await ask<unknown>(at(name), { method: "DELETE" });
    },
    trigger: (name) => ask<StartReply>(`${at(name)}/trigger`, { method: "POST" }),
  };
}
