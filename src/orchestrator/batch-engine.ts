// The loop that everything goes through: what queued in one turn of the event loop becomes one batch, one transaction.
// Nothing is acknowledged, assigned or delivered before its COMMIT, and memory changes only after it (apply.ts).
import type { Timer } from "../core/clock.ts";
import { errorJson, FlotillaError, isFlotillaError } from "../core/error.ts";
import type { DefinitionCard } from "../protocol/worker.ts";
import type { Batch, BatchResult, Boot, Requeue } from "../store/contract.ts";
import { everyNamespace } from "../core/namespace.ts";
import { apply } from "./apply.ts";
import type { Attempt, StoredAct } from "./attempt.ts";
import { endAttempt } from "./attempts.ts";
import type { PendingAnswer, PendingCancel, PendingMessage, PendingStart, Planned } from "./batch.ts";
import { deliverParked } from "./deliver.ts";
import { Drains } from "./drains.ts";
import type { Engine } from "./engine.ts";
import type { EventHub } from "./events.ts";
import type { Outcomes } from "./outcomes.ts";
import type { Peers } from "./peers/peers.ts";
import { bind, unbound } from "./pin.ts";
import { planBatch } from "./plan.ts";
import { Queue, type Taken } from "./queue.ts";
import { Room } from "./upkeep/room.ts";
import { afterLoss, afterResult, afterUnreadable, type Ending } from "./retry.ts";
import type { State } from "./state.ts";
import { StateQueries } from "./state-queries.ts";
import { nextTickAt } from "./ticks.ts";
import { isQuiet, isRemote, type WorkerState } from "./workers.ts";

/** How long a store that refused is left alone. */
const retryMs = 1_000;

export interface BatchEngineOptions {
  readonly state: State;
  readonly outcomes: Outcomes;
  readonly events: EventHub;
  readonly secret: () => string;
  readonly queuedMax: number;
  readonly abortGraceMs: number;
  /** Begins another life on the store; tried again until it works. */
  readonly boot: () => Promise<Boot>;
}

export class BatchEngine implements Engine {
  readonly state: State;
  readonly outcomes: Outcomes;
  readonly events: EventHub;
  readonly abortGraceMs: number;
  readonly queries: StateQueries;
  readonly drains: Drains;
  readonly #secret: () => string;
  readonly #boot: () => Promise<Boot>;
  readonly #queuedMax: number;
  readonly #queue = new Queue();
  readonly #room: Room;
  readonly #drained: (() => void)[] = [];
  /** Their end broke a rule of the store; the next try says only that. */
  readonly #refused = new WeakSet<Attempt>();
  #dueTimer: { readonly at: number; readonly timer: Timer } | undefined;
  #due = false;
  /** Of a store that others write to. */
  #peers: Peers | undefined;
  #look = false;
  /** This life was taken for dead: another one begins with the next batch. */
  #over = false;
  /** Slots or ready tasks appeared: look for matches. */
  #dispatch = false;
  /** Batches to take apart, because one part of a batch broke a rule of the store. */
  #oneByOne = 0;
  #scheduled = false;
  #flushing: Promise<void> | undefined;
  #closed = false;

  constructor(o: BatchEngineOptions) {
    this.state = o.state;
    this.outcomes = o.outcomes;
    this.events = o.events;
    this.abortGraceMs = o.abortGraceMs;
    this.queries = new StateQueries((ms, fn) => o.state.clock.after(ms, fn));
    this.drains = new Drains(this);
    o.state.builds.changed = () => {
      o.state.definitions.workersChanged();
      this.dispatch();
    };
    this.#secret = o.secret;
    this.#boot = o.boot;
    this.#queuedMax = o.queuedMax;
    this.#room = new Room(o.state, () => this.#schedule());
  }

