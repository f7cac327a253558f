// Hosts definitions: owns its slots, starts and resumes attempts, tells the orchestrator what they do. `receive` only
// notes what came; code runs in macrotasks of its own, so that an orchestrator in the same thread is never re-entered.
import { setImmediate } from "node:timers";
import type { Clock, NextTurn } from "../core/clock.ts";
import type { Log } from "../core/context.ts";
import type { Definition } from "../core/definition.ts";
import { FlotillaError, isFlotillaError } from "../core/error.ts";
import type { Random } from "../core/random.ts";
import {
  protocolVersion,
  type Assignment,
  type Fence,
  type FromWorker,
  type Hello,
  type JournalEntry,
  type ToWorker,
} from "../protocol/worker.ts";
import { AgentBody } from "./agent.ts";
import { Attempt, type Host } from "./attempt.ts";
import { cardOf } from "./cards.ts";
import { boundedError } from "./classify.ts";
import { systemRandom } from "./draws.ts";
import { IdleAttempts } from "./idle.ts";
import { Slots } from "./slots.ts";
import { untracked, watchStrays } from "./track.ts";
import { WorkflowBody } from "./workflow.ts";

export interface WorkerOptions {
  readonly name: string;
  /** Attempts whose code runs at a time. */
  readonly slots: number;
  readonly offers: readonly string[];
  readonly build: string;
  readonly isolation: "in-process" | "child-process" | "remote";
  readonly definitions: readonly Definition[];
  /** Waiting workflows that it keeps in memory; beyond it, and when its heap is nearly full, the oldest are parked. @default 10_000 */
  readonly continuations?: number;
}
export interface WorkerDeps {
  readonly clock: Clock;
  /** What agents and steps draw from. @default the system's generator for secrets */
  readonly random?: Random;
  /** @default setImmediate */
  readonly nextTurn?: NextTurn;
  /** The worker's own notes; an attempt's `ctx.log` goes to the orchestrator. */
  readonly log: Log;
}
export interface Worker {
  hello(): Hello;
  /** Cheap, never throws, runs no user code. */
  receive(message: ToWorker): void;
  /**
   * Takes nothing new and resolves when what it has is over; what is not after `withinMs` is given back, uncharged. It
   * says goodbye then.
   */
  drain(withinMs?: number): Promise<void>;
  /** Says goodbye, aborts what runs, and resolves when its code has ended or after `graceMs`. Twice is once. */
  stop(): Promise<void>;
}

/** How long `stop` waits for code that ignores its signal. */
const graceMs = 5_000;

export function createWorker(o: WorkerOptions, deps: WorkerDeps, send: (message: FromWorker) => void): Worker {
  return new Hosting(o, deps, send);
}

class Hosting implements Worker, Host {
  readonly clock: Clock;
  readonly random: Random;
  readonly nextTurn: NextTurn;
  readonly log: Log;
  store: { readonly schema: string } | null = null;
  readonly #options: WorkerOptions;
  readonly #definitions = new Map<string, Definition>();
  readonly #attempts = new Map<number, Attempt>();
  /** Assignments whose journal is still coming. */
  readonly #arriving = new Map<number, Assignment>();
  readonly #idle: IdleAttempts;
  /** A newer lease of their task has come; their code has not stopped. */
  readonly #displaced = new Set<Attempt>();
  readonly #slots: Slots;
  readonly #send: (message: FromWorker) => void;
  readonly #unwatch: () => void;
  #dirty: Attempt[] = [];
  #draining = false;
  /** Asked to drain by whoever runs it: what still comes is given back. */
  #leaving: PromiseWithResolvers<void> | undefined;
  #stopped: Promise<void> | undefined;
  #silent = false;
  /** Attempts whose code goes on after `stop`. */
  #whenEmpty: (() => void) | undefined;

  constructor(o: WorkerOptions, deps: WorkerDeps, send: (message: FromWorker) => void) {
    this.#options = o;
    this.clock = deps.clock;
    this.random = deps.random ?? systemRandom;
    this.nextTurn = deps.nextTurn ?? setImmediate;
    this.log = deps.log;
    this.#send = send;
    this.#slots = new Slots(o.slots, deps.clock, this.nextTurn);
    this.#idle = new IdleAttempts(o.continuations ?? 10_000);
    for (const d of o.definitions) this.#definitions.set(d.name, d);
    this.#unwatch = watchStrays();
  }

