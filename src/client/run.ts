import type { Budget } from "../core/budget.ts";
import { errorFromJson } from "../core/error.ts";
import type { Jsonify } from "../core/json.ts";
import type { Message } from "../core/message.ts";
import type { Gap, Settled } from "../core/settled.ts";
import type { RunEvent } from "../protocol/events.ts";
import type { GapNotes } from "../protocol/gaps.ts";
import type { OrchestratorApi, OutcomeReply } from "../protocol/views.ts";
import { messagesOf, runEvents } from "./events.ts";
import { messageText } from "./message-text.ts";
import { notSupported } from "../core/not-supported.ts";

export type RunOutcome<O, E> =
  | Settled<O, E>
  | { readonly status: "partial"; readonly value: O; readonly gaps: Gap<unknown, unknown>[] };

/** The queue that a start met: how far it is pressed, to start less when it is. */
export interface Queued {
  /** Tasks that were ready before it in its lane (the same definition and needs), when it was stored. */
  readonly depth: number;
  /** `none`: no more of them than the fleet has slots; `some`: up to 100 for each slot; `high`: more. */
  readonly pressure: "none" | "some" | "high";
}

/** A handle to a run. It holds nothing but the id: dropping it, or the process that made it, does not end the run. */
export interface Run<O, E = never> {
  readonly id: string;
  /** What it met when it was started here; null for a run that was found by its id. */
  readonly queued: Queued | null;
  /**
   * Waits for the end and gives the value, also of a partial run.
   * @throws the declared error, or FLOTILLA_AGENT_FAILED (its `cause` is the last attempt's error), FLOTILLA_CANCELED, ...
   */
  result(): Promise<O>;
  /** Waits for the end and gives it as a value: never throws for a run that failed. */
  outcome(): Promise<RunOutcome<O, E>>;
  /**
   * What happens, as it happens, to the run's end. `after` is the cursor of the last event that was seen.
   * @throws FLOTILLA_CONFIG_INVALID, to the first reader, when `after` is no cursor
   */
  events<const T extends RunEvent["type"] = RunEvent["type"]>(o?: {
    after?: string;
    types?: readonly T[];
  }): AsyncIterable<Extract<RunEvent, { type: T }>>;
  /** Values that the run emitted with this message, from its begin to its end. */
  messages<O>(m: Message<string, never, O>): AsyncIterable<Jsonify<O>>;
  /**
   * Resolves when the message is stored; `ctx.waitFor` takes it, now or later. The same `idempotencyKey` is taken once.
   * @throws FLOTILLA_INPUT_INVALID, FLOTILLA_TOO_LATE when the run has ended, FLOTILLA_TOO_MANY at 1,000 that nobody took
   */
  send<W>(m: Message<string, W, unknown>, value: NoInfer<W>, o?: { idempotencyKey?: string }): Promise<void>;
  /**
   * What the run's workflow answers about its state now: the name is one of its `ctx.query`. A parked run is brought back
   * for it. @throws FLOTILLA_NOT_FOUND, FLOTILLA_TOO_LATE when the run has ended, FLOTILLA_TIMEOUT after 30 s
   */
  query(name: string): Promise<unknown>;
  /** Resolves when the cancel is durable; it reaches every descendant after that. A run that has ended stays as it is. */
  cancel(reason?: string): Promise<void>;
  /** Not in this version. @throws FLOTILLA_NOT_SUPPORTED */
  pause(): Promise<void>;
  /** Not in this version. @throws FLOTILLA_NOT_SUPPORTED */
  resume(o?: { budget?: Budget }): Promise<void>;
}

export type RunApi = Pick<OrchestratorApi, "outcome" | "cancel" | "events" | "send" | "query">;

export class RunHandle<O, E> implements Run<O, E> {
  readonly id: string;
  readonly queued: Queued | null;
  readonly #api: RunApi;
  #reply: Promise<OutcomeReply> | undefined;

  constructor(id: string, api: RunApi, queued: Queued | null = null) {
    this.id = id;
    this.queued = queued;
    this.#api = api;
  }

  async result(): Promise<O> {
    const { status, value, error } = await this.#outcome();
    if (status === "succeeded" || status === "partial") return JSON.parse(value ?? "null") as O;
    // Made here, below the await, so that its stack leads to the caller's line.
    throw errorFromJson(error ?? { code: "ERROR", message: `run ${this.id} ${status}` });
  }

  async outcome(): Promise<RunOutcome<O, E>> {
    const { status, value, error, gaps } = await this.#outcome();
    if (status === "succeeded") return { status, value: JSON.parse(value ?? "null") as O };
    if (status === "partial") return { status, value: JSON.parse(value ?? "null") as O, gaps: gapsOf(gaps) };
    return { status, error: errorFromJson(error ?? { code: "ERROR", message: `run ${this.id} ${status}` }) } as RunOutcome<O, E>;
  }

  events<const T extends RunEvent["type"] = RunEvent["type"]>(
    o: { after?: string; types?: readonly T[] } = {},
  ): AsyncIterable<Extract<RunEvent, { type: T }>> {
    return runEvents(this.#api, this.id, o);
  }

  messages<M>(m: Message<string, never, M>): AsyncIterable<Jsonify<M>> {
    return messagesOf(this.#api, this.id, m);
  }

  cancel(reason = "canceled by the caller"): Promise<void> {
    return this.#api.cancel(this.id, reason);
  }

  async send(m: Message<string, never, unknown>, value: unknown, o: { idempotencyKey?: string } = {}): Promise<void> {
    const text = await messageText(m, value);
    const key = o.idempotencyKey === undefined ? {} : { key: o.idempotencyKey };
    await this.#api.send(this.id, { name: m.name, value: text, ...key });
  }

  async query(name: string): Promise<unknown> {
    return JSON.parse(await this.#api.query(this.id, name)) as unknown;
  }

  async pause(): Promise<void> {
    throw notSupported("run.pause()", "cancel the run and start it again later");
  }

  async resume(): Promise<void> {
    throw notSupported("run.resume()", "start a new run");
  }

  /** Asked once, since outcomes are immutable; asked again when the asking itself failed. */
  #outcome(): Promise<OutcomeReply> {
    if (!this.#reply) {
      this.#reply = this.#api.outcome(this.id);
      this.#reply.catch(() => (this.#reply = undefined));
    }
    return this.#reply;
  }
}

function gapsOf(text: string | null | undefined): Gap<unknown, unknown>[] {
  const { named } = JSON.parse(text ?? '{"named":[]}') as Pick<GapNotes, "named">;
  return named.map(({ index = -1, key = "", task, status, error, input }) => ({
    index,
    key,
    task,
    input,
    outcome: {
      status,
      error: error ? errorFromJson(error) : new Error(`task ${task} is ${status}`),
    } as unknown as Gap<unknown, unknown>["outcome"],
  }));
}
