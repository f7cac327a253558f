import { Hono } from "hono";
import type { Context } from "hono";
import { bounds } from "../core/bounds.ts";
import { systemClock } from "../core/clock.ts";
import type { Clock } from "../core/clock.ts";
import { errorJson, FlotillaError } from "../core/error.ts";
import type { OrchestratorApi } from "../protocol/views.ts";
import { readCapped } from "./body.ts";
import { mountHooks } from "./hooks/mount.ts";
import type { HookDoor } from "./hooks/receive.ts";
import { base } from "./base.ts";
import { probes, routes } from "./routes.ts";
import type { Call, Handler, HandlerDeps, Reply } from "./route.ts";
import { sseStream } from "./sse.ts";
import { httpStatus } from "./status.ts";

export interface AppOptions {
  /** Longest request body, in bytes. @default one task's input (1 MiB) and 64 KiB around it */
  readonly bodyBytesMax?: number;
  /** Aborts long polls and event streams: the server closes. @default never */
  readonly closing?: AbortSignal;
  /** @default the system's */
  readonly clock?: Clock;
  /** Signed requests that start runs. @default none */
  readonly hooks?: Pick<HookDoor, "hooks" | "apiIn">;
}

/** The HTTP API over an orchestrator. It binds nothing: `app.fetch` serves it from a socket, `app.request` in a test. */
export function createApp(api: OrchestratorApi, o: AppOptions = {}): Hono {
  const settings = {
    bodyBytesMax: o.bodyBytesMax ?? bounds.inputBytes + 65_536,
    closing: o.closing,
    clock: o.clock ?? systemClock,
  };
  const adapt = adapter({ api, clock: settings.clock }, settings);
  const app = new Hono();
  if (o.hooks) mountHooks(app, { ...o.hooks, clock: settings.clock }, respond);
  for (const { method, path, handler } of [...routes, ...probes]) app.on(method, base + path, adapt(handler));
  for (const { method, path, handler } of probes) app.on(method, path, adapt(handler));
  app.notFound((c) => refusal(noSuchRoute(c.req.method, c.req.path), 404));
  app.onError((thrown) => {
    const error = settings.closing?.aborted === true ? new FlotillaError("FLOTILLA_CLOSED", { what: "the fleet" }) : thrown;
    return refusal(error, httpStatus(error));
  });
  return app;
}

interface Settings {
  readonly bodyBytesMax: number;
  readonly closing: AbortSignal | undefined;
}

function adapter(deps: HandlerDeps, o: Settings): (handler: Handler) => (c: Context) => Promise<Response> {
  return (handler) => async (c) => {
    const hangUp = new AbortController();
    const signals = [c.req.raw.signal, hangUp.signal, ...(o.closing === undefined ? [] : [o.closing])];
    const call: Call = {
      param: (name) => c.req.param(name) ?? "",
      query: c.req.query(),
      lastEventId: c.req.header("last-event-id"),
      body: () => readCapped(c.req.raw, o.bodyBytesMax),
      signal: AbortSignal.any(signals),
    };
    const reply = await handler(deps, call);
    if (!("events" in reply)) return respond(reply);
    const source = { events: reply.events, signal: call.signal, hangUp: () => hangUp.abort() };
    return new Response(sseStream(source, deps.clock), { headers: streamHeaders });
  };
}

const json = {
  "content-type": "application/json; charset=utf-8",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
};

const streamHeaders = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-store",
  "x-accel-buffering": "no",
};

function respond(reply: Exclude<Reply, { events: unknown }>): Response {
  if ("text" in reply) return new Response(reply.text, { status: reply.status, headers: json });
  const headers = reply.location === undefined ? json : { ...json, location: reply.location };
  return new Response(JSON.stringify(reply.json), { status: reply.status, headers });
}

/** The one shape of every error. Stacks stay inside: they name files of the server. */
function refusal(thrown: unknown, status: number): Response {
  const { stack: _, ...error } = errorJson(thrown);
  return new Response(JSON.stringify(error), { status, headers: json });
}

function noSuchRoute(method: string, path: string): FlotillaError {
  const known = routes.map((r) => `${r.method} ${base}${r.path}`).join(", ");
  return new FlotillaError("FLOTILLA_NOT_SUPPORTED", { what: `there is no ${method} ${path}`, instead: `use one of: ${known}` });
}
