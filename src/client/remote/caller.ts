// One request and its repeats: from a path to the text of the answer, or to the error that the far side threw.
import { errorFromJson, FlotillaError, isFlotillaError } from "../../core/error.ts";
import type { ErrorJson } from "../../core/error.ts";
import type { HttpRequest, Transport } from "../../protocol/http.ts";
import type { RemoteDeps } from "./deps.ts";
import { isUnsent, pauseMs, refusalFailure, retryAfterMs, type Failure, type Patience } from "./repeat.ts";

export interface Ask {
  readonly method?: HttpRequest["method"];
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  /** Sent twice it does what it does once. @default true for GET and PUT, else false */
  readonly repeatable?: boolean;
  /** How long the server may hold the reply, in ms. @default 0 */
  readonly heldMs?: number;
  /** A wait: it is tried again for as long as waits are. @default false */
  readonly waits?: boolean;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
}

/** A stream's connection, once the far side has accepted it. */
export interface Opened {
  readonly body: ReadableStream<Uint8Array>;
  /** Lets go of the connection. */
  readonly hangUp: () => void;
}

export class Caller {
  readonly patience: Patience;
  readonly deps: RemoteDeps;
  readonly #transport: Transport;
  readonly #closed: AbortSignal;

  /** @param closed aborts everything under way; its reason is what the calls throw. */
  constructor(o: { transport: Transport; patience: Patience; deps: RemoteDeps; closed: AbortSignal }) {
    this.#transport = o.transport;
    this.patience = o.patience;
    this.deps = o.deps;
    this.#closed = o.closed;
  }

  async json<T>(path: string, ask?: Ask): Promise<T> {
    return JSON.parse((await this.text(path, ask)).text) as T;
  }

  text(path: string, ask: Ask = {}): Promise<Answer> {
    return this.#persist(ask, () => this.#text(path, ask));
  }

  /** One try: whoever reads a stream knows best when to come back. */
  async open(path: string, ask: Ask): Promise<Opened | Failure> {
    const hangUp = new AbortController();
    const signal = AbortSignal.any([...this.#signals(ask.signal), hangUp.signal]);
    const stop = this.deps.after(this.patience.replyMs, () => hangUp.abort(silence()));
    try {
      const reply = await this.#accepted(path, ask, signal);
      // Not by its class: servers in the same process may have put another one in its place.
      if ("error" in reply) return reply;
      if (!isType(reply, "text/event-stream")) return this.#strange(reply, "it is no stream of events");
      return { body: reply.body ?? new ReadableStream(), hangUp: () => hangUp.abort() };
    } catch (error) {
      return this.#noReply(error, ask.signal);
    } finally {
      stop();
    }
  }

  /** Resolves after a pause that grows with `tries`. @throws what the signals abort with */
  async pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
    const stopped = AbortSignal.any(this.#signals(signal));
    stopped.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const cancel = this.deps.after(ms, resolve);
    const abort = (): void => reject(stopped.reason as Error);
    stopped.addEventListener("abort", abort, { once: true });
    try {
      await promise;
    } finally {
      cancel();
      stopped.removeEventListener("abort", abort);
    }
  }

  async #persist<T extends Answer>(ask: Ask, once: () => Promise<T | Failure>): Promise<T> {
    const repeatable = ask.repeatable ?? (ask.method === undefined || ask.method === "GET" || ask.method === "PUT");
    const forMs = ask.waits === true ? this.patience.waitMs : this.patience.callMs;
    const beganAt = this.deps.now();
    for (let tries = 0; ; tries++) {
      const got = await once();
      if (!("error" in got)) return got;
      const waitMs = pauseMs(tries, this.deps.random, got.retryAfterMs);
      if (!got.passing || !(repeatable || got.unsent) || this.deps.now() - beganAt + waitMs > forMs) throw got.error;
      await this.pause(waitMs, ask.signal);
    }
  }

  async #text(path: string, ask: Ask): Promise<Answer | Failure> {
    const late = new AbortController();
    const stop = this.deps.after(this.patience.replyMs + (ask.heldMs ?? 0), () => late.abort(silence()));
    try {
      const reply = await this.#accepted(path, ask, AbortSignal.any([...this.#signals(ask.signal), late.signal]));
      // Not by its class: servers in the same process may have put another one in its place.
      if ("error" in reply) return reply;
      if (!isType(reply, "application/json")) return this.#strange(reply, "its body is not JSON");
      return { status: reply.status, text: await reply.text() };
    } catch (error) {
      return this.#noReply(error, ask.signal);
    } finally {
      stop();
    }
  }

