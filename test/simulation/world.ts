// One seed: a store, lives of orchestrators on it, their worker processes, a client, and faults. It runs until the faults
// stop and all that was accepted has ended, or until the time in which it should have ended is over.
import { createRandom } from "../../src/core/random.ts";
import { memoryArtifacts } from "../../src/store/artifacts/memory.ts";
import type { ArtifactStore } from "../../src/store/artifact-store.ts";
import type { Store } from "../../src/store/contract.ts";
import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import type { Fence, FromWorker } from "../../src/protocol/worker.ts";
import type { Worker } from "../../src/worker/worker.ts";
import { outside } from "../replay/programs.ts";
import { Client } from "./client.ts";
import { countHits, Points, type CrashPoint, type Hits } from "./crash-points.ts";
import type { StoreDeps } from "./faulty-store.ts";
import type { Host, HostPlan } from "./host.ts";
import { Life } from "./life.ts";
import { Record } from "./record.ts";
import { Schedule, type Process } from "./schedule.ts";
import { agents, killers, setStage, wishes, workflows } from "./workload.ts";

/** Fewer tasks or faults make no seed. */
export const tasksMin = 200;
export const faultsMin = 20;
/** Virtual time in which all must end once the faults have stopped: the longest backoff is minutes. */
const endsWithinMs = 10 * 60_000;
const eventsMax = 1_500_000;

/** A planted bug: what stands between the engine and its store, or between a link and its worker. */
export interface Bend {
  store(store: Store): Store;
  worker(worker: Worker): Worker;
}
const straight: Bend = { store: (s) => s, worker: (w) => w };

export interface Lived {
  readonly seed: number;
  readonly record: Record;
  readonly hits: Hits;
  readonly lives: number;
  readonly events: number;
  readonly store: Store;
  readonly artifacts: ArtifactStore;
}

type Late = Extract<FromWorker, { t: "settle" | "acts" }>;
const fenceName = (f: Fence): string => `${f.boot}:${f.leaseNo}`;

/** Lives one seed. The caller closes the store. */
export async function live(seed: number, bend: Bend = straight): Promise<Lived> {
  const world = new World(seed, bend);
  const { nap } = outside;
  world.takeStage();
  try {
    await world.run();
    return world.lived();
  } finally {
    setStage(undefined);
    outside.nap = nap;
    world.end();
  }
}

export class World {
  readonly seed: number;
  readonly bend: Bend;
  readonly schedule: Schedule;
  readonly record: Record;
  readonly points: Points;
  readonly linkMs: number;
  /** Waiting workflows that a worker keeps in memory. */
  readonly continuations: number;
  readonly artifacts = memoryArtifacts();
  readonly plans: readonly HostPlan[];
  readonly storeDeps: StoreDeps;
  readonly #store: Store;
  readonly #client: Client<Life>;
  readonly #lives: Life[] = [];
  readonly #hosts = new Map<Process, Host>();
  readonly #old: Late[] = [];
  /** Of each task, the fence under which it was last assigned, and where. */
  readonly #fences = new Map<number, { readonly name: string; readonly host: Host }>();
  /** Which way this seed's clock is once set by an hour. */
  #hourWay: 1 | 0 | -1;
  /** How far apart faults come that come by themselves. */
  readonly #pace: number;
  /** Until when lives end, and for how long a last one then goes on among the other faults. */
  readonly #livesEndMs: number;
  readonly #oneLifeMs: number;
  #asked = false;
  #endAtMs = Number.POSITIVE_INFINITY;

