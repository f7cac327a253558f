import type { ScheduleRequest, SchedulesQuery } from "../../protocol/schedules.ts";
import { base } from "../base.ts";
import { checkInput } from "../input-check.ts";
import { checked, parseBody, present, scheduleBody, schedulesQuery } from "../requests.ts";
import type { Handler } from "../route.ts";

export const listSchedules: Handler = async ({ api }, call) => {
  const query = present(checked(schedulesQuery, call.query, "query")) as SchedulesQuery;
  return { status: 200, json: await api.schedules.list(query) };
};

export const getSchedule: Handler = async ({ api }, call) => ({
  status: 200,
  json: await api.schedules.get(call.param("name")),
});

/** The input is checked with the target's JSON Schema, where one is known, before anything is stored. */
export const putSchedule: Handler = async ({ api }, call) => {
  const { input = null, ...rest } = checked(scheduleBody, parseBody(await call.body()), "body");
  const request = present({ ...rest, name: call.param("name"), input: JSON.stringify(input) }) as ScheduleRequest;
  checkInput(await api.definition(request.target), input);
  return { status: 200, json: await api.schedules.put(request) };
};

export const deleteSchedule: Handler = async ({ api }, call) => {
  await api.schedules.delete(call.param("name"));
  return { status: 200, json: { name: call.param("name"), deleted: true } };
};

export const pauseSchedule: Handler = async ({ api }, call) => ({
  status: 200,
  json: await api.schedules.pause(call.param("name")),
});

export const resumeSchedule: Handler = async ({ api }, call) => ({
  status: 200,
  json: await api.schedules.resume(call.param("name")),
});

export const triggerSchedule: Handler = async ({ api }, call) => {
  const reply = await api.schedules.trigger(call.param("name"));
  return { status: 201, json: reply, location: `${base}/runs/${reply.id}` };
};
