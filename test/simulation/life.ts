// One life of an orchestrator: the one that ships, with the worker processes that it started. They end with it.
import { secretFrom } from "../../src/core/id.ts";
import { createOrchestrator, type Orchestrator } from "../../src/orchestrator/orchestrator.ts";
import { artifactsOf, storeOf } from "./faulty-store.ts";
import { Host, type HostPlan } from "./host.ts";
import { Process } from "./schedule.ts";
import type { World } from "./world.ts";

export class Life {
  readonly process: Process;
  orchestrator: Orchestrator | undefined;
  readonly hosts = new Set<Host>();
  readonly #world: World;
  #spawned = 0;

  constructor(world: World, number: number) {
    this.#world = world;
    this.process = new Process(`orchestrator ${number}`, world.schedule);
    this.process.soon(() => void this.#begin());
  }

  async #begin(): Promise<void> {
    const { schedule, points } = this.#world;
    const asking = {
      process: this.process,
      die: () => this.die(),
      overtaken: () => this.#world.overtake(this),
    };
    const bytes = new Uint8Array(16);
    const opened = createOrchestrator({
      store: storeOf(this.#world.storeDeps, asking),
      artifacts: artifactsOf(this.#world.artifacts, points, this.process, schedule),
      clock: this.process.clock,
      random: schedule.random,
      nextTurn: this.process.nextTurn,
      secret: () => secretFrom(bytes.map(() => schedule.below(256))),
      log: (level, message, fields) => {
        // One that was overtaken reads what the next one has stored: what it finds wrong then is its own end.
        if (level === "error" && this.#world.isCurrent(this)) this.#world.record.add({ t: "logged", message, fields });
      },
    });
    try {
      this.orchestrator = await opened;
    } catch (e) {
      // No fault makes a boot fail: it dies in it, or it succeeds.
      return this.#world.record.add({ t: "broken", what: String((e as Error).stack ?? e) });
    }
    if (this.process.dead) return;
    for (const plan of this.#world.plans) this.spawn(plan);
  }

  spawn(plan: HostPlan): void {
    const { schedule } = this.#world;
    schedule.after(schedule.below(60), this.process, () => {
      this.hosts.add(new Host(this.#world, this, plan, `${plan.name}, ${this.process.name}, ${++this.#spawned}`));
    });
  }

  get alive(): boolean {
    return !this.process.dead && !this.process.frozen && this.orchestrator !== undefined;
  }

  /** kill -9. Its children notice that their parent is gone, a moment later; they may do more until then. */
  die(): void {
    if (this.process.dead) return;
    this.process.kill();
    const { schedule } = this.#world;
    for (const host of this.hosts) schedule.after(schedule.below(400), undefined, () => host.exit("its parent ended"));
    this.#world.died(this);
  }

  /** As a deploy does: it takes nothing new, waits for what runs, within limits, and closes. */
  leave(withinMs: number): void {
    const { orchestrator, process } = this;
    const leaving = async (): Promise<void> => {
      await Promise.race([orchestrator?.drain(), process.sleep(withinMs)]);
      await orchestrator?.close();
      this.die();
    };
    process.soon(() => void leaving());
  }

  /** Ends the code that goes on, so that a world leaves nothing behind. */
  end(): void {
    this.process.kill();
    for (const host of this.hosts) {
      host.process.kill();
      void host.worker.stop();
    }
  }
}
