// One life of an orchestrator among others: the one that ships. Its workers are elsewhere, but for one in its own process.
import { secretFrom } from "../../../src/core/id.ts";
import { createOrchestrator, type Orchestrator } from "../../../src/orchestrator/orchestrator.ts";
import { artifactsOf } from "../faulty-store.ts";
import { Process } from "../schedule.ts";
import { databaseOf } from "./database.ts";
import type { Session } from "./session.ts";
import type { FleetWorld } from "./world.ts";

export class FleetLife {
  readonly process: Process;
  orchestrator: Orchestrator | undefined;
  readonly sessions = new Set<Session>();
  readonly node: number;
  readonly #world: FleetWorld;
  leaving = false;

  constructor(world: FleetWorld, node: number, name: string) {
    this.#world = world;
    this.node = node;
    this.process = new Process(name, world.schedule);
    this.process.skewMs = world.skews[node] as number;
    this.process.soon(() => void this.#begin());
  }

  async #begin(): Promise<void> {
    const { schedule, points, record } = this.#world;
    const bytes = new Uint8Array(16);
    const opened = createOrchestrator({
      store: databaseOf(this.#world.database(), {
        process: this.process,
        die: () => this.die(),
        freeze: () => this.#world.freezePast(this),
      }),
      artifacts: artifactsOf(this.#world.artifacts, points, this.process, schedule),
      clock: this.process.clock,
      random: schedule.random,
      nextTurn: this.process.nextTurn,
      secret: () => secretFrom(bytes.map(() => schedule.below(256))),
      log: (level, message, fields) => {
        if (level === "error") record.add({ t: "logged", message, fields });
      },
    });
    try {
      this.orchestrator = await opened;
    } catch {
      // The database could not be reached: whoever started it tries again.
      return this.die();
    }
    if (!this.process.dead) this.#world.began(this);
  }

  get alive(): boolean {
    return !this.process.dead && !this.process.frozen && this.orchestrator !== undefined && !this.leaving;
  }

  /** kill -9. Its workers see that their links are closed. */
  die(): void {
    if (this.process.dead) return;
    this.process.kill();
    for (const session of this.sessions) session.cut();
    this.#world.died(this);
  }

  /** As a deploy does: it takes nothing new, waits for what runs, within limits, and closes. */
  leave(withinMs: number): void {
    const { orchestrator, process } = this;
    this.leaving = true;
    const leaving = async (): Promise<void> => {
      await Promise.race([orchestrator?.drain(), process.sleep(withinMs)]);
      await orchestrator?.close();
      this.die();
    };
    process.soon(() => void leaving());
  }
}