  start(pending: PendingStart): void {
    if (this.#closed || this.state.draining) return pending.reject(new FlotillaError("FLOTILLA_CLOSED", { what: "the fleet" }));
    if (this.#room.error) return pending.reject(this.#room.error);
    this.#queue.start(pending);
    this.#schedule();
  }
  acts(attempt: Attempt, acts: readonly StoredAct[]): void {
    // From now on it may have a gate: its end must close it, also when both are in one batch.
    attempt.hasGate = true;
    bind(this.state, attempt);
    this.#queue.acts(attempt, acts);
    this.#schedule();
  }
  end(attempt: Attempt, ending: Ending, codeRuns: boolean): void {
    if (attempt.ended) return;
    attempt.ended = true;
    const goesOn =
      "requeue" in ending && ending.requeue.next.to === "continued"
        ? { requeue: unbound(this.state, attempt, ending.requeue) }
        : ending;
    this.#queue.end({ attempt, ending: goesOn, codeRuns });
    this.#schedule();
  }
  cancel(pending: PendingCancel): void {
    if (this.#closed) return pending.reject(new FlotillaError("FLOTILLA_CLOSED", { what: "the fleet" }));
    if (this.#room.error) return pending.reject(this.#room.error);
    this.#queue.cancel(pending);
    this.#schedule();
  }
  message(pending: PendingMessage): void {
    if (this.#closed) return pending.reject(new FlotillaError("FLOTILLA_CLOSED", { what: "the fleet" }));
    if (this.#room.error) return pending.reject(this.#room.error);
    this.#queue.message(pending);
    this.#schedule();
  }
  answer(pending: PendingAnswer): void {
    if (this.#closed) return pending.reject(new FlotillaError("FLOTILLA_CLOSED", { what: "the fleet" }));
    if (this.#room.error) return pending.reject(this.#room.error);
    this.#queue.answer(pending);
    this.#schedule();
  }
  wake(task: number): void {
    this.#queue.wake(task);
    this.#schedule();
  }
  endLeft(requeues: readonly Requeue[]): void {
    this.#queue.left(requeues);
    this.#schedule();
  }
  due(): void {
    this.#due = true;
    this.#schedule();
  }
  /** From here on others write to the store as well. */
  meet(peers: Peers): void {
    this.#peers = peers;
  }
  over(): void {
    this.#over = true;
    this.#schedule();
  }
  look(): void {
    if (!this.#peers) return;
    this.#look = true;
    this.#schedule();
  }
  dispatch(): void {
    this.#dispatch = true;
    this.#schedule();
  }

  lostAttempt(attempt: Attempt, how: string, o: { readonly codeRuns: boolean } = { codeRuns: false }): void {
    this.end(attempt, afterLoss(attempt, { how, suspects: 0 }), o.codeRuns);
  }

  /** One timer for whatever is due next: a delayed task, a deadline, a ttl, a schedule's tick. */
  wakeAtNextDue(): void {
    const tickAt = nextTickAt(this.state);
    const dueAt = this.state.nextDueAt;
    const at = dueAt === null || (tickAt !== null && tickAt < dueAt) ? tickAt : dueAt;
    if (at === (this.#dueTimer?.at ?? null)) return;
    this.#dueTimer?.timer.cancel();
    this.#dueTimer = undefined;
    if (at === null || this.#closed) return;
    const { clock } = this.state;
    const timer = clock.after(Math.max(0, at - clock.now()), () => {
      this.#dueTimer = undefined;
      this.due();
    });
    this.#dueTimer = { at, timer };
  }

  /** The timer was armed for the instant that the clock showed then. */
  clockSet(): void {
    this.#dueTimer?.timer.cancel();
    this.#dueTimer = undefined;
    this.due();
  }

  pressure(depth: number): "none" | "some" | "high" {
    let slots = 0;
    for (const worker of this.state.workers.values()) slots += worker.hello.slots;
    return depth <= slots ? "none" : depth <= slots * 100 ? "some" : "high";
  }

  unreadable(attempt: Attempt, error: unknown, o: { readonly codeRuns: boolean }): void {
    this.state.log("error", "a stored value cannot be read; the task that needs it waits", {
      task: attempt.publicId,
      error: String(error),
    });
    this.end(attempt, afterUnreadable(attempt, errorJson(error)), o.codeRuns);
  }

  /** A worker has come: lanes learn of it, and tasks that no build fitted are tried again. */
  join(worker: WorkerState): void {
    const { state } = this;
    state.workers.set(worker.id, worker);
    state.builds.joined(worker);
    this.drains.apply(worker);
    state.definitions.register(latest(state, worker), worker.namespace ?? everyNamespace);
    this.dispatch();
    const { name, pid, build } = worker.hello;
    this.#insist("a worker's name could not be stored", async () => {
      await state.store.catalogue.joined({ id: worker.id, boot: state.boot, name, pid, build, now: state.clock.now() });
    });
    this.#insist("held tasks could not be released", async () => {
      for (const row of await state.store.catalogue.release({ boot: state.boot, now: state.clock.now() }))
        state.definitions.knownLane(row.lane)?.added(row);
      this.dispatch();
    });
  }
  leave(worker: WorkerState, how: string): void {
    this.checkDrained();
    this.#insist("a worker's end could not be stored", async () => {
      await this.state.store.catalogue.left({ id: worker.id, boot: this.state.boot, how, now: this.state.clock.now() });
    });
  }

  /** Small writes beside the batches: a full disk delays them, and ends nothing. */
  #insist(what: string, write: () => Promise<void>): void {
    if (this.#closed) return;
    write().catch((e: unknown) => {
      // The life that it belongs to is over: whoever sweeps it knows as much.
      if (this.#closed || isFlotillaError(e, "FLOTILLA_LIFE_OVER")) return;
      this.state.log("error", `${what}; it is tried again`, { error: String(e) });
      this.state.clock.after(retryMs, () => this.#insist(what, write));
    });
  }

  /** Resolves when no code executes and nothing is queued. A workflow that waits goes on in the next life, from its journal. */
  drained(): Promise<void> {
    return new Promise((resolve) => {
      this.#drained.push(resolve);
      this.checkDrained();
    });
  }
  checkDrained(): void {
    if (this.#drained.length === 0 || this.#queue.holdsWork) return;
    if ([...this.state.workers.values()].some((w) => !isQuiet(w))) return;
    for (const resolve of this.#drained.splice(0)) resolve();
  }

  /** Commits what is queued, then takes nothing more. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#room.stop();
    this.#dueTimer?.timer.cancel();
    this.drains.stop();
    this.state.builds.stop();
    this.queries.close(new FlotillaError("FLOTILLA_CLOSED", { what: "the fleet" }));
    await this.#flushing;
    for (const s of this.#queue.drop()) s.reject(new FlotillaError("FLOTILLA_CLOSED", { what: "the fleet" }));
    while (!this.#queue.isEmpty && (await this.#flush()));
  }

  #schedule(): void {
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    this.state.nextTurn(() => {
      this.#scheduled = false;
      // While the store is full nothing is claimed or tried: what running code did is held, and goes when there is room.
      if (this.#closed || this.#room.error) return;
      this.#flushing ??= this.#flush()
        .catch((e: unknown) => {
          // Ours to mend: what was committed is committed, and the next batch must not wait for it.
          this.state.log("error", "a committed batch could not be taken over", { error: (e as Error).stack ?? String(e) });
          return true;
        })
        .then((stored) => {
          this.#flushing = undefined;
          if (this.#pending && stored) this.#schedule();
        });
    });
  }

  get #pending(): boolean {
    return !this.#queue.isEmpty || this.#due || this.#dispatch || this.#look || this.#over || this.state.cancelsLeft;
  }

  /** @returns false when the store refused: what must not be lost stays queued, and is tried again. */
  async #flush(): Promise<boolean> {
    if (this.#over) await this.#beginAnew();
    if (this.#look) {
      this.#look = false;
      if (!(await this.#lookAround())) return false;
    }
    const alone = this.#oneByOne > 0;
    if (alone) this.#oneByOne -= 1;
    const taken = alone ? this.#queue.takeOne() : this.#queue.take();
    const due = this.#due;
    this.#due = false;
    this.#dispatch = false;
    let planned: Planned;
    let result: BatchResult;
    try {
      planned = await planBatch({ state: this.state, secret: this.#secret, queuedMax: this.#queuedMax, due }, taken);
      await this.state.definitions.save();
      if (isNothing(planned.batch)) {
        deliverParked(this);
        this.checkDrained();
        return true;
      }
      result = await this.state.store.commit(planned.batch);
    } catch (e) {
      this.#failed(taken, alone, e);
      return false;
    }
    await this.#learn(result);
    apply(this, planned, result);
    this.checkDrained();
    return true;
  }

  /** Lanes that others have brought. What cannot be read now is found by a look. */
  async #learn(result: BatchResult): Promise<void> {
    try {
      const reading = this.state.definitions.know({ lanes: lanesOf(result) });
      if (reading) await reading;
    } catch (e) {
      this.state.log("debug", "new lanes could not be read; they are looked up later", { error: String(e) });
      this.look();
    }
  }

  /**
   * What this life held is others' now. Code under way is told to stop, whoever asked for something is told to ask again,
   * and workers of this machine are taken over; those elsewhere come back with what they have.
   */
  async #beginAnew(): Promise<void> {
    const { state } = this;
    const error = new FlotillaError("FLOTILLA_LIFE_OVER", { boot: state.boot });
    state.log("error", "this orchestrator was taken for dead, and begins anew", { boot: state.boot });
    const { starts, cancels, messages, answers } = this.#queue.empty();
    for (const pending of [...starts, ...cancels, ...messages, ...answers]) pending.reject(error);
    for (const attempt of state.attempts.values()) endAttempt(this, attempt, "its orchestrator was taken for dead");
    const workers = [...state.workers.values()];
    for (const worker of workers) state.builds.left(worker);
    state.workers.clear();
    state.renew(await this.#boot());
    this.#over = false;
    for (const worker of workers) {
      if (isRemote(worker)) {
        worker.link.leave?.();
        continue;
      }
      worker.id = state.nextWorker++;
      this.join(worker);
    }
    this.look();
  }

  /** @returns false when the store did not answer. */
  async #lookAround(): Promise<boolean> {
    try {
      await this.#peers?.look();
      return true;
    } catch (e) {
      if (!this.#closed) this.state.clock.after(retryMs, () => this.look());
      this.state.log("debug", "a look at the store failed; it is tried again", { error: String(e) });
      return false;
    }
  }

  #failed(taken: Taken, alone: boolean, error: unknown): void {
    for (const s of taken.starts) s.reject(error);
    for (const c of [...taken.cancels, ...taken.messages, ...taken.answers]) c.reject(error);
    if (isFlotillaError(error, "FLOTILLA_LIFE_OVER")) this.#over = true;
    const busy = isFlotillaError(error) && (error.retryable || error.code === "FLOTILLA_STORE_UNUSABLE");
    if (busy || !alone) {
      // Running code must not lose what it did: its acts and results wait for the store to take them.
      this.#queue.putBack(taken);
      // Not the disk but one of the batch's parts: alone, each of them shows which.
      if (!busy) this.#oneByOne = taken.ends.length + taken.acts.length;
    } else {
      this.#refuse(taken, error);
    }
    for (const lane of this.state.definitions.lanes) lane.forget();
    this.#due = true;
    this.#dispatch = true;
    if (isFlotillaError(error, "FLOTILLA_STORE_FULL")) {
      for (const s of this.#queue.drop()) s.reject(error);
      if (!this.#closed) this.#room.ranOut(error);
      return;
    }
    this.state.log("error", "the store refused a batch; running work is kept and tried again", { error: String(error) });
    if (!busy) this.#schedule();
    else if (!this.#closed) this.state.clock.after(retryMs, () => this.#schedule());
  }

  /** The one part of a batch that breaks a rule of the store: its attempt ends, and nobody else waits for it. */
  #refuse(taken: Taken, error: unknown): void {
    const { clock, random } = this.state;
    const failed = (attempt: Attempt) =>
      afterResult(attempt, { status: "failed", error: errorJson(error), terminal: true }, null, null, clock.now(), random);
    for (const { item } of taken.acts) this.end(item.attempt, failed(item.attempt), true);
    for (const { attempt, codeRuns } of taken.ends) {
      if (this.#refused.has(attempt)) {
        endAttempt(this, attempt, "its end cannot be stored");
      } else {
        this.#refused.add(attempt);
        this.#queue.end({ attempt, ending: failed(attempt), codeRuns });
      }
    }
  }
}

/** Cards of a worker, without those that a live worker of a newer build has: the newest counts. */
function latest(state: State, worker: WorkerState): readonly DefinitionCard[] {
  const { definitions, build } = worker.hello;
  const rank = state.builds.rank(build);
  const newer = [...state.workers.values()].filter((w) => w.hello.build !== build && state.builds.rank(w.hello.build) > rank);
  return newer.length === 0 ? definitions : definitions.filter((card) => !newer.some((w) => w.names.has(card.name)));
}

function* lanesOf(r: BatchResult): Generator<number> {
  for (const row of r.due) yield row.lane;
  for (const row of r.woken) yield row.lane;
  for (const row of r.closed) yield row.lane;
}

/** A look for work that found none needs no transaction. */
function isNothing(b: Batch): boolean {
  const parts = [b.acts, b.settles, b.requeues, b.cancels, b.messages, b.answers, b.wakes, b.ticks, b.tasks, b.claims];
  return b.cancelSlice + b.dueSlice === 0 && parts.every((part) => part.length === 0);
}
