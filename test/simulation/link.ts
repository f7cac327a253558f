// A link between an orchestrator and a worker's process: it delays, keeps the order, and may break. A message that is said
// twice, or that comes from a life that is over, arrives as such a one does in the worst case: behind its first.
import type { Random } from "../../src/core/random.ts";
import type { Process, Schedule } from "./schedule.ts";

export class Link<Up, Down> {
  open = true;
  /** Typical delay of a message. */
  readonly #delayMs: number;
  readonly #schedule: Schedule;
  readonly #lastAt = { up: 0, down: 0 };
  readonly #below: Process;
  readonly #above: Process;

  constructor(schedule: Schedule, above: Process, below: Process, delayMs: number) {
    this.#schedule = schedule;
    this.#above = above;
    this.#below = below;
    this.#delayMs = delayMs;
  }

  /** From the worker. `extraMs` delays it, and all that follow. */
  up(message: Up, arrive: (message: Up) => void, extraMs = 0): void {
    if (!this.#below.dead) this.#carry("up", this.#above, () => arrive(message), extraMs);
  }
  down(message: Down, arrive: (message: Down) => void, extraMs = 0): void {
    if (!this.#above.dead) this.#carry("down", this.#below, () => arrive(message), extraMs);
  }

  #carry(way: "up" | "down", to: Process, arrive: () => void, extraMs: number): void {
    if (!this.open) return;
    const { nowMs, random } = this.#schedule;
    const at = Math.max(nowMs + delay(random, this.#delayMs) + extraMs, this.#lastAt[way] + 0.001);
    this.#lastAt[way] = at;
    this.#schedule.after(at - nowMs, to, () => this.open && arrive());
  }
}

/** Now and then a message takes a hundred times as long as most. */
function delay(random: Random, typicalMs: number): number {
  const r = random();
  return typicalMs * (r < 0.95 ? r : 1 + 100 * random());
}
