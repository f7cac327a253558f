import type { Handler } from "../route.ts";

export const getTask: Handler = async ({ api }, call) => ({ status: 200, json: await api.task(call.param("id")) });

export const explainTask: Handler = async ({ api }, call) => ({ status: 200, json: await api.explain(call.param("id")) });

export const getArtifact: Handler = async ({ api }, call) => ({ status: 200, text: await api.artifact(call.param("ref")) });
