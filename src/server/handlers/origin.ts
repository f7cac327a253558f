// Runs that go on from others. Each of these routes starts a run and answers as POST /runs does.
import type { StartReply } from "../../protocol/views.ts";
import { base } from "../base.ts";
import { checkInput } from "../input-check.ts";
import { checked, emptyBody, forkBody, parseBody } from "../requests.ts";
import type { Handler, Reply } from "../route.ts";

export const repairRun: Handler = async ({ api }, call) => {
  checked(emptyBody, parseBody(await call.body()), "body");
  return begun(await api.repair(call.param("id")));
};

/** The input is checked with the task's JSON Schema, where one is known, before anything is stored. */
export const forkTask: Handler = async ({ api }, call) => {
  const { input } = checked(forkBody, parseBody(await call.body()), "body");
  const { name } = await api.task(call.param("id"));
  checkInput(await api.definition(name), input);
  return begun(await api.fork(call.param("id"), JSON.stringify(input)));
};

export const redriveTask: Handler = async ({ api }, call) => {
  checked(emptyBody, parseBody(await call.body()), "body");
  return begun(await api.redrive(call.param("id")));
};

function begun(reply: StartReply): Reply {
  return { status: 201, json: reply, location: `${base}/runs/${reply.id}` };
}
