// One of several orchestrators on one store: it says that it lives, looks at what the others have done, and takes back
// what the dead have left. No leader is needed: whatever two of them do at once, the store's locks put in an order.
import { errorJson } from "../../core/error.ts";
import type { Timer } from "../../core/clock.ts";
import type { SharedStore } from "../../store/shared.ts";
import type { Engine } from "../engine.ts";
import type { StoreClock } from "./store-clock.ts";
import { OutboxDrain } from "../outbox.ts";
import { isRemote } from "../workers.ts";
import { hearOthers, namesServed, rosterOf } from "../roster.ts";
import { passOnQuestions } from "./questions.ts";
import { takeNotices } from "./notices.ts";

/** Without a signal, what others did is seen at most this late; with one, at once. */
const lookMs = 250;
const sweepMs = 2_000;
const noticesMax = 1_000;
const sweepSlice = 500;
/** A worker comes to another orchestrator within its first backoff: a second or two. */
const handOverMs = 5_000;

export class Peers {
  readonly #engine: Engine;
  readonly #shared: SharedStore;
  readonly #clock: StoreClock;
  readonly #outbox: OutboxDrain | null;
  readonly #timers = new Map<string, Timer>();
  #listening: { readonly boot: number; readonly ears: Promise<{ close(): unknown }> } | undefined;
  #catalogue = -1;
  /** null: the last look was not answered. */
  #answersSince: number | null = Number.NEGATIVE_INFINITY;
  #stopped = false;

  constructor(engine: Engine, shared: SharedStore, clock: StoreClock) {
    this.#engine = engine;
    this.#shared = shared;
    this.#clock = clock;
    this.#outbox = shared.outbox && new OutboxDrain(engine, shared.outbox);
  }

  async start(): Promise<void> {
    await this.#beat();
    await this.#listen();
    this.#every("beat", this.#shared.leaseMs / 3, () => this.#beat());
    this.#every("look", lookMs, () => Promise.resolve(this.#engine.look()));
    this.#every("sweep", sweepMs, () => this.#sweep());
  }

  /** What is said to a life is heard by that life: the next one listens anew. */
  async #listen(): Promise<void> {
    const { boot } = this.#engine.state;
    const before = this.#listening;
    const to = {
      lanes: (ids: readonly number[]) => this.#grew(ids),
      notices: () => this.#engine.look(),
      runs: (ids: readonly number[]) => this.#ranOn(ids),
      catalogue: () => this.#engine.look(),
      missed: () => this.#engine.look(),
    };
    const ears = (async () => this.#shared.listen({ boot, to }))();
    this.#listening = { boot, ears };
    await Promise.all([ears, before?.ears.then((old) => old.close())]);
  }

  /** How long the store has answered every look, in ms. */
  get answeringMs(): number {
    return this.#answersSince === null ? 0 : this.#engine.state.clock.elapsedMs() - this.#answersSince;
  }

