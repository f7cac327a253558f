// The loop that everything goes through: what queued in one turn of the event loop becomes one batch, one transaction.
// Nothing is acknowledged, assigned or delivered before its COMMIT, and memory changes only after it (apply.ts).
import type { Timer } from "../core/clock.ts";
import { errorJson, FlotillaError, isFlotillaError } from "../core/error.ts";
import type { StartReply, StartRequest } from "../protocol/views.ts";
import type { ActBatch, Batch, BatchResult, CancelRequest, NewTask, TaskRow } from "../store/contract.ts";
import type { Attempt, StoredAct } from "./attempt.ts";
import { apply } from "./apply.ts";
import { match, SlotPlan, type Match } from "./dispatch.ts";
import type { EventHub } from "./events.ts";
import { incomingChild, incomingRoot, type Incoming } from "./intake.ts";
import { Lane } from "./lane.ts";
import type { Outcomes } from "./outcomes.ts";
import { endAttempt } from "./attempts.ts";
import { afterLoss, afterResult, afterUnreadable, type Ending } from "./retry.ts";
import type { State } from "./state.ts";
import { isQuiet, type WorkerState } from "./workers.ts";

// 512 operations: beyond it the fsync is paid already (0.2 ms over 512 is 0.4 us each) and the loop must breathe.
const batchMax = 512;
const cancelSlice = 500;
/** How long a store that refused is left alone. */
const retryMs = 1_000;

export interface PendingStart {
  readonly request: StartRequest;
  resolve(reply: StartReply): void;
  reject(error: unknown): void;
}
interface PendingActs {
  readonly attempt: Attempt;
  readonly acts: readonly StoredAct[];
  at: number;
}
export interface PendingEnd {
  readonly attempt: Attempt;
  readonly ending: Ending;
  /** Its code goes on (timeout): it must be told, and it holds its slot until it ends. */
  readonly codeRuns: boolean;
}
export interface PendingCancel {
  readonly request: CancelRequest;
  resolve(): void;
  reject(error: unknown): void;
}

/** A task of the batch with where it goes. */
export interface Placed {
  readonly incoming: Incoming;
  readonly task: NewTask;
  readonly worker: WorkerState | undefined;
  readonly start: PendingStart | undefined;
  readonly parent: Attempt | undefined;
}

/** A batch and what its parts meant. */
export interface Planned {
  readonly batch: Batch;
  readonly acts: readonly {
    readonly attempt: Attempt;
    readonly batch: ActBatch;
    readonly waitSeen: number | null;
    readonly placed: readonly Placed[];
  }[];
  readonly ends: readonly PendingEnd[];
  readonly cancels: readonly PendingCancel[];
  readonly roots: readonly Placed[];
  readonly matches: readonly Match[];
  readonly rows: ReadonlyMap<number, TaskRow>;
}

export class Engine {
  readonly state: State;
  readonly outcomes: Outcomes;
  readonly events: EventHub;
  readonly #secret: () => string;
  readonly #queuedMax: number;
  readonly abortGraceMs: number;
  #dueTimer: { readonly at: number; readonly timer: Timer } | undefined;
  #starts: PendingStart[] = [];
  #acts: PendingActs[] = [];
  #ends: PendingEnd[] = [];
  #cancels: PendingCancel[] = [];
  #due = false;
  /** Batches to take apart, because one part of a batch broke a rule of the store. */
  #oneByOne = 0;
  #scheduled = false;
  readonly #drained: (() => void)[] = [];
  #flushing: Promise<void> | undefined;
  #closed = false;
  /** Slots or ready tasks appeared: look for matches. */
  #dispatch = false;

  constructor(p: {
    state: State;
    outcomes: Outcomes;
    events: EventHub;
    secret: () => string;
    queuedMax: number;
    abortGraceMs: number;
  }) {
    this.state = p.state;
    this.outcomes = p.outcomes;
    this.events = p.events;
    this.#secret = p.secret;
    this.#queuedMax = p.queuedMax;
    this.abortGraceMs = p.abortGraceMs;
  }

