import type { AnyCallable } from "../core/definition.ts";
import type { Duration } from "../core/duration.ts";
import { isNamespaceName } from "../core/namespace.ts";
import { checkFunction, checkKnown, checkObject, configInvalid, spanMs } from "./check.ts";
import { noCatalogue } from "./catalogue.ts";
import { createClient, type Client } from "./client.ts";
import type { FleetDefinition } from "./fleet-definition.ts";
import { remoteApi } from "./remote/api.ts";
import { remoteDeps } from "./remote/deps.ts";
import { fetchTransport, fleetUrl, tokenText, type Fetch, type Token } from "./remote/fetch-transport.ts";
import type { Patience } from "./remote/repeat.ts";

/** How long a fleet that does not answer is tried again, with pauses from 0.1 s to 5 s that `Retry-After` may lengthen. */
export interface ConnectRetry {
  /** For one call. @default "30s" */
  calls?: Duration;
  /**
   * For a wait (`result`, `outcome`, `events`, `messages`), from when the fleet was last heard of. A fleet may be down for
   * a deploy or for a night; the run goes on when it is back. @default "forever"
   */
  waits?: Duration | "forever";
}

export interface ConnectOptions {
  /** What the fleet's operator gave out. A function is asked before each request: for tokens that expire. @default none */
  token?: Token;
  /** The one that is meant, for a token of every namespace. @default the token's, or "default" */
  namespace?: string;
  /** Instead of the global `fetch`: with a proxy, a client certificate, or a test's. */
  fetch?: Fetch;
  /** When it aborts, what is under way fails with its reason, and so does what comes. @default never */
  signal?: AbortSignal;
  /** `false`: every failure is told at once, and starts and messages carry no key of the client's. @default as below */
  retry?: false | ConnectRetry;
  /** For one reply, beside the time that the server is asked to hold it. Raise it for slow lines. @default "30s" */
  timeout?: Duration;
}

/** A fleet elsewhere. Dropping it ends nothing there. */
export interface RemoteFleet<D extends readonly AnyCallable[]> extends Client<D>, AsyncDisposable {
  readonly url: string;
  /** What is under way here fails with FLOTILLA_CLOSED; the fleet and its runs go on. */
  close(): Promise<void>;
}

/**
 * A client of a fleet elsewhere, over HTTP, in Node and in browsers: `connect<typeof config>(url, { token })`. The config
 * gives types alone: none of the fleet's code is in the bundle, so inputs are checked at the fleet's door.
 *
 * Calls are tried again over failures that pass. A start whose reply was lost is not doubled: when the caller gives no
 * `idempotencyKey`, the client draws one (`once:` and 128 random bits), and does the same for `run.send`. What would do harm
 * when done twice (`cancel`, `repair`, `fork`, `redrive`, `purge`, approvals) is sent again only when it surely did not arrive.
 *
 * ```ts
 * import type config from "./flotilla.config.ts";
 * const fleet = connect<typeof config>("https://fleet.example", { token });
 * const { text } = await fleet.run("greet", { who: "Ada" });
 * ```
 * @param url what it is served under, without `/api/v1`.
 * @throws FLOTILLA_CONFIG_INVALID naming the option. Its calls throw what those of the fleet itself throw, and besides
 * FLOTILLA_UNREACHABLE, and FLOTILLA_UNEXPECTED_REPLY when something else answers.
 */
export function connect<F extends FleetDefinition<readonly AnyCallable[]>>(
  url: string,
  o: ConnectOptions = {},
): RemoteFleet<F extends FleetDefinition<infer D> ? D : never> {
  const target = fleetUrl(url, "connect().url");
  checkObject(o, "connect() options");
  checkKnown(o, ["token", "namespace", "fetch", "signal", "retry", "timeout"], "connect()");
  if (o.fetch !== undefined) checkFunction(o.fetch, "connect().fetch");
  if (o.signal !== undefined && !(o.signal instanceof AbortSignal))
    throw configInvalid("connect().signal", "it is no AbortSignal", "pass that of an AbortController");
  if (typeof o.token !== "function" && o.token !== undefined) tokenText(o.token, "connect().token");
  if (o.namespace !== undefined && !isNamespaceName(o.namespace))
    throw configInvalid("connect().namespace", "it is no namespace", "pass the name of one, as it was given out");
  // Called by name: a browser's fetch refuses to be the method of something else.
  const send: Fetch = o.fetch ?? ((to, init) => fetch(to, init));
  const api = remoteApi(fetchTransport(target, o, send), patienceOf(o), remoteDeps);
  const abort = (): void => api.close(o.signal?.reason);
  if (o.signal?.aborted === true) abort();
  o.signal?.addEventListener("abort", abort, { once: true });
  const close = async (): Promise<void> => {
    o.signal?.removeEventListener("abort", abort);
    api.close();
  };
  return { ...createClient<never>(api, noCatalogue, null), url: target, close, [Symbol.asyncDispose]: close } as never;
}

function patienceOf(o: ConnectOptions): Patience {
  const replyMs = spanMs(o.timeout, "connect().timeout") ?? 30_000;
  if (o.retry === false) return { callMs: 0, waitMs: 0, replyMs };
  if (o.retry !== undefined) {
    checkObject(o.retry, "connect().retry");
    checkKnown(o.retry, ["calls", "waits"], "connect().retry");
  }
  const { calls, waits } = o.retry ?? {};
  return {
    replyMs,
    callMs: spanMs(calls, "connect().retry.calls") ?? 30_000,
    waitMs: waits === "forever" ? Infinity : (spanMs(waits, "connect().retry.waits") ?? Infinity),
  };
}