  hello(): Hello {
    const { name, slots, offers, build, isolation, definitions } = this.#options;
    return {
      t: "hello",
      protocol: protocolVersion,
      name,
      pid: process.pid,
      isolation,
      slots,
      offers,
      build,
      definitions: definitions.map(cardOf),
    };
  }

  receive(m: ToWorker): void {
    if (this.#silent) return;
    try {
      this.#receive(m);
    } catch (e) {
      this.log.error("a message could not be handled", { message: m.t, error: String(e) });
    }
  }

  #receive(m: ToWorker): void {
    switch (m.t) {
      case "assign":
        for (const task of m.tasks) this.#take(task);
        return;
      case "journal":
        return this.#takeJournal(m.fence, m.entries, m.left);
      case "parked":
        return this.#attempt(m.fence)?.discard();
      case "query":
        return this.#attempt(m.fence)?.body?.query(m.request, m.name);
      case "deliver":
        return this.#attempt(m.fence)?.body?.deliver(m.deliveries);
      case "ack":
        return this.#attempt(m.fence)?.body?.ack(m.act);
      case "reply":
        return this.#attempt(m.fence)?.reply(m.request, m.value, m.error);
      case "cancel":
        return this.#cancel(m.fence, m.reason);
      case "ping":
        return this.send({ t: "pong", n: m.n, holds: this.#attempts.size + this.#displaced.size + this.#arriving.size });
      case "drain":
        this.#draining = true;
        // What waits goes on elsewhere, or in the next life.
        this.#idle.empty();
        return this.#leaveWhenEmpty();
      case "welcome":
        this.store = m.store ?? null;
        return;
      case "settled":
      case "adopted":
        return;
    }
  }

  /** The next page of an assignment that was too long for one message. */
  #takeJournal(fence: Fence, entries: Assignment["journal"], left: number): void {
    const task = this.#arriving.get(fence.task);
    if (!task || !sameFence(task.fence, fence)) return;
    (task.journal as JournalEntry[]).push(...entries);
    if (left > 0) return;
    this.#arriving.delete(fence.task);
    this.#take({ ...task, journalLeft: 0 });
  }

  #cancel(fence: Fence, reason: string): void {
    const arriving = this.#arriving.get(fence.task);
    if (arriving && sameFence(arriving.fence, fence)) this.#arriving.delete(fence.task);
    const attempt = this.#attempt(fence);
    if (attempt) return attempt.abort(new FlotillaError("FLOTILLA_CANCELED", { by: reason }));
    // Its `ended` follows when its code has stopped.
    for (const displaced of this.#displaced) if (sameFence(displaced.fence, fence)) return;
    // It never came or is over: who asked keeps a slot for it until it is told.
    this.send({ t: "ended", fence });
  }

  #take(task: Assignment): void {
    try {
      this.#assign(task);
    } catch (e) {
      // An assignment that cannot be read must not stay "running" for ever.
      this.#giveBack(task, e);
    }
  }

