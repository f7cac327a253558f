import { getHeapStatistics } from "node:v8";
import type { Attempt } from "./attempt.ts";

/** Above this share of the heap's limit the older half of what waits is parked. */
const fullHeap = 0.7;
/** How many become idle between two looks at the heap: a look costs 2 us. */
const lookEvery = 256;

/** Workflows that wait in this worker's memory, the longest first. Memory pressure parks them, never the clock. */
export class IdleAttempts {
  readonly #attempts = new Set<Attempt>();
  #max: number;
  #sinceLook = 0;

  constructor(max: number) {
    this.#max = max;
  }

  add(attempt: Attempt): void {
    this.#attempts.add(attempt);
    if (this.#attempts.size > this.#max) this.#park(this.#attempts.size - this.#max);
    if (++this.#sinceLook < lookEvery) return;
    this.#sinceLook = 0;
    const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics();
    if (used > limit * fullHeap) this.#park(Math.ceil(this.#attempts.size / 2));
  }

  /** Nothing waits here from now on. */
  empty(): void {
    this.#max = 0;
    this.#park(this.#attempts.size);
  }

  delete(attempt: Attempt): void {
    this.#attempts.delete(attempt);
  }

  /** Each leaves the set with its request; one that is about to go on comes back when it is idle again. */
  #park(count: number): void {
    let left = count;
    for (const attempt of this.#attempts) {
      if (left-- <= 0) return;
      this.#attempts.delete(attempt);
      attempt.body?.park();
    }
  }
}
