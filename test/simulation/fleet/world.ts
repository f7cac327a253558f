// One seed of a fleet: a database, two or three orchestrators on it, workers that go from one to another, a client that asks
// any of them, and faults. It runs until the faults stop and all that was accepted has ended, or should have.
import { isFlotillaError } from "../../../src/core/error.ts";
import { createRandom } from "../../../src/core/random.ts";
import { memoryArtifacts } from "../../../src/store/artifacts/memory.ts";
import type { Store } from "../../../src/store/contract.ts";
import { outside } from "../../replay/programs.ts";
import { emptyDisk } from "../../store/model/disk.ts";
import type { SchedulesApi } from "../../../src/protocol/schedules.ts";
import { openSharedModel, type Sharing } from "../../store/model/shared.ts";
import { SignalHub } from "../../store/model/signals.ts";
import { Client } from "../client.ts";
import { countHits, type HitsOf } from "../crash-points.ts";
import { Record } from "../record.ts";
import { epochMs, Schedule, type Process } from "../schedule.ts";
import { agents, killers, setStage, wishes, workflows } from "../workload.ts";
import type { Bend } from "../world.ts";
import type { Database } from "./database.ts";
import { FleetHost, type FleetHostPlan } from "./host.ts";
import { FleetLife } from "./life.ts";
import { FleetPoints, type FleetPoint } from "./points.ts";
import { watchReady } from "./probe.ts";

export const fleetTasksMin = 120;
/** With so many a world has been long enough, however few faults have struck. */
const tasksMax = 600;
const endsWithinMs = 10 * 60_000;
const eventsMax = 2_000_000;
/** By then the longest freeze and the slowest commit are over, and those who were taken for dead have begun anew. */
const settlesMs = 35_000;

/** A planted bug: what stands between the engine and the database, or between a link and its worker. */
export interface FleetBend extends Bend {
  /** Loses some signals on purpose. */
  readonly sharing?: (s: Sharing) => Sharing;
}
const straight: FleetBend = { store: (s) => s, worker: (w) => w };

export interface FleetLived {
  readonly seed: number;
  readonly record: Record;
  readonly hits: HitsOf<FleetPoint>;
  readonly calm: boolean;
  readonly lives: number;
  readonly events: number;
  readonly store: Store;
  readonly artifacts: ReturnType<typeof memoryArtifacts>;
}

