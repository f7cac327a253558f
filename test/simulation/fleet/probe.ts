// Looks from outside at what is ready and who could run it: with no fault under way nothing that is ready is forgotten.
import type { Disk } from "../../store/model/disk.ts";
import type { FleetHost } from "./host.ts";
import type { FleetWorld } from "./world.ts";

const everyMs = 250;
/** A ready task starts within so long, when a worker that can run it has nothing to do: a few looks. */
const boundMs = 3_000;

export function watchReady(world: FleetWorld, disk: Disk): void {
  new Probe(world, disk).start();
}

class Probe {
  readonly #world: FleetWorld;
  readonly #disk: Disk;
  /** Since when each lease of a ready task is ready. */
  #ready = new Map<string, number>();
  readonly #idle = new Map<FleetHost, number>();
  readonly #told = new Set<number>();

  constructor(world: FleetWorld, disk: Disk) {
    this.#world = world;
    this.#disk = disk;
  }

  start(): void {
    this.#world.schedule.after(everyMs, undefined, () => {
      this.#look();
      this.start();
    });
  }

  #look(): void {
    const { schedule, record, hosts, calmAtMs } = this.#world;
    const { rows } = this.#disk;
    const now = schedule.nowMs;
    for (const host of hosts) if (!isFree(host)) this.#idle.set(host, now);
    const ready = new Map<string, number>();
    for (const [task, place] of rows.places) {
      if (place.in !== "ready" || place.alone) continue;
      const name = `${task}:${place.leaseNo}`;
      const since = this.#ready.get(name) ?? now;
      ready.set(name, since);
      if (now < calmAtMs || now - since < boundMs || this.#told.has(task)) continue;
      const definition = rows.definitions.get(rows.tasks.get(task)?.row.definition ?? 0)?.name;
      const free = [...hosts].find(
        (h) =>
          now - (this.#idle.get(h) ?? now) >= boundMs && h.plan.definitions.some((d) => d["~definition"].name === definition),
      );
      if (!free) continue;
      this.#told.add(task);
      record.add({ t: "forgotten", task, forMs: Math.round(now - since), worker: free.name });
    }
    this.#ready = ready;
  }
}

function isFree(host: FleetHost): boolean {
  const { session } = host;
  return !host.process.dead && !host.process.frozen && host.open.size === 0 && session?.open === true && session.life.alive;
}
