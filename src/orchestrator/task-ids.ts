import type { Clock } from "../core/clock.ts";
import type { Store } from "../store/contract.ts";

const block = 1_024;
/** Among several orchestrators ids tell the age of tasks only if nobody sits on old ones. */
const freshMs = 1_000;

/** Numbers for new tasks, reserved in the store a block at a time. */
export class TaskIds {
  readonly #store: Store;
  readonly #clock: Clock;
  #ranges: { next: number; end: number; at: number }[] = [];

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Makes sure of `count` numbers: undefined when they are at hand. */
  need(count: number): Promise<void> | undefined {
    if (this.#store.shared && this.#ranges.length > 0) this.#dropStale();
    if (count === 0 || this.#left >= count) return undefined;
    return this.#reserve(count);
  }

  take(): number {
    const range = this.#ranges[0];
    if (!range) throw new Error("no task id was reserved");
    const id = range.next++;
    if (range.next === range.end) this.#ranges.shift();
    return id;
  }

  get #left(): number {
    let n = 0;
    for (const r of this.#ranges) n += r.end - r.next;
    return n;
  }

  async #reserve(count: number): Promise<void> {
    while (this.#left < count) {
      const { first, count: got } = await this.#store.taskIds(Math.max(block, count - this.#left));
      this.#ranges.push({ next: first, end: first + got, at: this.#clock.elapsedMs() });
    }
  }

  #dropStale(): void {
    const since = this.#clock.elapsedMs() - freshMs;
    this.#ranges = this.#ranges.filter((r) => r.at >= since);
  }
}