  constructor(seed: number, bend: Bend) {
    this.seed = seed;
    this.bend = bend;
    const schedule = new Schedule(createRandom(seed));
    this.schedule = schedule;
    this.record = new Record(() => schedule.nowMs);
    this.points = new Points(schedule, (point) => this.record.add({ t: "fault", point }));
    this.#hourWay = schedule.pick([1, 0, -1]);
    this.#livesEndMs = 4_000 + schedule.below(9_000);
    this.#oneLifeMs = 4_000 + schedule.below(16_000);
    this.#pace = 0.5 + schedule.random() * 4;
    this.continuations = schedule.pick([1, 2, 4, 1_000]);
    this.linkMs = schedule.pick([0.05, 0.5, 3]);
    this.#store = bend.store(openSqliteStore({ path: ":memory:" }));
    // As SQLite on the same thread, or as a database across a network.
    const commitMs = schedule.pick([0, 0, 1, 8]);
    this.storeDeps = { store: this.#store, schedule, points: this.points, record: this.record, commitMs };
    const slots = () => 1 + schedule.below(4);
    this.plans = [
      { name: "flows", slots: slots(), definitions: workflows },
      { name: "hands", slots: slots(), definitions: agents },
      { name: "both", slots: slots(), definitions: [...workflows, ...agents] },
      { name: "killers", slots: 2, definitions: killers },
      ...(schedule.chance(0.3) ? [{ name: "inside", slots: 2, definitions: agents, inside: true }] : []),
    ];
    this.#client = new Client(this);
    for (const wish of wishes(schedule.random)) this.#client.send(wish, schedule.below(this.#livesEndMs + this.#oneLifeMs / 2));
    this.#newLife();
    this.#nextFault();
  }

  async run(): Promise<void> {
    const { schedule, record } = this;
    await schedule.run(() => this.#over());
    if (record.open.size > 0 || !this.#client.idle) return;
    // Code that was told to stop has stopped by then; what the last life still counts, it has lost count of.
    const restMs = schedule.nowMs + 30_000;
    await schedule.run(() => schedule.nowMs > restMs);
    const { orchestrator } = this.#current;
    if (!orchestrator) return;
    void Promise.all([orchestrator.health(), orchestrator.workers()]).then(([{ queue }, workers]) => {
      const { ready, delayed, running } = queue;
      record.add({ t: "at rest", ready, delayed: delayed ?? 0, running, busy: workers.reduce((n, w) => n + w.busy, 0) });
      this.#asked = true;
    });
    await schedule.run(() => this.#asked || schedule.nowMs > restMs + 60_000);
  }

  lived(): Lived {
    return {
      seed: this.seed,
      record: this.record,
      hits: this.points.hits,
      lives: this.#lives.length,
      events: this.schedule.events,
      store: this.#store,
      artifacts: this.artifacts,
    };
  }

  end(): void {
    for (const life of this.#lives) life.end();
  }

  #over(): boolean {
    const { schedule, points, record } = this;
    if (!points.over) return false;
    if (this.#client.idle && record.open.size === 0) return true;
    return schedule.nowMs > this.#endAtMs || schedule.events > eventsMax;
  }

  takeStage(): void {
    const { schedule, record } = this;
    const host = (): Host => this.#hosts.get(schedule.current as Process) as Host;
    const sleep = (ms: number, signal?: AbortSignal): Promise<void> => (schedule.current as Process).sleep(ms, signal);
    outside.nap = (ms) => sleep(ms);
    setStage({
      begin: (task, attempt) => {
        const on = host();
        const worker = on.name;
        on.executing++;
        record.add({ t: "begins", worker, task, attempt });
        return {
          end(value) {
            on.executing--;
            record.add({ t: "stops", worker, task, attempt, value: value === undefined ? null : JSON.stringify(value) });
          },
        };
      },
      sleep,
      die: () => host().exit("exited with code 139"),
      random: schedule.random,
    });
  }

  // ---------- lives

  get #current(): Life {
    return this.#lives.at(-1) as Life;
  }

  /** Whom clients ask: now and then still the one that was overtaken. */
  knownLife(): Life {
    const before = this.#lives.at(-2);
    return before && !before.process.dead && this.schedule.chance(0.2) ? before : this.#current;
  }

  isCurrent(life: Life): boolean {
    return life === this.#current;
  }

  #newLife(): void {
    this.#lives.push(new Life(this, this.#lives.length + 1));
  }

  died(life: Life): void {
    this.#client.lost(life);
    if (life === this.#current) this.schedule.after(20 + this.schedule.below(1_000), undefined, () => this.#newLife());
  }

  /** It is frozen, another begins; later it goes on as if nothing had been, and then it ends. */
  overtake(life: Life): void {
    const { schedule } = this;
    if (life.process.frozen || life !== this.#current) return;
    life.process.freeze();
    schedule.after(schedule.below(300), undefined, () => this.#newLife());
    const thawMs = 400 + schedule.below(6_000);
    schedule.after(thawMs, undefined, () => life.process.thaw());
    schedule.after(thawMs + 500 + schedule.below(6_000), undefined, () => life.die());
  }

  // ---------- workers

  host(host: Host): void {
    this.#hosts.set(host.process, host);
  }

  lostHost(host: Host): void {
    const { life, plan } = host;
    life.hosts.delete(host);
    if (!life.process.dead && !plan.inside) this.schedule.after(30 + this.schedule.below(500), undefined, () => life.spawn(plan));
  }

  assigned(fence: Fence, host: Host): void {
    this.#fences.set(fence.task, { name: fenceName(fence), host });
  }
  remember(m: Late): void {
    this.#old.push(m);
    if (this.#old.length > 1_000) this.#old.splice(0, 500);
  }
  /** Something that was said under a lease that is over, or in an earlier life, of a task that another attempt runs on that host. */
  oldMessage(host: Host): FromWorker | undefined {
    const old = this.#old.filter((m) => {
      const now = this.#fences.get(m.fence.task);
      return now?.host === host && now.name !== fenceName(m.fence) && this.record.open.has(m.fence.task);
    });
    return old.length === 0 ? undefined : this.schedule.pick(old);
  }

  // ---------- faults that come by themselves

  #nextFault(): void {
    const { schedule, record, points } = this;
    schedule.after((100 + schedule.below(900)) * this.#pace, undefined, () => {
      const enough = record.tasks >= tasksMin && countHits(points.hits) >= faultsMin;
      if (enough && schedule.nowMs > this.#livesEndMs + this.#oneLifeMs) return this.#faultsOver();
      if (schedule.nowMs > this.#livesEndMs) points.onlyOneLife = true;
      // What was wished for has ended before enough had gone wrong: more of it.
      if (record.open.size < 10 && schedule.nowMs > 5_000)
        for (const wish of wishes(schedule.random).slice(0, 8)) this.#client.send(wish, 1);
      this.#strike();
      this.#nextFault();
    });
  }

  #strike(): void {
    const { schedule, points } = this;
    const life = this.#current;
    if (!life.alive) return;
    const hosts = [...life.hosts].filter((h) => !h.process.dead);
    const outside = hosts.filter((h) => !h.plan.inside);
    const executing = outside.find((h) => h.executing > 0);
    const waiting = outside.find((h) => h.executing === 0 && h.plan.name === "flows");
    const any = outside.length === 0 ? undefined : schedule.pick(outside);
    const faults: { [P in CrashPoint]?: () => void } = {
      "an orchestrator freezes, another takes over": () => this.overtake(life),
      "an orchestrator freezes for a while": () => this.#freeze(life.process, 15_000),
      "an orchestrator drains and closes, another follows": () => life.leave(500 + schedule.below(8_000)),
      "the clock jumps forward": () => this.#jump(1),
      "the clock jumps back": () => this.#jump(-1),
      ...(executing && { "a worker dies while it executes": () => executing.exit("exited with code 137") }),
      ...(waiting && { "a worker dies while its workflows wait": () => waiting.exit("exited with code 137") }),
      ...(any && {
        "a worker freezes": () => this.#freeze(any.process, 12_000),
        "a worker drains": () => any.process.soon(() => any.worker.receive({ t: "drain" })),
        "a link is lost": () => any.cut(),
      }),
    };
    const point = schedule.pick((Object.keys(faults) as CrashPoint[]).filter((p) => points.mayStrike(p)));
    points.strikes(point);
    faults[point]?.();
  }

  #freeze(process: Process, mostMs: number): void {
    if (process.frozen) return;
    process.freeze();
    this.schedule.after(this.schedule.below(mostMs), undefined, () => process.thaw());
  }

  /** Mostly what a time server corrects; an hour, which is a wrong time zone, only once and the same way as the seed goes. */
  #jump(way: 1 | -1): void {
    const { schedule } = this;
    const hour = this.#hourWay === way && schedule.chance(0.3);
    if (hour) this.#hourWay = 0;
    schedule.wallOffsetMs += way * (hour ? 3_600_000 : schedule.below(20_000));
  }

  #faultsOver(): void {
    const { schedule, record, points } = this;
    points.over = true;
    record.add({ t: "faults over" });
    // Somebody sees that the clock is slow: what waits by it must not wait an hour more.
    schedule.wallOffsetMs = Math.max(0, schedule.wallOffsetMs);
    this.#endAtMs = schedule.nowMs + endsWithinMs;
    // A task that is held for a file that could not be read is tried again when a worker comes.
    const release = (): void => {
      schedule.after(60_000, undefined, () => {
        if (this.#current.alive) this.#current.spawn({ name: "late", slots: 1, definitions: agents });
        release();
      });
    };
    release();
  }
}
