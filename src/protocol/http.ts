/** Every route lies under it; a change that breaks callers gets a new one. */
export const base = "/api/v1";

/** Of a caller with access to every namespace: the one that is meant. */
export const namespaceHeader = "flotilla-namespace";

/** An event of its own name says that the run is over, so that a reader knows it from a connection that broke. */
export const endEvent = "end";
export const failureEvent = "failure";
/** Silence after which a stream sends a comment, in ms: proxies and dead sockets show themselves within it. */
export const heartbeatMs = 15_000;

export interface HttpRequest {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal;
}

/** What carries requests to an orchestrator: `fetch`, or a socket beside the database. */
export interface Transport {
  /** As people would name the far side. */
  readonly target: string;
  /** The reply, whatever its status. @param path below the base, with its query. Rejects when there was no reply. */
  send(path: string, request: HttpRequest): Promise<Response>;
}
