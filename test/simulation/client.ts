// A client of the fleet: it starts what a seed wishes, asks again when the orchestrator is gone, waits for ends, and now
// and then cancels. What it was told is recorded, and must hold.
import { shortHash } from "../../src/core/hash.ts";
import type { OutcomeReply, StartReply } from "../../src/protocol/views.ts";
import type { Orchestrator } from "../../src/orchestrator/orchestrator.ts";
import type { Record as History } from "./record.ts";
import { Process, type Schedule } from "./schedule.ts";
import type { Wish } from "./workload.ts";

/** Whom a client asks. */
interface Asked {
  readonly process: Process;
  readonly orchestrator: Orchestrator | undefined;
}
/** What a client sees of its world. */
export interface Around<L extends Asked> {
  readonly schedule: Schedule;
  readonly record: History;
  knownLife(): L;
}

interface Errand<L> {
  readonly number: number;
  readonly wish: Wish;
  readonly key: string | null;
  run: string | undefined;
  done: boolean;
  /** Ask for its end once more when it has been told: the answer must be the same. */
  again: boolean;
  waitsOn: L | undefined;
}

export class Client<L extends Asked> {
  readonly process: Process;
  readonly #world: Around<L>;
  readonly #errands: Errand<L>[] = [];

  constructor(world: Around<L>) {
    this.#world = world;
    this.process = new Process("client", world.schedule);
  }

  /** Nobody waits for anything. */
  get idle(): boolean {
    return this.#errands.every((e) => e.done);
  }