export async function liveFleet(seed: number, bend: FleetBend = straight): Promise<FleetLived> {
  const world = new FleetWorld(seed, bend);
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

export class FleetWorld {
  readonly seed: number;
  readonly bend: FleetBend;
  readonly schedule: Schedule;
  readonly record: Record;
  readonly points: FleetPoints;
  readonly linkMs: number;
  readonly continuations: number;
  readonly artifacts = memoryArtifacts();
  /** By how much each node's clock is wrong, in ms. */
  readonly skews: readonly number[];
  /** No faults at all, but signals that are lost. */
  readonly calm: boolean;
  readonly sharing: Sharing;
  readonly hosts = new Set<FleetHost>();
  readonly #byProcess = new Map<Process, FleetHost>();
  readonly #nodes: (FleetLife | undefined)[];
  readonly #client: Client<FleetLife>;
  readonly #tripMs: number;
  /** Of so many signals one is lost; 1: all of them. */
  readonly #lossy: number;
  readonly #pace: number;
  readonly #livesEndMs: number;
  readonly #oneLifeMs: number;
  /** A schedule ticks, and every orchestrator sees that. */
  #ticking = false;
  #lives = 0;
  #spawned = 0;
  #answers = 0;
  #endAtMs = Number.POSITIVE_INFINITY;
  /** From when on what was frozen, slow or lost before is over. */
  calmAtMs = Number.POSITIVE_INFINITY;

  constructor(seed: number, bend: FleetBend) {
    this.seed = seed;
    this.bend = bend;
    const schedule = new Schedule(createRandom(seed));
    this.schedule = schedule;
    this.record = new Record(() => schedule.nowMs);
    this.points = new FleetPoints(schedule, (point) => this.record.add({ t: "fault", point }));
    this.calm = schedule.chance(0.2);
    this.points.over = this.calm;
    if (this.calm) this.calmAtMs = 2_000;
    this.#livesEndMs = 4_000 + schedule.below(9_000);
    this.#oneLifeMs = 4_000 + schedule.below(16_000);
    this.#pace = 0.5 + schedule.random() * 4;
    this.#tripMs = schedule.pick([0.5, 2, 8]);
    this.#lossy = schedule.pick([1, 1, 3, 1_000_000]);
    this.continuations = schedule.pick([1, 2, 4, 1_000]);
    this.linkMs = schedule.pick([0.05, 0.5, 3]);
    this.#nodes = Array.from({ length: schedule.pick([2, 2, 3]) }, () => undefined);
    this.skews = this.#nodes.map(() => (schedule.chance(0.5) ? 0 : schedule.below(3_000) - 1_500));
    const disk = { ...emptyDisk(), inPlace: true };
    const sharing: Sharing = {
      disk,
      leaseMs: schedule.pick([3_000, 6_000, 20_000]),
      now: () => Math.floor(epochMs + schedule.nowMs),
      hub: new SignalHub((to, say) => this.#signal(to, say)),
    };
    this.sharing = bend.sharing?.(sharing) ?? sharing;
    watchReady(this, disk);
    this.#client = new Client<FleetLife>(this);
    for (const wish of wishes(schedule.random)) this.#client.send(wish, schedule.below(this.#livesEndMs + this.#oneLifeMs / 2));
    this.#begin(0);
    if (schedule.chance(0.5)) this.#ticking = true;
    // Asked once: asked again, it might come after the schedule was deleted.
    schedule.after(1_000, undefined, () => {
      const tick = { name: "tick", target: "double", input: '{"n":1}', everyMs: 1_000 };
      if (this.#ticking)
        void this.knownLife()
          .orchestrator?.schedules.put(tick)
          .catch(() => {});
    });
    for (const node of this.#nodes.keys()) if (node > 0) schedule.after(schedule.below(400), undefined, () => this.#begin(node));
    const slots = () => 1 + schedule.below(4);
    const plans: FleetHostPlan[] = [
      { name: "flows", slots: slots(), definitions: workflows },
      { name: "hands", slots: slots(), definitions: agents },
      { name: "both", slots: slots(), definitions: [...workflows, ...agents] },
      { name: "more", slots: slots(), definitions: [...workflows, ...agents] },
      { name: "killers", slots: 2, definitions: killers },
      { name: "killers too", slots: 2, definitions: killers },
    ];
    for (const plan of plans) this.#spawn(plan);
    if (this.calm) schedule.after(this.#livesEndMs + this.#oneLifeMs, undefined, () => this.#faultsOver());
    else this.#nextFault();
  }

  async run(): Promise<void> {
    const { schedule, record } = this;
    await schedule.run(() => this.#over());
    if (record.open.size > 0 || !this.#client.idle) return;
    const restMs = schedule.nowMs + 40_000;
    await schedule.run(() => schedule.nowMs > restMs);
    let asked = 0;
    for (const { orchestrator, process } of this.#nodes.filter((n) => n !== undefined)) {
      if (!orchestrator || process.dead) continue;
      asked++;
      void Promise.all([orchestrator.health(), orchestrator.workers()]).then(([{ queue }, workers]) => {
        const { ready, delayed, running } = queue;
        record.add({ t: "at rest", ready, delayed: delayed ?? 0, running, busy: workers.reduce((n, w) => n + w.busy, 0) });
        this.#answers++;
      });
    }
    await schedule.run(() => this.#answers === asked || schedule.nowMs > restMs + 60_000);
  }

  lived(): FleetLived {
    const { seed, record, calm, artifacts } = this;
    const store = openSharedModel(this.sharing);
    return { seed, record, calm, artifacts, hits: this.points.hits, lives: this.#lives, events: this.schedule.events, store };
  }

  end(): void {
    for (const life of this.#nodes) life?.process.kill();
    for (const host of this.hosts) {
      host.process.kill();
      void host.worker.stop();
    }
  }

  #over(): boolean {
    const { schedule, record } = this;
    if (this.#endAtMs === Number.POSITIVE_INFINITY || this.#ticking) return false;
    if (this.#client.idle && record.open.size === 0) return true;
    return schedule.nowMs > this.#endAtMs || schedule.events > eventsMax;
  }

  takeStage(): void {
    const { schedule, record } = this;
    const host = (): FleetHost => this.#byProcess.get(schedule.current as Process) as FleetHost;
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
      die: () => host().exit("exited with code 139", true),
      random: schedule.random,
    });
  }

  database(): Database {
    const { schedule, points, record } = this;
    return { store: this.bend.store(openSharedModel(this.sharing)), schedule, points, record, tripMs: this.#tripMs };
  }

  // ---------- orchestrators

  #begin(node: number): void {
    this.#nodes[node] = new FleetLife(this, node, `orchestrator ${node + 1}, life ${++this.#lives}`);
  }

  began(life: FleetLife): void {
    if (this.schedule.chance(0.3)) this.#spawn({ name: `inside ${life.node + 1}`, slots: 2, definitions: agents, inside: life });
  }

  died(life: FleetLife): void {
    this.#client.lost(life);
    for (const host of this.hosts) if (host.plan.inside === life) host.exit("its process ended", false);
    // Sometimes its machine stays away for long: others must go on with what it had.
    const alone = this.#nodes.every((n) => n === life || !n?.alive);
    const awayMs = this.schedule.chance(0.3) && !alone ? this.schedule.below(60_000) : this.schedule.below(1_500);
    this.schedule.after(20 + awayMs, undefined, () => this.#begin(life.node));
  }

  /** Whom clients ask: any of them. */
  knownLife(): FleetLife {
    const there = this.#nodes.filter((n) => n !== undefined);
    return this.schedule.pick(there);
  }
  anyLife(): FleetLife | undefined {
    const there = this.#nodes.filter((n) => n !== undefined && !n.process.dead && !n.leaving);
    return there.length === 0 ? undefined : this.schedule.pick(there);
  }

  /** Others take it for dead meanwhile; later it goes on as if nothing had been. */
  freezePast(life: FleetLife): void {
    this.#freeze(life.process, this.sharing.leaseMs + 2_000 + this.schedule.below(6_000));
  }

  #signal(to: number, say: () => void): void {
    const { schedule, points } = this;
    if (schedule.below(this.#lossy) === 0 || points.reached("a signal is lost")) return;
    void to;
    schedule.after(schedule.random() * 5, undefined, say);
  }

  /** Asks any orchestrator until one has done it. */
  #schedules(ask: (s: SchedulesApi) => Promise<unknown>, afterMs: number, done: () => void): void {
    this.schedule.after(afterMs, undefined, () => {
      const life = this.knownLife();
      const again = (): void => this.#schedules(ask, 700, done);
      const { orchestrator } = life;
      if (!life.alive || !orchestrator) return again();
      let answered = false;
      const answer = (): void => {
        if (!answered) done();
        answered = true;
      };
      life.process.soon(() => {
        // Deleted by an earlier try, whose answer was lost.
        void ask(orchestrator.schedules).then(answer, (e: unknown) => isFlotillaError(e, "FLOTILLA_NOT_FOUND") && answer());
      });
      this.schedule.after(5_000, undefined, () => {
        if (!answered) again();
      });
    });
  }

  // ---------- workers

  #spawn(plan: FleetHostPlan): void {
    const { schedule } = this;
    schedule.after(schedule.below(60), plan.inside?.process, () => {
      this.hosts.add(new FleetHost(this, plan, `${plan.name}, ${++this.#spawned}`));
    });
  }

  hosted(host: FleetHost): void {
    this.#byProcess.set(host.process, host);
  }

  lostHost(host: FleetHost): void {
    this.hosts.delete(host);
    if (!host.plan.inside) this.schedule.after(30 + this.schedule.below(500), undefined, () => this.#spawn(host.plan));
  }

  // ---------- faults that come by themselves

  #nextFault(): void {
    const { schedule, record, points } = this;
    schedule.after((100 + schedule.below(900)) * this.#pace, undefined, () => {
      const enough = record.tasks >= fleetTasksMin && (countHits(points.hits) >= 20 || record.tasks > tasksMax);
      if (enough && schedule.nowMs > this.#livesEndMs + this.#oneLifeMs) return this.#faultsOver();
      if (schedule.nowMs > this.#livesEndMs) points.onlyOneLife = true;
      if (record.open.size < 10 && schedule.nowMs > 5_000)
        for (const wish of wishes(schedule.random).slice(0, 8)) this.#client.send(wish, 1);
      this.#strike();
      this.#nextFault();
    });
  }

  #strike(): void {
    const { schedule, points } = this;
    const there = this.#nodes.filter((n) => n?.alive) as FleetLife[];
    const life = there.length === 0 ? undefined : schedule.pick(there);
    const outer = [...this.hosts].filter((h) => !h.process.dead && !h.plan.inside);
    const executing = outer.find((h) => h.executing > 0);
    const waiting = outer.find((h) => h.executing === 0 && h.open.size > 0);
    const any = outer.length === 0 ? undefined : schedule.pick(outer);
    const faults: { [P in FleetPoint]?: () => void } = {
      ...(life && {
        "an orchestrator dies": () => life.die(),
        "an orchestrator freezes past its lease": () => this.freezePast(life),
        "an orchestrator freezes for a while": () => this.#freeze(life.process, schedule.below(this.sharing.leaseMs)),
        "an orchestrator drains and closes": () => life.leave(500 + schedule.below(8_000)),
      }),
      ...(executing && { "a worker dies while it executes": () => executing.exit("exited with code 137", schedule.chance(0.5)) }),
      ...(waiting && { "a worker dies while its workflows wait": () => waiting.exit("exited with code 137", false) }),
      ...(any && {
        "a worker freezes": () => this.#freeze(any.process, schedule.below(20_000)),
        "a link is lost": () => any.session?.cut(),
      }),
    };
    const may = (Object.keys(faults) as FleetPoint[]).filter((p) => points.mayStrike(p));
    if (may.length === 0) return;
    // What only several orchestrators can come by is what this world is for.
    const often: FleetPoint[] = ["an orchestrator freezes past its lease", "an orchestrator drains and closes"];
    const point = schedule.pick([...may, ...often.filter((p) => may.includes(p))]);
    points.strikes(point);
    faults[point]?.();
  }

  #freeze(process: Process, ms: number): void {
    if (process.frozen || process.dead) return;
    process.freeze();
    this.schedule.after(ms, undefined, () => process.thaw());
  }

  #faultsOver(): void {
    const { schedule, record, points } = this;
    points.over = true;
    this.calmAtMs = Math.min(this.calmAtMs, schedule.nowMs + settlesMs);
    record.add({ t: "faults over" });
    this.#endAtMs = schedule.nowMs + endsWithinMs;
    if (this.#ticking)
      this.#schedules(
        (s) => s.delete("tick"),
        1,
        () => (this.#ticking = false),
      );
    // A task that is held for a file that could not be read is tried again when a worker comes.
    const release = (): void => {
      schedule.after(60_000, undefined, () => {
        this.#spawn({ name: "late", slots: 1, definitions: agents });
        release();
      });
    };
    release();
  }
}
