import { FlotillaError } from "../../core/error.ts";
import type { Handler } from "../route.ts";

export const getDefinition: Handler = async ({ api }, call) => ({
  status: 200,
  json: await api.definition(call.param("name")),
});

export const listWorkers: Handler = async ({ api }) => ({ status: 200, json: await api.workers() });

export const getHealth: Handler = async ({ api }) => ({ status: 200, json: await api.health() });

/** The process runs its loop. A store that is away does not count: a restart would not bring it back. */
export const livez: Handler = async () => ({ status: 200, json: { live: true } });

/** The store answers too: send it work. */
export const readyz: Handler = async ({ api, draining, told }) => {
  const notReady = (error: unknown) => ({ status: 503, json: { ready: false, error: told(error) } });
  if (draining()) return notReady(new FlotillaError("FLOTILLA_CLOSED", { what: "the orchestrator drains and" }));
  try {
    await api.health();
    return { status: 200, json: { ready: true } };
  } catch (error) {
    return notReady(error);
  }
};

export const getVersion: Handler = async ({ api }) => {
  const { version, node, schema } = await api.health();
  return { status: 200, json: { version, api: "v1", node, schema } };
};

export const getMetrics: Handler = async ({ metrics }) => ({
  status: 200,
  text: await metrics(),
  type: "text/plain; version=0.0.4; charset=utf-8",
});

export const getOpenApi: Handler = async ({ openApi }) => ({ status: 200, text: openApi() });