  send(wish: Wish, afterMs: number): void {
    const number = this.#errands.length + 1;
    const { schedule } = this.#world;
    // Some keys are used by several starts: they are one run.
    const key = wish.keyed ? `${wish.name} ${JSON.stringify(wish.input)}` : null;
    const errand: Errand<L> = { number, wish, key, run: undefined, done: false, again: schedule.chance(0.3), waitsOn: undefined };
    this.#errands.push(errand);
    schedule.after(afterMs, this.process, () => this.#start(errand));
    if (schedule.chance(0.12)) schedule.after(afterMs + schedule.below(4_000), this.process, () => this.#cancel(errand));
  }

  /** A life ended: whoever waited on it hears that its connection is gone, and asks the next. */
  lost(life: L): void {
    for (const errand of this.#errands) {
      if (errand.waitsOn !== life) continue;
      errand.waitsOn = undefined;
      this.#world.schedule.after(1_000, this.process, () => this.#wait(errand));
    }
  }

  #start(errand: Errand<L>): void {
    const { record, schedule } = this.#world;
    const { number, wish, key } = errand;
    record.add({ t: "asked", client: number, name: wish.name, key });
    const life = this.#world.knownLife();
    const answered = this.#ask<StartReply>(
      life,
      () =>
        life.orchestrator?.start([
          {
            name: wish.name,
            input: JSON.stringify(wish.input),
            ...(key === null ? {} : { idempotencyKey: key, inputHash: shortHash(JSON.stringify(wish.input)) }),
            ...(wish.tenant === undefined ? {} : { tenant: wish.tenant }),
            ...(wish.priority === undefined ? {} : { priority: wish.priority }),
            ...(wish.delayMs > 0 ? { delayMs: wish.delayMs } : {}),
          },
        ])[0],
      (reply) => {
        record.add({ t: "started", client: number, run: reply.id, existing: reply.existing });
        if (errand.run !== undefined) return;
        // Also when the answer comes after it had given up.
        errand.run = reply.id;
        errand.done = false;
        this.#wait(errand);
        if (wish.name === "listening") for (let i = 0; i < 3; i++) this.#note(errand, reply.id, `${reply.id} ${number} ${i}`);
        if (wish.name === "approving") this.#answer();
      },
      (code) => {
        record.add({ t: "not started", client: number, code });
        schedule.after(1_000, this.process, () => this.#start(errand));
      },
    );
    // Not heard of: with a key it can ask again, whatever became of the first; without one it might start a second run.
    schedule.after(5_000 + schedule.below(5_000), this.process, () => {
      if (answered()) return;
      if (key !== null) this.#start(errand);
      else errand.done = true;
    });
  }

  #wait(errand: Errand<L>): void {
    if (errand.done && !errand.again) return;
    const life = this.#world.knownLife();
    errand.waitsOn = life;
    this.#ask<OutcomeReply>(
      life,
      () => life.orchestrator?.outcome(errand.run as string),
      (reply) => {
        errand.waitsOn = undefined;
        if (errand.done && !errand.again) return;
        if (errand.done) errand.again = false;
        errand.done = true;
        const { status, value, error } = reply;
        this.#world.record.add({ t: "ended", run: errand.run as string, status, value, error });
        if (errand.again) this.#world.schedule.after(500, this.process, () => this.#wait(errand));
      },
      () => {
        errand.waitsOn = undefined;
        this.#world.schedule.after(1_000, this.process, () => this.#wait(errand));
      },
    );
  }

  /** Says it until it hears that it was taken, or that nobody listens any more. */
  #note(errand: Errand<L>, run: string, value: string): void {
    const { schedule, record } = this.#world;
    const say = (): void => {
      const life = this.#world.knownLife();
      const answered = this.#ask<void>(
        life,
        () => life.orchestrator?.send(run, { name: "note", value: JSON.stringify(value), key: value }),
        () => record.add({ t: "message taken", run, value }),
        (code) => {
          if (code !== "FLOTILLA_TOO_LATE") schedule.after(700, this.process, say);
        },
      );
      schedule.after(4_000, this.process, () => {
        if (!answered() && !errand.done) say();
      });
    };
    schedule.after(schedule.below(5_000), this.process, say);
  }

  /** A person, now and then, answers what is open. */
  #answer(): void {
    const { schedule, record } = this.#world;
    schedule.after(200 + schedule.below(3_000), this.process, () => {
      const life = this.#world.knownLife();
      this.#ask(
        life,
        () => life.orchestrator?.approvals({ limit: 10 }),
        ({ items }) => {
          const [open] = items;
          if (!open) return;
          const yes = schedule.chance(0.6);
          this.#ask<void>(
            life,
            () =>
              yes
                ? life.orchestrator?.approve(open.id, { by: "ann" })
                : life.orchestrator?.reject(open.id, { by: "ann", reason: "no" }),
            () => record.add({ t: "approval taken", approval: open.id, yes }),
            () => {},
          );
        },
        () => {},
      );
    });
  }

  #cancel(errand: Errand<L>): void {
    const { run } = errand;
    if (run === undefined) return;
    const life = this.#world.knownLife();
    // The whole run, or a task below its root.
    const id = this.#world.schedule.chance(0.6) ? run : `t_${run.slice(2)}.${1 + this.#world.schedule.below(4)}`;
    this.#ask<void>(
      life,
      () => life.orchestrator?.cancel(id, "its client"),
      () => this.#world.record.add({ t: "cancel acknowledged", id }),
      () => {},
    );
  }

  /** Asks the life that clients know. The answer comes over a wire, unless that life is gone. @returns whether it came */
  #ask<T>(
    life: L,
    question: () => Promise<T> | undefined,
    told: (answer: T) => void,
    refused: (code: string) => void,
  ): () => boolean {
    const { schedule } = this.#world;
    let answered = false;
    const hear = (fn: () => void): void => {
      answered = true;
      fn();
    };
    const back = (fn: () => void): void => {
      if (!life.process.dead) schedule.after(schedule.random() * 5, this.process, () => hear(fn));
    };
    if (life.process.dead) schedule.after(1, this.process, () => hear(() => refused("UNREACHABLE")));
    schedule.after(schedule.random() * 5, life.process, () => {
      const asked = question();
      if (!asked) return back(() => refused("NOT_READY"));
      asked.then(
        (answer) => back(() => told(answer)),
        (e: unknown) => back(() => refused((e as { code?: string }).code ?? String(e))),
      );
    });
    return () => answered;
  }
}
