// One worker process of a fleet. It lives beside the orchestrators: when it loses the one that it was linked to, it goes on
// with what it executes, comes to any of them, and brings that along.
import type { AnyCallable } from "../../../src/core/definition.ts";
import type { FromWorker, Hello, ToWorker } from "../../../src/protocol/worker.ts";
import { createWorker, type Worker } from "../../../src/worker/worker.ts";
import { Process } from "../schedule.ts";
import { Ledger } from "../../../src/worker/links/ledger.ts";
import type { FleetLife } from "./life.ts";
import { Session } from "./session.ts";
import type { FleetWorld } from "./world.ts";

export interface FleetHostPlan {
  readonly name: string;
  readonly slots: number;
  readonly definitions: readonly AnyCallable[];
  /** In the process of that life: it ends with it, and is taken over when that life begins anew. */
  readonly inside?: FleetLife;
}

const silent = { debug() {}, info() {}, warn() {}, error() {} };
/** For so long it goes on without an orchestrator. */
const fenceMs = 12_000;

export class FleetHost {
  readonly plan: FleetHostPlan;
  readonly process: Process;
  readonly worker: Worker;
  readonly name: string;
  /** Agents' code under way. */
  executing = 0;
  /** Attempts that were given to it and are not over. */
  readonly open = new Set<number>();
  session: Session | undefined;
  #id: string | undefined;
  readonly #world: FleetWorld;
  readonly #ledger = new Ledger();
  /** Longer without a word, and its orchestrator is given up. */
  readonly #silentMs: number;
  #heardAt = 0;
  #unlinkedAt: number;
  #gone = false;

  constructor(world: FleetWorld, plan: FleetHostPlan, name: string) {
    const { schedule, record } = world;
    this.#world = world;
    this.plan = plan;
    this.name = name;
    this.process = plan.inside?.process ?? new Process(name, schedule);
    this.#silentMs = 3_000 + schedule.below(9_000);
    this.#unlinkedAt = schedule.nowMs;
    record.add({ t: "worker", worker: name, slots: plan.slots });
    world.hosted(this);
    this.worker = world.bend.worker(
      createWorker(
        {
          name,
          slots: plan.slots,
          offers: [],
          build: "b",
          isolation: plan.inside ? "in-process" : "remote",
          continuations: world.continuations,
          definitions: plan.definitions.map((d) => d["~definition"]),
        },
        { clock: this.process.clock, random: schedule.random, nextTurn: this.process.nextTurn, log: silent },
        (m) => this.#said(m),
      ),
    );
    this.#link();
    if (!plan.inside) this.#watch();
  }

  // ---------- its links

  #hello(): Hello {
    return { ...this.worker.hello(), pid: 1 };
  }

  #link(): void {
    const { schedule } = this.#world;
    schedule.after(1 + schedule.below(50), this.process, () => {
      if (this.#gone) return;
      const life = this.plan.inside ?? this.#world.anyLife();
      if (!life?.orchestrator || life.process.dead)
        return void schedule.after(50 + schedule.below(500), this.process, () => this.#link());
      const held = this.#id === undefined ? [] : this.#ledger.offer();
      this.session = new Session(
        this.#world,
        life,
        this,
        this.#hello(),
        held.length > 0 ? { worker: this.#id as string, held } : undefined,
      );
      this.#heardAt = schedule.nowMs;
    });
  }

  /** Once in a while: is there an orchestrator, and does it speak? */
  #watch(): void {
    const { schedule } = this.#world;
    schedule.after(500, this.process, () => {
      if (this.#gone) return;
      if (this.session && schedule.nowMs - this.#heardAt > this.#silentMs) this.session.drop();
      else if (!this.session && schedule.nowMs - this.#unlinkedAt > fenceMs && this.open.size > 0)
        return this.exit("had no orchestrator", false);
      this.#watch();
    });
  }

  unlinked(session: Session): void {
    if (this.session !== session || this.#gone) return;
    this.session = undefined;
    if (this.plan.inside) return;
    this.#unlinkedAt = this.#world.schedule.nowMs;
    this.#link();
  }

  // ---------- what it hears

  hear(session: Session, m: ToWorker): void {
    if (this.#gone || this.session !== session) return;
    const { record, points, schedule } = this.#world;
    this.#heardAt = schedule.nowMs;
    if (m.t === "welcome") this.#id = m.worker;
    if (m.t === "assign") {
      if (!this.plan.inside && points.reached("a worker dies as tasks reach it")) return this.exit("died", true);
      record.add({ t: "assigned", worker: this.name, tasks: m.tasks });
      for (const { fence } of m.tasks) this.open.add(fence.task);
    }
    if (m.t === "adopted") {
      if (points.reached("a worker dies as it is adopted")) return this.exit("died", true);
      record.add({ t: "told of its adoption", worker: this.name, fence: m.fence, next: m.next });
    }
    if (m.t === "deliver") record.add({ t: "delivered", worker: this.name, fence: m.fence, deliveries: m.deliveries });
    if (m.t === "ack") record.add({ t: "acked", worker: this.name, fence: m.fence, act: m.act });
    if (m.t === "parked") this.open.delete(m.fence.task);
    if (this.plan.inside) return this.worker.receive(m);
    const { heard, again } = this.#ledger.received(m);
    for (const x of again) this.session?.up(x);
    if (heard) this.worker.receive(heard);
  }

  // ---------- what it says

  #said(m: FromWorker): void {
    const { points } = this.#world;
    if (this.process.dead || this.#gone) return;
    const mortal = !this.plan.inside;
    if (m.t === "settle" || m.t === "ended") this.open.delete(m.fence.task);
    if (m.t === "settle" && mortal && points.reached("a worker dies with its settle under way")) return this.#dieSaying(m);
    if (m.t === "acts" && mortal && points.reached("a worker dies with its acts under way")) return this.#dieSaying(m);
    this.#send(m);
    if (m.t === "goodbye") this.#world.schedule.after(1, undefined, () => this.exit("left", false));
  }

  #send(m: FromWorker): void {
    const told = this.plan.inside ? m : this.#ledger.sent(m);
    if (told) this.session?.up(told);
  }

  /** What it said may have left it, or not. */
  #dieSaying(m: FromWorker): void {
    if (this.#world.schedule.chance(0.5)) this.#send(m);
    this.exit("was killed by SIGKILL", true);
  }

  // ---------- its end

  exit(how: string, observed: boolean): void {
    if (this.#gone) return;
    this.#gone = true;
    this.session?.ended(how, observed);
    if (!this.plan.inside) this.process.kill();
    this.#world.record.add({ t: "worker gone", worker: this.name });
    this.#world.lostHost(this);
  }
}