  /** @throws when the store does not answer */
  async #ask<T>(question: () => T | PromiseLike<T>): Promise<T> {
    try {
      const answer = await question();
      this.#answersSince ??= this.#engine.state.clock.elapsedMs();
      return answer;
    } catch (e) {
      this.#answersSince = null;
      throw e;
    }
  }

  /** In the loop that everything goes through, between two batches: so that what it finds and what they do have an order. */
  async look(): Promise<void> {
    const { state, outcomes, events } = this.#engine;
    if (this.#listening && this.#listening.boot !== state.boot)
      void this.#listen().catch((e: unknown) => state.log("debug", "a life cannot hear the others yet", { error: String(e) }));
    // Of a run that is only awaited its end is all that matters.
    const followed = events.followed();
    const awaited = [...outcomes.awaited].map((id) => ({ id, cursor: Number.MAX_SAFE_INTEGER }));
    const runs = followed.length === 0 ? awaited : [...followed, ...awaited.filter((a) => !followed.some((f) => f.id === a.id))];
    const found = await this.#ask(() => this.#shared.look({ boot: state.boot, runs, limit: noticesMax }));
    if (found.catalogue !== this.#catalogue) {
      await state.definitions.refresh();
      await this.#engine.drains.refresh();
      this.#catalogue = found.catalogue;
    }
    await state.definitions.know({ lanes: found.depth.keys() });
    for (const lane of state.definitions.lanes) lane.counted(found.depth.get(lane.id));
    state.delayed = found.delayed;
    state.parked = found.parked;
    state.nextDueAt = found.nextDueAt;
    state.nextTickAt = found.nextTickAt;
    state.cancelsLeft ||= found.cancelsLeft;
    if (found.outbox) await this.#outbox?.take();
    this.#ranOn(found.moved);
    takeNotices(this.#engine, found.notices);
    if (found.notices.length > 0) await this.#shared.noticed({ boot: state.boot, ids: found.notices.map((n) => n.id) });
    if (found.moreNotices) this.#engine.look();
    else this.#endOvertaken();
    await passOnQuestions(this.#engine, this.#shared);
    this.#engine.wakeAtNextDue();
    if (state.ready > 0) this.#engine.dispatch();
  }

  /** Everything before what came early is stored, so a complete look has it: what is still missing is lost. */
  #endOvertaken(): void {
    for (const attempt of this.#engine.state.attempts.values()) {
      if (attempt.early.length === 0 || attempt.assigning || attempt.ended) continue;
      this.#engine.state.log("error", "a delivery is missing in a task's order; it is begun again from its journal", {
        task: attempt.publicId,
        queued: attempt.queuedSeq,
        next: attempt.early[0]?.seq,
      });
      this.#engine.lostAttempt(attempt, "missed a delivery", { codeRuns: true });
    }
  }

  #grew(lanes: readonly number[]): void {
    const { definitions } = this.#engine.state;
    for (const id of lanes) {
      const lane = definitions.knownLane(id);
      // Not known here yet: the next look brings it.
      if (!lane) return this.#engine.look();
      if (lane.workers.size > 0) lane.grew();
    }
    this.#engine.dispatch();
  }

  #ranOn(runs: readonly number[]): void {
    const { outcomes, events, state } = this.#engine;
    for (const run of runs) {
      events.finished(run);
      outcomes.lookUp(run, () => state.store.runs.outcome(run));
    }
  }

  async #beat(): Promise<void> {
    const { state } = this.#engine;
    let slots = 0;
    let busy = 0;
    for (const w of state.workers.values()) {
      slots += w.hello.slots;
      busy += w.busy;
    }
    const { boot } = state;
    const sentAt = state.clock.elapsedMs();
    const lanes = [...state.definitions.lanes].filter((lane) => lane.workers.size > 0).map((lane) => lane.id);
    const names = [...namesServed(state.workers.values())];
    const load = { workers: state.workers.size, slots, busy, versions: state.builds.offered(), lanes, names };
    const roster = JSON.stringify(rosterOf(state));
    const { alive, now } = await this.#shared.beat({ boot, load, roster });
    // Said of a life that is over: another one has begun meanwhile.
    if (this.#stopped || state.boot !== boot) return;
    this.#clock.told(now, state.clock.elapsedMs() - sentAt);
    if (!alive) return this.#engine.over();
    const others = (await hearOthers(state)).filter((life) => life.boot !== state.boot);
    if (this.#stopped || !state.builds.heard(others.flatMap((life) => life.versions))) return;
    state.definitions.workersChanged();
    this.#engine.dispatch();
  }

  async #sweep(): Promise<void> {
    const { state } = this.#engine;
    for (;;) {
      const swept = await this.#shared.sweep({ boot: state.boot, now: state.clock.now(), slice: sweepSlice });
      if (swept.completed.length > 0) this.#engine.endLeft(swept.completed);
      if (swept.lives.length > 0)
        state.log("warn", "took back what an orchestrator that fell silent was running", {
          lives: swept.lives,
          tasks: swept.ready.length,
        });
      if (swept.ready.length > 0 || swept.lives.length > 0) this.#engine.look();
      if (!swept.more || this.#stopped) return;
    }
  }

  #every(name: string, ms: number, work: () => Promise<void>): void {
    const { clock, random, log } = this.#engine.state;
    let failed = false;
    const run = (): void => {
      // Spread over time: several orchestrators that were started together would all look at the same instant.
      const timer = clock.after(ms * (0.75 + random() / 2), () => {
        void work()
          .then(
            () => {
              if (failed) log("info", `the store answers again (${name})`);
              failed = false;
            },
            (e: unknown) => {
              if (!failed && !this.#stopped)
                log("warn", `the store does not answer (${name}); it is tried again`, { error: errorJson(e).message });
              failed = true;
            },
          )
          .then(() => {
            if (!this.#stopped) run();
          });
      });
      this.#timers.set(name, timer);
    };
    run();
  }

  /**
   * Sends workers elsewhere to the other orchestrators, with what they execute, and waits until those have it. Whatever is
   * left after `handOverMs` goes back to ready when this life ends.
   */
  async handOver(): Promise<void> {
    const { state } = this.#engine;
    const away = [...state.workers.values()].filter(isRemote);
    const held = () => [...state.attempts.values()].some((a) => isRemote(a.worker));
    state.handingOver = true;
    for (const worker of away) worker.link.leave?.();
    const until = state.clock.elapsedMs() + handOverMs;
    while (held() && state.clock.elapsedMs() < until) {
      this.#engine.look();
      await new Promise<void>((resolve) => void state.clock.after(lookMs / 5, resolve));
    }
  }

  /** What is still held goes back at once. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const timer of this.#timers.values()) timer.cancel();
    const { state } = this.#engine;
    try {
      await (await this.#listening?.ears)?.close();
      await this.#shared.resign({ boot: state.boot, now: state.clock.now() });
    } catch (e) {
      state.log("warn", "the store did not hear that this orchestrator ends; others find out by themselves", {
        error: String(e),
      });
    }
  }
}
