import type { Clock } from "../../core/clock.ts";

/**
 * The wall clock of a store that several orchestrators share: instants that one writes are due for all of them at once,
 * however far their machines' clocks are apart.
 */
export class StoreClock implements Clock {
  readonly #own: Clock;
  #aheadMs = 0;

  constructor(own: Clock) {
    this.#own = own;
  }

  now(): number {
    return Math.round(this.#own.now() + this.#aheadMs);
  }
  elapsedMs(): number {
    return this.#own.elapsedMs();
  }
  after(ms: number, fn: () => void): ReturnType<Clock["after"]> {
    return this.#own.after(ms, fn);
  }

  /** The store said `now` at some instant within the last `tripMs`: half of it is the best guess. */
  told(now: number, tripMs: number): void {
    this.#aheadMs = now + tripMs / 2 - this.#own.now();
  }
}
