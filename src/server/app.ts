import { Hono } from "hono";
import { routePath } from "hono/route";
import type { Context, MiddlewareHandler } from "hono";
import { bounds } from "../core/bounds.ts";
import { systemClock } from "../core/clock.ts";
import type { Clock } from "../core/clock.ts";
import { errorJson, FlotillaError, isFlotillaError, type ErrorJson } from "../core/error.ts";
import type { LogSink } from "../core/log.ts";
import type { ServedOrchestrator } from "../protocol/access.ts";
import { namespaceHeader } from "../protocol/http.ts";
import type { OrchestratorApi } from "../protocol/views.ts";
import { placeOf, requireRole, type Gate, type Knock } from "./access/gate.ts";
import { watched } from "./access/watch.ts";
import { isAllowed, type Sites } from "./access/sites.ts";
import { readBytes, readCapped } from "./body.ts";
import { HookReceiver } from "./hooks/receive.ts";
import type { HookSettings } from "./hooks/settings.ts";
import { forStrangers } from "./for-strangers.ts";
import { base } from "./base.ts";
import { openApiDocument } from "./openapi/document.ts";
import { probes, routes } from "./routes.ts";
import type { Call, HandlerDeps, Reply, Route } from "./route.ts";
import { sseStream, type SseSource } from "./sse.ts";
import { httpStatus } from "./status.ts";

/** How strangers are let in. Without it whoever reaches the app is its owner, as at the control socket. */
export interface Entrance {
  readonly gate: Gate;
  readonly sites: Sites;
  readonly knock: (c: Context) => Knock;
}

export interface AppOptions {
  /** Longest request body, in bytes. @default one task's input (1 MiB) and 64 KiB around it */
  readonly bodyBytesMax?: number;
  /** Aborts long polls and event streams: the server closes. @default never */
  readonly closing?: AbortSignal;
  /** @default the system's */
  readonly clock?: Clock;
  readonly entrance?: Entrance;
  /** Where the app is mounted: replies name paths under it. @default "" */
  readonly basePath?: string;
  /** @default nothing to tell */
  readonly metrics?: () => Promise<string>;
  /** Sees each answer's status. */
  readonly answered?: (status: number) => void;
  readonly log?: LogSink;
  /** What signed requests start. @default nothing */
  readonly hooks?: readonly HookSettings[];
}

/** The HTTP API over an orchestrator. It binds nothing: `app.fetch` serves it from a socket, `app.request` in a test. */
export function createApp(api: OrchestratorApi | ServedOrchestrator, o: AppOptions = {}): Hono {
  const app = new Hono();
  const server = new Server(api, o);
  if (o.entrance) app.use("*", corsAndCounts(o.entrance, o));
  for (const route of [...routes, ...probes]) app.on(route.method, base + route.path, server.adapt(route));
  for (const route of probes) app.on(route.method, route.path, server.adapt(route));
  app.notFound((c) => refusal(noSuchRoute(c.req.method, c.req.path), 404));
  app.onError((thrown, c) => server.refuse(thrown, c));
  return app;
}

class Server {
  readonly #api: OrchestratorApi | ServedOrchestrator;
  readonly #o: AppOptions;
  readonly #deps: Omit<HandlerDeps, "api">;
  #document: string | undefined;

  constructor(api: OrchestratorApi | ServedOrchestrator, o: AppOptions) {
    this.#api = api;
    this.#o = o;
    const clock = o.clock ?? systemClock;
    const apiIn = async (name: string) => served(api).within(await served(api).access.internNamespace(name));
    this.#deps = {
      clock,
      hooks: new HookReceiver({ hooks: o.hooks ?? [], apiIn, clock }),
      draining: () => o.closing?.aborted === true,
      metrics: o.metrics ?? (async () => ""),
      told: (error) => told(o.entrance ? forStrangers(error) : error),
      openApi: () => (this.#document ??= JSON.stringify(openApiDocument([...routes, ...probes]))),
    };
  }