  start(pending: PendingStart): void {
    if (this.#closed || this.state.draining) return pending.reject(new FlotillaError("FLOTILLA_CLOSED", { what: "the fleet" }));
    this.#starts.push(pending);
    this.#schedule();
  }
  acts(attempt: Attempt, acts: readonly StoredAct[]): void {
    this.#acts.push({ attempt, acts, at: 0 });
    this.#schedule();
  }
  end(attempt: Attempt, ending: Ending, codeRuns: boolean): void {
    if (attempt.ended) return;
    attempt.ended = true;
    this.#ends.push({ attempt, ending, codeRuns });
    this.#schedule();
  }
  cancel(pending: PendingCancel): void {
    if (this.#closed) return pending.reject(new FlotillaError("FLOTILLA_CLOSED", { what: "the fleet" }));
    this.#cancels.push(pending);
    this.#schedule();
  }
  due(): void {
    this.#due = true;
    this.#schedule();
  }
  /** Slots or ready tasks appeared outside a batch. */
  dispatch(): void {
    this.#dispatch = true;
    this.#schedule();
  }

  /** An attempt that its worker will not finish, through no fault of its own. */
  lostAttempt(attempt: Attempt, how: string, o: { readonly codeRuns: boolean } = { codeRuns: false }): void {
    this.end(attempt, afterLoss(attempt, { how, suspects: 0 }), o.codeRuns);
  }

  /** One timer for the next delayed task. */
  wakeAtNextDue(): void {
    const at = this.state.nextDueAt;
    if (at === (this.#dueTimer?.at ?? null)) return;
    this.#dueTimer?.timer.cancel();
    this.#dueTimer = undefined;
    if (at === null || this.#closed) return;
    const timer = this.state.clock.after(Math.max(0, at - this.state.clock.now()), () => {
      this.#dueTimer = undefined;
      this.due();
    });
    this.#dueTimer = { at, timer };
  }

  /** How hard a queue of `depth` presses on the fleet. */
  pressure(depth: number): "none" | "some" | "high" {
    let slots = 0;
    for (const worker of this.state.workers.values()) slots += worker.hello.slots;
    return depth <= slots ? "none" : depth <= slots * 100 ? "some" : "high";
  }

  /** A stored value that the attempt needs cannot be read: its task waits, with the reason. */
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
    state.definitions.register(worker.hello.definitions);
    this.dispatch();
    const { name, pid, build } = worker.hello;
    this.#insist("a worker's name could not be stored", async () => {
      await state.store.catalogue.joined({ id: worker.id, boot: state.boot, name, pid, build, now: state.clock.now() });
    });
    this.#insist("held tasks could not be released", async () => {
      for (const row of await state.store.catalogue.release({ now: state.clock.now() }))
        state.definitions.lane(row.lane).added(row);
      this.dispatch();
    });
  }
  leave(worker: WorkerState, how: string): void {
    this.checkDrained();
    this.#insist("a worker's end could not be stored", async () => {
      await this.state.store.catalogue.left({ id: worker.id, how, now: this.state.clock.now() });
    });
  }

  /** Small writes beside the batches: a full disk delays them, and ends nothing. */
  #insist(what: string, write: () => Promise<void>): void {
    if (this.#closed) return;
    write().catch((e: unknown) => {
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
    if (this.#drained.length === 0 || this.#ends.length + this.#acts.length > 0) return;
    if ([...this.state.workers.values()].some((w) => !isQuiet(w))) return;
    for (const resolve of this.#drained.splice(0)) resolve();
  }

  /** Commits what is queued, then takes nothing more. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#dueTimer?.timer.cancel();
    await this.#flushing;
    for (const s of this.#starts.splice(0)) s.reject(new FlotillaError("FLOTILLA_CLOSED", { what: "the fleet" }));
    while (this.#acts.length + this.#ends.length + this.#cancels.length > 0 && (await this.#flush()));
  }

  #schedule(): void {
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (this.#closed) return;
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
    return (
      this.#starts.length + this.#acts.length + this.#ends.length + this.#cancels.length > 0 ||
      this.#due ||
      this.#dispatch ||
      this.state.cancelsLeft
    );
  }

  /** @returns false when the store refused: what must not be lost stays queued, and is tried again in a second. */
  async #flush(): Promise<boolean> {
    const taken = this.#take();
    let planned: Planned;
    let result: BatchResult;
    try {
      planned = await this.#plan(taken);
      await this.state.definitions.save();
      result = await this.state.store.commit(planned.batch);
    } catch (e) {
      this.#failed(taken, e);
      return false;
    }
    apply(this, planned, result);
    this.checkDrained();
    return true;
  }

  /** Up to 512 operations, the ones that free slots first. */
  #take(): Taken {
    const most = this.#oneByOne > 0 ? 1 : batchMax;
    const ends = this.#ends.splice(0, most);
    let room = most - ends.length;
    const acts: { item: PendingActs; from: number; to: number }[] = [];
    while (room > 0 && this.#acts.length > 0) {
      const item = this.#acts[0] as PendingActs;
      if (this.#oneByOne > 0 && acts.length > 0) break;
      // One attempt's message at a time is as small as it gets: acts commit as a prefix.
      const to = this.#oneByOne > 0 ? item.acts.length : Math.min(item.acts.length, item.at + room);
      acts.push({ item, from: item.at, to });
      room -= to - item.at;
      item.at = to;
      if (to === item.acts.length) this.#acts.shift();
    }
    // An attempt's end is its last act: it waits while acts of the same attempt are still queued.
    const early = ends.filter((e) => this.#acts.some((a) => a.attempt === e.attempt));
    if (early.length > 0) this.#ends.unshift(...early);
    const starts = this.#starts.splice(0, Math.max(room, acts.length === 0 ? 1 : 0));
    const cancels = this.#cancels.splice(0, this.#oneByOne > 0 ? 1 : this.#cancels.length);
    if (this.#oneByOne > 0) this.#oneByOne -= 1;
    const due = this.#due;
    this.#due = false;
    this.#dispatch = false;
    return { ends: early.length === 0 ? ends : ends.filter((e) => !early.includes(e)), acts, starts, cancels, due };
  }

  async #plan(taken: Taken): Promise<Planned> {
    const { state } = this;
    const now = state.clock.now();
    const slots = new SlotPlan();
    for (const { attempt, codeRuns } of taken.ends) if (attempt.holdsSlot && !codeRuns) slots.frees(attempt.worker);

    const matches = await this.#match(slots);
    const waiting = new Set<Lane>();
    const place = (incoming: Incoming, start?: PendingStart, parent?: Attempt): Placed => {
      const { task, lane } = incoming;
      const eager = !task.refused && task.dueAt === null && lane.ready === 0 && !waiting.has(lane);
      const worker = eager ? slots.best(lane) : undefined;
      if (worker) {
        slots.takes(worker);
        return { incoming, task: { ...task, claim: { worker: worker.id } }, worker, start, parent };
      }
      if (!task.refused && task.dueAt === null) waiting.add(lane);
      return { incoming, task, worker, start, parent };
    };

    const acts = taken.acts.map(({ item, from, to }) => this.#planActs(item, from, to, now, place));
    const roots: Placed[] = [];
    let room = this.#queuedMax - state.ready - state.delayed;
    for (const start of taken.starts) {
      try {
        // A repeated start with an idempotency key adds nothing: it must find its run also when the queue is full.
        if (room-- <= 0 && start.request.idempotencyKey === undefined)
          throw new FlotillaError("FLOTILLA_TOO_MANY", {
            what: "waiting tasks",
            count: state.ready + state.delayed,
            max: this.#queuedMax,
          });
        roots.push(place(incomingRoot(start.request, state.definitions, state.nextTask, this.#secret(), now), start));
        state.nextTask += 1;
      } catch (e) {
        start.reject(e);
      }
    }
    const claims = matches.map(({ row, worker }) => ({
      task: row.task,
      leaseNo: row.leaseNo,
      attempt: row.attempt,
      crashes: row.crashes,
      alone: row.alone,
      lane: row.lane,
      prio: row.prio,
      pass: row.pass,
      worker: worker.id,
    }));
    const rows = new Map((await state.store.tasks.get(matches.map((m) => m.row.task))).map((t) => [t.id, t]));
    const batch: Batch = {
      now,
      boot: state.boot,
      acts: acts.map((a) => a.batch),
      settles: taken.ends.flatMap((e) => ("settle" in e.ending ? [e.ending.settle] : [])),
      requeues: taken.ends.flatMap((e) => ("requeue" in e.ending ? [e.ending.requeue] : [])),
      cancels: taken.cancels.map((c) => c.request),
      cancelSlice: state.cancelsLeft || taken.cancels.length > 0 ? cancelSlice : 0,
      dueSlice: taken.due ? batchMax : 0,
      tasks: roots.map((r) => r.task),
      claims,
    };
    return { batch, acts, ends: taken.ends, cancels: taken.cancels, roots, matches, rows };
  }

  /** Heads of lanes that ran low are read again, then matched. */
  async #match(slots: SlotPlan): Promise<Match[]> {
    const { state } = this;
    if (state.draining) return [];
    const lanes: Lane[] = [];
    for (const lane of state.definitions.lanes) {
      if (lane.ready === 0 || !(slots.best(lane) ?? lane.head[0]?.alone)) continue;
      if (lane.short) lane.refilled(await state.store.queue.peek({ lane: lane.id, limit: Lane.headMax }));
      lanes.push(lane);
    }
    return match(lanes, slots, batchMax);
  }

  #planActs(
    item: PendingActs,
    from: number,
    to: number,
    now: number,
    place: (i: Incoming, s?: PendingStart, p?: Attempt) => Placed,
  ) {
    const { state } = this;
    const { attempt } = item;
    const placed: Placed[] = [];
    const steps: ActBatch["steps"][number][] = [];
    const stepResults: ActBatch["stepResults"][number][] = [];
    const emits: ActBatch["emits"][number][] = [];
    const cancels: ActBatch["cancels"][number][] = [];
    let lastAct = 0;
    let waitSeen: number | null = null;
    for (let i = from; i < to; i++) {
      const act = item.acts[i] as StoredAct;
      if (act.kind !== "wait") waitSeen = null;
      switch (act.kind) {
        case "child":
          placed.push(
            place(
              incomingChild(act, attempt, attempt.children + placed.length, state.definitions, state.nextTask, now),
              undefined,
              attempt,
            ),
          );
          state.nextTask += 1;
          lastAct = act.act;
          break;
        case "step":
          steps.push(act);
          lastAct = act.act;
          break;
        case "step-result":
          stepResults.push({ act: act.act, value: act.value, ref: act.ref ?? null, error: act.error });
          break;
        case "emit":
          emits.push(act);
          lastAct = act.act;
          break;
        case "cancel":
          cancels.push({ act: act.act, reason: act.reason });
          break;
        case "wait":
          waitSeen = act.seen;
          break;
      }
    }
    attempt.hasGate = true;
    const armed = waitSeen !== null && waitSeen >= attempt.queuedSeq;
    const batch: ActBatch = {
      lease: { task: attempt.fence.task, leaseNo: attempt.fence.leaseNo },
      run: attempt.run,
      startedAt: attempt.claimedAt,
      children: placed.map((p) => p.task),
      steps,
      stepResults,
      emits,
      cancels,
      lastAct,
      armed,
    };
    return { attempt, batch, waitSeen: armed ? waitSeen : null, placed };
  }

  #failed(taken: Taken, error: unknown): void {
    for (const s of taken.starts) s.reject(error);
    for (const c of taken.cancels) c.reject(error);
    const busy = isFlotillaError(error) && (error.retryable || error.code === "FLOTILLA_STORE_UNUSABLE");
    const alone = taken.ends.length + taken.acts.length === 1 && taken.starts.length + taken.cancels.length === 0;
    if (busy || !alone) {
      // Running code must not lose what it did: its acts and results wait for the store to take them.
      this.#ends.unshift(...taken.ends);
      for (const { item, from } of taken.acts.toReversed()) {
        item.at = Math.min(item.at, from);
        if (!this.#acts.includes(item)) this.#acts.unshift(item);
      }
      // Not the disk but one of the batch's parts: alone, each of them shows which.
      if (!busy) this.#oneByOne = taken.ends.length + taken.acts.length + 1;
    } else {
      this.#refuse(taken, error);
    }
    for (const lane of this.state.definitions.lanes) lane.forget();
    this.#due = true;
    this.#dispatch = true;
    this.state.log("error", "the store refused a batch; running work is kept and tried again", { error: String(error) });
    if (!busy) this.#schedule();
    else if (!this.#closed) this.state.clock.after(retryMs, () => this.#schedule());
  }

  /** The one part of a batch that breaks a rule of the store: its attempt ends, and nobody else waits for it. */
  #refuse(taken: Taken, error: unknown): void {
    for (const { attempt } of taken.ends) endAttempt(this, attempt, "its end cannot be stored");
    for (const { item } of taken.acts) {
      this.#acts = this.#acts.filter((a) => a !== item);
      const result = { status: "failed", error: errorJson(error), terminal: true } as const;
      const { clock, random } = this.state;
      this.end(item.attempt, afterResult(item.attempt, result, null, null, clock.now(), random), true);
    }
  }
}

interface Taken {
  readonly ends: readonly PendingEnd[];
  readonly acts: readonly { readonly item: PendingActs; readonly from: number; readonly to: number }[];
  readonly starts: readonly PendingStart[];
  readonly cancels: readonly PendingCancel[];
  readonly due: boolean;
}
