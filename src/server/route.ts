import type { ErrorJson } from "../core/error.ts";
import type { EventView, OrchestratorApi } from "../protocol/views.ts";
import type { Role } from "../core/role.ts";
import type { Clock } from "../core/clock.ts";
import type { HookReceiver } from "./hooks/receive.ts";
import type { Schemas } from "./openapi/schemas.ts";

/** What a handler sees of a request: no framework, no socket. */
export interface Call {
  readonly param: (name: string) => string;
  readonly query: Readonly<Record<string, string>>;
  readonly lastEventId: string | undefined;
  readonly header: (name: string) => string | undefined;
  readonly body: () => Promise<string>;
  /** The body as it came, where its bytes are what counts. */
  readonly bytes: () => Promise<Uint8Array>;
  /** Aborts when the caller hangs up or the server closes. */
  readonly signal: AbortSignal;
}

/** What a handler answers: a value, JSON text as it is stored, plain text, or a stream. */
export type Reply =
  | { readonly status: number; readonly json: unknown; readonly location?: string }
  | { readonly status: number; readonly text: string; readonly type?: string }
  | { readonly events: AsyncIterable<EventView> };

export interface HandlerDeps {
  readonly api: OrchestratorApi;
  readonly clock: Clock;
  /** It drains, and takes nothing new. */
  readonly draining: () => boolean;
  /** Prometheus text. */
  readonly metrics: () => Promise<string>;
  /** JSON text of the OpenAPI document. */
  readonly openApi: () => string;
  readonly hooks: HookReceiver;
  /** An error as whoever asks may see it. */
  readonly told: (error: unknown) => ErrorJson;
}
export type Handler = (deps: HandlerDeps, call: Call) => Promise<Reply>;

/** What the OpenAPI document says of a route; names are those of openapi/schemas.ts. */
export interface RouteDoc {
  readonly summary: string;
  readonly body?: keyof Schemas;
  readonly query?: keyof Schemas;
  /** By status. */
  readonly replies: Readonly<Record<number, keyof Schemas>>;
  /** Of the replies. @default "application/json" */
  readonly type?: "text/event-stream" | "text/plain";
}

export interface Route extends RouteDoc {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  readonly handler: Handler;
  /** Who may; null: anybody, without a token. */
  readonly least: Role | null;
  /**
   * `fleet`: it concerns all namespaces, and needs an access to every one. `either`: of whoever has that and names none, it
   * concerns all.
   */
  readonly scope: "namespace" | "fleet" | "either";
}

export function route(
  method: Route["method"],
  path: string,
  handler: Handler,
  o: RouteDoc & { readonly least: Role | null; readonly scope?: Exclude<Route["scope"], "namespace"> },
): Route {
  return { scope: "namespace", ...o, method, path, handler };
}