  async #accepted(path: string, ask: Ask, signal: AbortSignal): Promise<Response | Failure> {
    const json = ask.body === undefined ? {} : { "content-type": "application/json" };
    signal.throwIfAborted();
    const reply = await this.#transport.send(path, {
      method: ask.method ?? "GET",
      headers: { accept: "application/json, text/event-stream", ...ask.headers, ...json },
      ...(ask.body === undefined ? {} : { body: ask.body }),
      signal,
    });
    if (reply.status >= 200 && reply.status < 300) return reply;
    return await this.#refused(reply);
  }

  async #refused(reply: Response): Promise<Failure> {
    if (!isType(reply, "application/json") || reply.status < 400) return this.#strange(reply, problemOf(reply.status));
    const text = await reply.text();
    const json = parsed(text);
    if (json === undefined) return this.#strange(reply, problemOf(reply.status));
    const error = errorFromJson(json);
    // From afar, an orchestrator that is closing is one that no longer answers.
    const told = isFlotillaError(error, "FLOTILLA_CLOSED") ? this.unreachable(error) : error;
    return refusalFailure(told, reply.status, this.#retryAfter(reply));
  }

  /** A reply that no orchestrator gives: something else answers, or stands in between. */
  #strange(reply: Response, problem: string): Failure {
    // What it says may be a page of many megabytes.
    void reply.body?.cancel().catch(() => {});
    const details = { target: this.#transport.target, status: reply.status, problem };
    return refusalFailure(new FlotillaError("FLOTILLA_UNEXPECTED_REPLY", details), reply.status, this.#retryAfter(reply));
  }

  /** @throws what the caller's own signal aborted with */
  #noReply(error: unknown, signal: AbortSignal | undefined): Failure {
    for (const s of this.#signals(signal)) if (s.aborted) throw s.reason;
    if (isFlotillaError(error)) return { error, unsent: false, passing: false, retryAfterMs: null };
    return { error: this.unreachable(error), unsent: isUnsent(error), passing: true, retryAfterMs: null };
  }

  unreachable(cause: unknown): Error {
    return new FlotillaError("FLOTILLA_UNREACHABLE", { target: this.#transport.target }, { cause });
  }

  #retryAfter(reply: Response): number | null {
    return retryAfterMs(reply.headers.get("retry-after"), this.deps.now());
  }

  #signals(signal: AbortSignal | undefined): AbortSignal[] {
    return signal === undefined ? [this.#closed] : [signal, this.#closed];
  }
}

/** What a refusal without an error of ours means, by its status. */
function problemOf(status: number): string {
  if (status === 401) return "it wants to know who asks, and takes no token, or not this one";
  if (status === 403) return "it does not let this token do that";
  if (status === 404) return "there is no API of a fleet under this URL";
  if (status === 426) return "it speaks another version of the protocol";
  if (status < 400) return "it redirects elsewhere, and a token goes only where it was meant to";
  return "something between here and the fleet answered";
}

function silence(): Error {
  return new Error("no reply came in time");
}

function isType(reply: Response, type: string): boolean {
  return reply.headers.get("content-type")?.startsWith(type) === true;
}

function parsed(text: string): ErrorJson | undefined {
  try {
    const json = JSON.parse(text) as Partial<ErrorJson> | null;
    return typeof json?.code === "string" && typeof json.message === "string" ? (json as ErrorJson) : undefined;
  } catch {
    return undefined;
  }
}
