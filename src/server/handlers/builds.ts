import type { DrainRequest } from "../../protocol/views.ts";
import { checked, drainBody, parseBody, present, resumeBuildBody } from "../requests.ts";
import type { Handler } from "../route.ts";

export const drainWorkers: Handler = async ({ api }, call) => {
  const request = present(checked(drainBody, parseBody(await call.body()), "body")) as DrainRequest;
  return { status: 200, json: await api.drainWorkers(request) };
};

export const resumeBuild: Handler = async ({ api }, call) => {
  const { build } = checked(resumeBuildBody, parseBody(await call.body()), "body");
  await api.resumeBuild(build);
  return { status: 200, json: { build, draining: false } };
};
