// One try at one task: its fence, what it tells the orchestrator, and how it ends. What its code may do lives in its
// body: agent.ts or workflow.ts.
//
//   queued ──▶ running ──▶ settled ──▶ over    `settle` was sent: the result counts if the fence still holds
//                 │  ▲ └──▶ aborted ──▶ over   canceled or fenced: `ended` is sent when its code has stopped
//                 ▼  │
//                idle                          a workflow that awaits deliveries: no slot
//
// Settled or aborted, it keeps its slot while its code goes on (a stray rejection, a step that nobody awaits), so that
// no more code runs than there are slots. Code that ignores its signal after a settle loses the slot after a grace.
//
// Everything that user code causes goes out by `flush`, once per macrotask and outside its async context; the end of
// an attempt flushes first, so that acts never arrive after it.
import type { Log, Usage } from "../core/context.ts";
import type { Clock, NextTurn } from "../core/clock.ts";
import type { Definition } from "../core/definition.ts";
import { errorFromJson, FlotillaError, type ErrorJson } from "../core/error.ts";
import type { Random } from "../core/random.ts";
import type { Act, Assignment, AttemptResult, Delivery, Fence, FromWorker, Spend } from "../protocol/worker.ts";
import { quietPromise, type Resolvers } from "./pending.ts";
import { untracked, type Frame } from "./track.ts";

/** What an attempt needs of its worker. */
export interface Host {
  readonly clock: Clock;
  readonly random: Random;
  readonly nextTurn: NextTurn;
  readonly log: Log;
  /** Where in PostgreSQL the fleet's tables are; null: elsewhere. */
  readonly store: { readonly schema: string } | null;
  send(message: FromWorker): void;
  /** Calls `flush` in a macrotask of the engine. */
  flushSoon(attempt: Attempt): void;
  release(): void;
  /** A workflow awaits deliveries; its memory may be taken. */
  idle(attempt: Attempt): void;
  resume(attempt: Attempt): void;
  /** It is over: forget it. */
  forget(attempt: Attempt): void;
}

/** The code's side of an attempt. */
export interface Body {
  /** It has a slot. */
  go(): void;
  deliver(deliveries: readonly Delivery[]): void;
  ack(act: number): void;
  /** Asks that it may be forgotten. @returns false when its code is about to go on. */
  park(): boolean;
  query(request: number, name: string): void;
  /** Called before a flush, to add what belongs to it. */
  beforeFlush(): void;
  /** Whether its code runs: to be told of the end by `Attempt.codeEnded`. */
  readonly busy: boolean;
  /** What its code still does no longer counts. */
  abort(error: Error): void;
  stray(error: unknown): void;
}

/** How long code may go on after a settle before its slot is given to others. */
const graceMs = 5_000;

type Progress = { done?: number; total?: number; note?: string };

export class Attempt implements Frame {
  readonly step = false;
  readonly fence: Fence;
  assignment: Assignment;
  readonly definition: Definition;
  readonly host: Host;
  body: Body | undefined;
  /** Settled, canceled or fenced: nothing more is sent. */
  closed = false;
  holdsSlot = false;
  /** What its code gets from now on, set when it goes on without counting. */
  abortedBy: Error | undefined;
  spent: { microUsd: number; inputTokens: number; outputTokens: number; turns: number } | undefined;
  #controller: AbortController | undefined;
  #acts: Act[] | undefined;
  #notes: FromWorker[] | undefined;
  #progress: Progress | undefined;
  #flushing = false;
  #settled = false;
  #isOver = false;
  #grace: { cancel(): void } | undefined;
  #requests: Map<number, Resolvers<string>> | undefined;
  #lastRequest = 0;

  constructor(assignment: Assignment, definition: Definition, host: Host) {
    this.fence = assignment.fence;
    this.assignment = assignment;
    this.definition = definition;
    this.host = host;
  }

  go(): void {
    this.holdsSlot = true;
    (this.body as Body).go();
  }

