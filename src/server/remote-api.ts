// `OrchestratorApi` over the control socket: the same calls as in the owner's process, so that the CLI is one code.
import { Agent, request } from "node:http";
import type { IncomingMessage } from "node:http";
import { errorFromJson, FlotillaError, isFlotillaError } from "../core/error.ts";
import type { ErrorJson } from "../core/error.ts";
import type { EventView, OrchestratorApi, OutcomeReply, StartReply, StartRequest } from "../protocol/views.ts";
import { base } from "./base.ts";
import { remoteSchedules } from "./remote-schedules.ts";
import { remoteTokens } from "./remote-tokens.ts";
import { remoteWebhooks } from "./remote-webhooks.ts";
import type { Route } from "./route.ts";
import { endEvent, failureEvent, readSse } from "./sse.ts";

export interface RemoteApi extends OrchestratorApi {
  /** Drops the connections; calls under way fail. */
  close(): void;
}

/** Below the server's longest, so that its answer comes first. */
const pollMs = 50_000;

export function remoteApi(socketPath: string): RemoteApi {
  const agent = new Agent({ keepAlive: true });
  const http: Http = async (path, o = {}) => await accepted(await send({ socketPath, agent }, base + path, o), socketPath);
  const ask = async <T>(path: string, o?: SendOptions): Promise<T> => JSON.parse(await read(await http(path, o))) as T;
  const id = encodeURIComponent;

  return {
    start: (requests) => requests.map((r) => start(http, r)),
    outcome: (run, signal) => outcome(http, run, signal),
    async cancel(target, reason) {
      await read(await http(`/runs/${id(target)}/cancel`, { method: "POST", body: JSON.stringify({ reason }) }));
    },
    async send(target, { value, ...rest }) {
      const body = `${JSON.stringify(rest).slice(0, -1)},"value":${value}}`;
      await read(await http(`/runs/${id(target)}/messages`, { method: "POST", body }));
    },
    query: async (target, name) => await read(await http(`/runs/${id(target)}/query/${id(name)}`)),
    repair: (run) => ask(`/runs/${id(run)}/repair`, { method: "POST", body: "{}" }),
    fork: (task, input) => ask(`/tasks/${id(task)}/fork`, { method: "POST", body: `{"input":${input}}` }),
    redrive: (task) => ask(`/tasks/${id(task)}/redrive`, { method: "POST", body: "{}" }),
    approvals: (q) => ask(`/approvals${queryString({ ...q })}`),
    approval: (approval) => ask(`/approvals/${id(approval)}`),
    async approve(approval, { value, ...rest }) {
      const text = JSON.stringify(rest);
      const body = value === undefined ? text : `${text === "{}" ? "{" : `${text.slice(0, -1)},`}"value":${value}}`;
      await read(await http(`/approvals/${id(approval)}/approve`, { method: "POST", body }));
    },
    async reject(approval, r) {
      await read(await http(`/approvals/${id(approval)}/reject`, { method: "POST", body: JSON.stringify(r) }));
    },
    run: (run) => ask(`/runs/${id(run)}`),
    runs: (q) => ask(`/runs${queryString({ ...q })}`),
    task: (task) => ask(`/tasks/${id(task)}`),
    tasks: ({ run, ...q }) => ask(`/runs/${id(run)}/tasks${queryString(q)}`),
    explain: (task) => ask(`/tasks/${id(task)}/explain`),
    plans: (task) => ask(`/tasks/${id(task)}/plans`),
    definition: (name) => ask(`/definitions/${id(name)}`),
    workers: () => ask("/workers"),
    health: () => ask("/health"),
    events: (run, o) => events(http, run, o),
    schedules: remoteSchedules(ask, queryString),
    tokens: remoteTokens(ask, queryString),
    webhooks: remoteWebhooks(ask, queryString),
    artifact: async (ref) => await read(await http(`/artifacts/${id(ref)}`)),
    purge: (q) => ask("/purge", { method: "POST", body: JSON.stringify(q) }),
    backup: (folder) => ask("/backup", { method: "POST", body: JSON.stringify({ folder }) }),
    close: () => agent.destroy(),
  };
}

interface SendOptions {
  readonly method?: Route["method"];
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}
type Http = (path: string, o?: SendOptions) => Promise<IncomingMessage>;

async function start(http: Http, { input, ...rest }: StartRequest): Promise<StartReply> {
  // The input is JSON text and goes in as it is.
  const body = `${JSON.stringify(rest).slice(0, -1)},"input":${input}}`;
  return JSON.parse(await read(await http("/runs", { method: "POST", body }))) as StartReply;
}