  adapt(route: Route): (c: Context) => Promise<Response> {
    const { closing, bodyBytesMax = bounds.inputBytes + 65_536 } = this.#o;
    return async (c) => {
      const api = await this.#enter(route, c);
      const hangUp = new AbortController();
      const signals = [c.req.raw.signal, hangUp.signal, ...(closing === undefined ? [] : [closing])];
      const call: Call = {
        param: (name) => c.req.param(name) ?? "",
        query: c.req.query(),
        lastEventId: c.req.header("last-event-id"),
        header: (name) => c.req.header(name),
        body: () => readCapped(c.req.raw, bodyBytesMax),
        bytes: () => readBytes(c.req.raw, bodyBytesMax),
        signal: AbortSignal.any(signals),
      };
      const reply = await route.handler({ ...this.#deps, api }, call);
      if (!("events" in reply)) return respond(reply, this.#o.basePath ?? "");
      const stream = { events: reply.events, signal: call.signal, hangUp: () => hangUp.abort() };
      const source = this.#o.entrance ? this.#forStrangers(stream, this.#o.entrance, c) : stream;
      return new Response(sseStream(source, this.#deps.clock), { headers: streamHeaders });
    };
  }

  #forStrangers(stream: SseSource, { gate, knock }: Entrance, c: Context): SseSource {
    const { clock } = this.#deps;
    const events = watched(stream.events, { gate, knock: knock(c), clock, hangUp: stream.hangUp });
    return { ...stream, events, seen: forStrangers };
  }

  refuse(thrown: unknown, c: Context): Response {
    const closed = this.#o.closing?.aborted === true;
    const error = closed ? new FlotillaError("FLOTILLA_CLOSED", { what: "the fleet" }) : thrown;
    const status = httpStatus(error);
    if (!this.#o.entrance) return refusal(error, status);
    if (status < 500) return refusal(forStrangers(error), status);
    if (!closed) this.#o.log?.("error", "a request failed", { method: c.req.method, path: routePath(c), error: String(error) });
    return refusal(forStrangers(error), status);
  }

  /** Who asks, whether they may, and what they see. */
  async #enter(route: Route, c: Context): Promise<OrchestratorApi> {
    const { entrance } = this.#o;
    if (!entrance) return this.#asOwner(c);
    const knock = entrance.knock(c);
    if (route.least === null) {
      entrance.gate.admitSite(knock);
      return this.#api;
    }
    const entered = await entrance.gate.enter(knock);
    const what = `${route.method} ${base}${route.path}`;
    requireRole(entered, route.least, what);
    if (route.scope === "fleet") {
      if (entered.namespace === null) return this.#api;
      throw new FlotillaError("FLOTILLA_FORBIDDEN", { what, needs: "an access to every namespace" });
    }
    if (route.scope === "either" && entered.namespace === null && entered.asked === null) return this.#api;
    return served(this.#api).within(placeOf(entered));
  }

  /** Whoever may open the socket owns the store: a namespace is a place to look at, no wall. */
  async #asOwner(c: Context): Promise<OrchestratorApi> {
    const name = c.req.header(namespaceHeader);
    if (name === undefined) return this.#api;
    const api = served(this.#api);
    const namespace = await api.access.namespace(name);
    if (!namespace) throw new FlotillaError("FLOTILLA_NOT_FOUND", { what: "namespace", id: name });
    return api.within(namespace);
  }
}

function served(api: OrchestratorApi | ServedOrchestrator): ServedOrchestrator {
  if ("within" in api) return api;
  throw new FlotillaError("FLOTILLA_NOT_SUPPORTED", { what: "this orchestrator has one namespace", instead: "name none" });
}

/** Headers for pages of other origins that were allowed by name, and for all: a browser is to do nothing with an answer. */
function corsAndCounts({ sites }: Entrance, o: AppOptions): MiddlewareHandler {
  return async (c, next) => {
    const origin = c.req.header("origin");
    const allowed = origin !== undefined && isAllowed(origin, sites);
    if (c.req.method === "OPTIONS" && c.req.header("access-control-request-method") !== undefined) {
      // Asked without a token, by the browser itself: it tells nothing but whether the page may ask.
      return new Response(null, { status: allowed ? 204 : 403, headers: allowed ? preflightHeaders(origin) : locked });
    }
    await next();
    for (const [name, value] of Object.entries(locked)) c.header(name, value);
    if (allowed) {
      c.header("access-control-allow-origin", origin);
      c.header("access-control-expose-headers", "location, retry-after");
    }
    c.header("vary", "origin, authorization");
    o.answered?.(c.res.status);
    return undefined;
  };
}

const locked = {
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
} as const;

function preflightHeaders(origin: string): Record<string, string> {
  return {
    ...locked,
    "access-control-allow-origin": origin,
    "access-control-allow-methods": "GET, POST, PUT, DELETE",
    "access-control-allow-headers": `authorization, content-type, last-event-id, ${namespaceHeader}`,
    "access-control-max-age": "600",
    vary: "origin",
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

function respond(reply: Exclude<Reply, { events: unknown }>, basePath: string): Response {
  if ("text" in reply) {
    const headers = reply.type === undefined ? json : { ...json, "content-type": reply.type };
    return new Response(reply.text, { status: reply.status, headers });
  }
  const headers = reply.location === undefined ? json : { ...json, location: basePath + reply.location };
  return new Response(JSON.stringify(reply.json), { status: reply.status, headers });
}

/** Stacks stay inside: they name files of the server. */
function told(thrown: unknown): ErrorJson {
  const { stack: _, ...error } = errorJson(thrown);
  return error;
}

/** The one shape of every error. */
function refusal(thrown: unknown, status: number): Response {
  return new Response(JSON.stringify(told(thrown)), { status, headers: { ...json, ...refusalHeaders(thrown) } });
}

function refusalHeaders(thrown: unknown): Record<string, string> {
  if (isFlotillaError(thrown, "FLOTILLA_UNAUTHENTICATED")) return { "www-authenticate": "Bearer" };
  if (isFlotillaError(thrown, "FLOTILLA_RATE_LIMITED"))
    return { "retry-after": String(Math.ceil(thrown.details.retryAfterMs / 1_000)) };
  return {};
}

function noSuchRoute(method: string, path: string): FlotillaError {
  const known = routes.map((r) => `${r.method} ${base}${r.path}`).join(", ");
  return new FlotillaError("FLOTILLA_NOT_SUPPORTED", { what: `there is no ${method} ${path}`, instead: `use one of: ${known}` });
}
