// A worker's slots. Code that runs holds one; a workflow that awaits its children holds none, so one slot carries any
// depth. Resumes go before new work: finishing what is open frees more than it takes.
import type { Clock, NextTurn } from "../core/clock.ts";

export interface Runnable {
  /** Runs with a slot. Never throws. */
  go(): void;
  /** It was canceled while it waited for a slot. */
  readonly closed: boolean;
}

/** Longest that one pass may start synchronous work before the loop gets its turn: I/O and pings stay alive. */
const passMs = 5;

export class Slots {
  #free: number;
  readonly #resumes = new Fifo<Runnable>();
  readonly #fresh = new Fifo<Runnable>();
  #scheduled = false;
  readonly #clock: Clock;
  readonly #nextTurn: NextTurn;

  constructor(slots: number, clock: Clock, nextTurn: NextTurn) {
    this.#free = slots;
    this.#clock = clock;
    this.#nextTurn = nextTurn;
  }

  get free(): number {
    return this.#free;
  }

  start(r: Runnable): void {
    this.#fresh.push(r);
    this.#schedule();
  }

  resume(r: Runnable): void {
    this.#resumes.push(r);
    this.#schedule();
  }

  release(): void {
    this.#free++;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || this.#free === 0 || (this.#resumes.empty && this.#fresh.empty)) return;
    this.#scheduled = true;
    this.#nextTurn(this.#pass);
  }

  readonly #pass = (): void => {
    const until = this.#clock.elapsedMs() + passMs;
    while (this.#free > 0) {
      const next = this.#resumes.shift() ?? this.#fresh.shift();
      if (!next) break;
      if (next.closed) continue;
      this.#free--;
      next.go();
      if (this.#clock.elapsedMs() > until) break;
    }
    this.#scheduled = false;
    this.#schedule();
  };
}

/** Array.shift moves every element from 50,000 on; a head index does not. */
class Fifo<T> {
  #items: T[] = [];
  #head = 0;

  get empty(): boolean {
    return this.#head === this.#items.length;
  }
  push(item: T): void {
    this.#items.push(item);
  }
  shift(): T | undefined {
    if (this.empty) return undefined;
    const item = this.#items[this.#head] as T;
    this.#items[this.#head++] = undefined as T;
    if (this.empty) {
      this.#items = [];
      this.#head = 0;
    }
    return item;
  }
}
