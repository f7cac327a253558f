import type { Handler } from "../route.ts";

export const getTask: Handler = async ({ api }, call) => ({ status: 200, json: await api.task(call.param("id")) });

export const explainTask: Handler = async ({ api }, call) => ({ status: 200, json: await api.explain(call.param("id")) });

/** A run's id means its root task. */
export const getPlans: Handler = async ({ api }, call) => ({ status: 200, json: await api.plans(call.param("id")) });

export const getArtifact: Handler = async ({ api }, call) => ({ status: 200, text: await api.artifact(call.param("ref")) });