  /** No code has run, so nothing is charged to it. */
  #giveBack(task: Assignment, thrown: unknown): void {
    this.send({ t: "settle", fence: task.fence, result: { status: "returned", error: boundedError(thrown) }, spent: null });
  }

  #assign(task: Assignment): void {
    if (this.#leaving)
      return this.#giveBack(task, new FlotillaError("FLOTILLA_CLOSED", { what: `worker ${this.#options.name}` }));
    if (task.journalLeft) {
      this.#arriving.set(task.fence.task, { ...task, journal: task.journal.slice() });
      return;
    }
    const definition = this.#definitions.get(task.definition);
    if (!definition?.run) {
      // The worker that said it had it may be another build.
      const known = [...this.#definitions.keys()];
      return this.#giveBack(task, new FlotillaError("FLOTILLA_UNKNOWN_DEFINITION", { name: task.definition, known }));
    }
    // The same task again under a new lease: the attempt that is here was fenced.
    const displaced = this.#attempts.get(task.fence.task);
    if (displaced) {
      this.#attempts.delete(task.fence.task);
      this.#displaced.add(displaced);
      displaced.abort(new FlotillaError("FLOTILLA_LEASE_LOST", { task: task.publicId }));
    }
    const attempt = new Attempt(task, definition, this);
    attempt.body = definition.kind === "workflow" ? new WorkflowBody(attempt) : new AgentBody(attempt);
    this.#attempts.set(task.fence.task, attempt);
    this.#slots.start(attempt);
  }

  /** The attempt under that fence, if it is still here. */
  #attempt(fence: Fence): Attempt | undefined {
    const attempt = this.#attempts.get(fence.task);
    return attempt && sameFence(attempt.fence, fence) ? attempt : undefined;
  }

  async drain(withinMs?: number): Promise<void> {
    if (this.#stopped) return this.#stopped;
    if (!this.#leaving) {
      this.#leaving = Promise.withResolvers();
      this.send({ t: "draining" });
      this.receive({ t: "drain" });
    }
    const late = withinMs === undefined ? undefined : this.clock.after(withinMs, () => this.#giveAllBack());
    await this.#leaving.promise.finally(() => late?.cancel());
  }

  #giveAllBack(): void {
    const error = boundedError(new FlotillaError("FLOTILLA_CLOSED", { what: `worker ${this.#options.name} drains and` }));
    for (const task of this.#arriving.values())
      this.send({ t: "settle", fence: task.fence, result: { status: "returned", error }, spent: null });
    this.#arriving.clear();
    for (const attempt of this.#attempts.values()) attempt.refuse({ status: "returned", error });
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#send({ t: "goodbye", reason: "stopped" });
    this.#silent = true;
    const reason = new FlotillaError("FLOTILLA_CLOSED", { what: `worker ${this.#options.name}` });
    const empty = new Promise<void>((resolve) => (this.#whenEmpty = resolve));
    for (const attempt of this.#attempts.values()) attempt.abort(reason);
    if (!this.#empty) {
      const grace = this.clock.after(graceMs, () => this.#whenEmpty?.());
      await empty;
      grace.cancel();
    }
    this.#unwatch();
  }

  send(message: FromWorker): void {
    if (this.#silent) return;
    try {
      this.#send(message);
    } catch (e) {
      // The other side's trouble must not keep a slot of ours.
      this.log.error("a message could not be sent", { message: message.t, error: String(e) });
      if (isFlotillaError(e, "FLOTILLA_TOO_LARGE")) this.#tooLarge(message, e);
    }
  }

  /** A link could not carry it: the attempt that said it ends by it, because nothing after it may count. */
  #tooLarge(m: FromWorker, thrown: Error): void {
    const error = boundedError(thrown);
    const result = { status: "failed" as const, error, terminal: true };
    if (m.t === "put") this.#attempt(m.fence)?.reply(m.request, null, error);
    else if (m.t === "acts") this.#attempt(m.fence)?.refuse(result);
    else if (m.t === "settle") this.send({ ...m, result });
  }

  release(): void {
    this.#slots.release();
  }

  idle(attempt: Attempt): void {
    this.#idle.add(attempt);
  }

  resume(attempt: Attempt): void {
    this.#idle.delete(attempt);
    this.#slots.resume(attempt);
  }

  forget(attempt: Attempt): void {
    const { task } = attempt.fence;
    this.#idle.delete(attempt);
    if (this.#attempts.get(task) === attempt) this.#attempts.delete(task);
    else this.#displaced.delete(attempt);
    if (this.#empty) {
      this.#whenEmpty?.();
      this.#leaveWhenEmpty();
    }
  }

  get #empty(): boolean {
    return this.#attempts.size === 0 && this.#displaced.size === 0;
  }

  #leaveWhenEmpty(): void {
    if (!this.#draining || !this.#empty || this.#arriving.size > 0) return;
    this.#draining = false;
    this.send({ t: "goodbye", reason: "drained" });
    this.#leaving?.resolve();
  }

  flushSoon(attempt: Attempt): void {
    // One immediate for all attempts that spoke in this macrotask, out of the context of the user's code.
    if (this.#dirty.push(attempt) === 1) untracked(() => this.nextTurn(this.#flush));
  }

  readonly #flush = (): void => {
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const attempt of dirty) attempt.flush();
  };
}

function sameFence(a: Fence, b: Fence): boolean {
  return a.task === b.task && a.leaseNo === b.leaseNo && a.boot === b.boot;
}