async function outcome(http: Http, run: string, signal?: AbortSignal): Promise<OutcomeReply> {
  for (;;) {
    const reply = await http(`/runs/${encodeURIComponent(run)}/outcome?waitMs=${pollMs}`, { signal });
    const text = await read(reply);
    if (reply.statusCode === 202) continue;
    const { status, value, error, gaps } = JSON.parse(text) as {
      status: OutcomeReply["status"];
      value: unknown;
      error: ErrorJson | null;
      gaps?: unknown;
    };
    const kept = status === "succeeded" || status === "partial" || value !== null;
    const partial = gaps === undefined || gaps === null ? {} : { gaps: JSON.stringify(gaps) };
    return { status, value: kept ? JSON.stringify(value) : null, error, ...partial };
  }
}

/** Goes on from the last cursor when the stream breaks off; a server that is gone ends it with FLOTILLA_UNREACHABLE. */
async function* events(http: Http, run: string, o: Parameters<OrchestratorApi["events"]>[1]): AsyncGenerator<EventView> {
  let cursor = o.after;
  for (;;) {
    const query = queryString({ types: o.types?.join(",") });
    const headers = cursor === undefined ? {} : { "last-event-id": cursor };
    const reply = await http(`/runs/${encodeURIComponent(run)}/events${query}`, { headers, signal: o.signal }).catch(
      unlessAborted(o.signal),
    );
    if (reply === undefined) return;
    try {
      for await (const message of readSse(reply)) {
        if (message.event === endEvent) return;
        if (message.event === failureEvent) throw errorFromJson(JSON.parse(message.data) as ErrorJson);
        if (message.id !== "") cursor = message.id;
        yield JSON.parse(message.data) as EventView;
      }
    } catch (error) {
      if (o.signal?.aborted === true) return;
      if ((error as NodeJS.ErrnoException).code !== "ECONNRESET") throw error;
    } finally {
      reply.destroy();
    }
    if (o.signal?.aborted === true) return;
  }
}

function unlessAborted(signal: AbortSignal | undefined): (error: unknown) => undefined {
  return (error) => {
    if (signal?.aborted !== true) throw error;
  };
}

function queryString(query: Readonly<Record<string, string | number | undefined>>): string {
  const pairs = Object.entries(query).flatMap(([k, v]) => (v === undefined ? [] : [[k, String(v)]]));
  return pairs.length === 0 ? "" : `?${new URLSearchParams(pairs).toString()}`;
}

/** The reply, unless it is a refusal. @throws the error that the far side threw. */
async function accepted(reply: IncomingMessage, target: string): Promise<IncomingMessage> {
  if ((reply.statusCode ?? 500) < 400) return reply;
  const error = errorFromJson(JSON.parse(await read(reply)) as ErrorJson);
  // From afar, an orchestrator that is closing is one that no longer answers.
  throw isFlotillaError(error, "FLOTILLA_CLOSED") ? unreachable(target, error) : error;
}

async function read(reply: IncomingMessage): Promise<string> {
  const decoder = new TextDecoder();
  const parts: string[] = [];
  for await (const chunk of reply as AsyncIterable<Uint8Array>) parts.push(decoder.decode(chunk, { stream: true }));
  return parts.join("") + decoder.decode();
}

interface Target {
  readonly socketPath: string;
  readonly agent: Agent;
}

async function send(target: Target, path: string, o: SendOptions): Promise<IncomingMessage> {
  for (let tries = 0; ; tries++) {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const headers = {
      ...o.headers,
      ...(o.body === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(o.body) }),
    };
    const outgoing = request({ ...target, path, method: o.method ?? "GET", headers, ...(o.signal ? { signal: o.signal } : {}) });
    outgoing.once("response", resolve).once("error", reject).end(o.body);
    try {
      return await promise;
    } catch (error) {
      if (o.signal?.aborted === true) throw error;
      // An idle connection that the server closed while we picked it: nothing was read there, one more try is safe to ask.
      if (outgoing.reusedSocket && (o.method ?? "GET") === "GET" && tries === 0) continue;
      throw unreachable(target.socketPath, error);
    }
  }
}

function unreachable(socketPath: string, error: unknown): Error {
  const { code } = error as NodeJS.ErrnoException;
  if (code === "EACCES" || code === "EPERM") {
    const fix = "run this as the user who owns the fleet and its folder";
    return new FlotillaError(
      "FLOTILLA_STORE_UNUSABLE",
      { path: socketPath, problem: "this user may not open it", fix },
      { cause: error },
    );
  }
  return new FlotillaError("FLOTILLA_UNREACHABLE", { target: socketPath }, { cause: error });
}
