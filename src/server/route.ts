import type { EventView, OrchestratorApi } from "../protocol/views.ts";
import type { Clock } from "../core/clock.ts";

/** What a handler sees of a request: no framework, no socket. */
export interface Call {
  readonly param: (name: string) => string;
  readonly query: Readonly<Record<string, string>>;
  readonly lastEventId: string | undefined;
  readonly body: () => Promise<string>;
  /** Aborts when the caller hangs up or the server closes. */
  readonly signal: AbortSignal;
}

/** What a handler answers: a value, JSON text as it is stored, or a stream. */
export type Reply =
  | { readonly status: number; readonly json: unknown; readonly location?: string }
  | { readonly status: number; readonly text: string }
  | { readonly events: AsyncIterable<EventView> };

export interface HandlerDeps {
  readonly api: OrchestratorApi;
  readonly clock: Clock;
}
export type Handler = (deps: HandlerDeps, call: Call) => Promise<Reply>;

export interface Route {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  readonly handler: Handler;
}

export function route(method: Route["method"], path: string, handler: Handler): Route {
  return { method, path, handler };
}