  /** What a body has taken over: a long history must not be kept twice while its code waits for days. */
  forgetHistory(): void {
    if (this.assignment.journal.length > 0) this.assignment = { ...this.assignment, journal: [], deliveries: [] };
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.abortedBy) this.#controller.abort(this.abortedBy);
    }
    return this.#controller.signal;
  }

  /** Queues an act; acts leave in the order asked. `flushes`: the caller flushes by itself. */
  act(act: Act, flushes = false): void {
    if (this.closed) return;
    (this.#acts ??= []).push(act);
    if (!flushes) this.flushSoon();
  }

  log(level: "debug" | "info" | "warn" | "error", message: string, fields: unknown): void {
    this.#note({ t: "log", fence: this.fence, level, message, fields });
  }

  progress(p: Progress): void {
    this.#progress = p;
    this.flushSoon();
  }

  put(value: string, type: string | null): Promise<string> {
    const request = ++this.#lastRequest;
    return this.#request(request, { t: "put", fence: this.fence, request, value, type });
  }

  get(ref: string): Promise<string> {
    const request = ++this.#lastRequest;
    return this.#request(request, { t: "get", fence: this.fence, request, ref });
  }

  reply(request: number, value: string | null, error: ErrorJson | null): void {
    const waiting = this.#requests?.get(request);
    this.#requests?.delete(request);
    if (error) waiting?.reject(errorFromJson(error));
    else waiting?.resolve(value ?? "null");
  }

  spend(u: Usage & { usd?: number }): void {
    this.spent ??= { microUsd: 0, inputTokens: 0, outputTokens: 0, turns: 0 };
    this.spent.microUsd += Math.round(amount(u.usd) * 1_000_000);
    this.spent.inputTokens += amount(u.inputTokens);
    this.spent.outputTokens += amount(u.outputTokens);
    this.spent.turns++;
  }

  /** Sends what has gathered. */
  flush(): void {
    this.#flushing = false;
    if (!this.closed) this.body?.beforeFlush();
    this.#sendGathered();
  }

  #sendGathered(): void {
    if (this.closed) return;
    if (this.#acts) {
      const acts = this.#acts;
      this.#acts = undefined;
      this.host.send({ t: "acts", fence: this.fence, acts });
      if (this.closed as boolean) return;
    }
    if (this.#notes) {
      for (const note of this.#notes) this.host.send(note);
      this.#notes = undefined;
    }
    if (this.#progress) {
      this.host.send({ t: "progress", fence: this.fence, ...this.#progress });
      this.#progress = undefined;
    }
  }

  settle(result: AttemptResult): void {
    if (this.closed) return;
    this.#sendGathered();
    // A link that cannot carry its acts has ended it.
    if (this.closed) return;
    this.closed = true;
    this.#settled = true;
    this.host.send({ t: "settle", fence: this.fence, result, spent: this.#spend() });
    if (!(this.body as Body).busy) return this.#over();
    this.#stopCode(new FlotillaError("FLOTILLA_CLOSED", { what: "the attempt" }));
    // Stopping may have ended it at once.
    if (!this.#isOver) this.#grace = this.host.clock.after(graceMs, () => this.#abandon());
  }

  /** Ends it from outside: nothing that it asked in this turn is sent. */
  refuse(result: AttemptResult): void {
    this.#acts = undefined;
    untracked(() => this.settle(result));
    (this.body as Body).abort(new FlotillaError("FLOTILLA_CLOSED", { what: "the attempt" }));
  }

  /** Canceled, fenced, or the worker stops. */
  abort(error: Error): void {
    if (this.closed) return;
    this.closed = true;
    this.#stopCode(error);
    if (!(this.body as Body).busy) this.codeEnded();
  }

  /** Its code goes on, and learns by its signal that it should end. */
  tellCode(error: Error): void {
    this.abortedBy = error;
    this.#controller?.abort(error);
  }

  /** It waits in no memory from here on: what its code holds is let go. */
  discard(): void {
    this.closed = true;
    (this.body as Body).abort(new FlotillaError("FLOTILLA_CLOSED", { what: "the attempt" }));
    this.#over();
  }

  #stopCode(error: Error): void {
    this.abortedBy = error;
    this.#controller?.abort(error);
    for (const waiting of this.#requests?.values() ?? []) waiting.reject(error);
    (this.body as Body).abort(error);
  }

  /** Its code has stopped after the attempt's end. */
  codeEnded(): void {
    if (this.#isOver) return;
    this.#grace?.cancel();
    if (!this.#settled) this.host.send({ t: "ended", fence: this.fence });
    this.#over();
  }

  #abandon(): void {
    this.host.log.warn(`code of ${this.definition.name} goes on although its attempt has ended; its slot is given to others`, {
      task: this.assignment.publicId,
    });
    this.#over();
  }

  /** A workflow awaits deliveries: its slot is free. */
  yieldSlot(): void {
    if (!this.holdsSlot) return;
    this.holdsSlot = false;
    this.host.release();
    if (!this.closed) this.host.idle(this);
  }

  stray(error: unknown): void {
    if (!this.closed) (this.body as Body).stray(error);
    else
      this.host.log.warn(`a promise of ${this.definition.name} was rejected after its attempt had ended`, {
        task: this.assignment.publicId,
        error: String(error),
      });
  }

  #over(): void {
    this.#isOver = true;
    this.host.forget(this);
    this.yieldSlot();
  }

  #spend(): Spend | null {
    if (!this.spent) return null;
    const { microUsd, inputTokens, outputTokens } = this.spent;
    return { microUsd, inputTokens, outputTokens };
  }

  #note(message: FromWorker): void {
    (this.#notes ??= []).push(message);
    this.flushSoon();
  }

  #request(request: number, message: FromWorker): Promise<string> {
    if (this.closed) return Promise.reject(this.abortedBy ?? new FlotillaError("FLOTILLA_CLOSED", { what: "the attempt" }));
    const waiting = quietPromise<string>();
    (this.#requests ??= new Map()).set(request, waiting);
    this.#note(message);
    return waiting.promise;
  }

  /** Sends what has gathered, in a macrotask of its own. */
  flushSoon(): void {
    if (this.#flushing || this.closed) return;
    this.#flushing = true;
    this.host.flushSoon(this);
  }
}

function amount(n: number | undefined): number {
  return n !== undefined && Number.isFinite(n) && n > 0 ? n : 0;
}
