// One seed's time and order. Everything that can happen is an event at a virtual instant: a message that arrives, a turn
// of a process's loop, a timer, a commit that ends. The seed draws the instants, so it draws the order; between two events
// every microtask runs, as Node does between two macrotasks. Nothing here looks at the real clock.
import { setImmediate } from "node:timers";
import type { Clock, NextTurn, Timer } from "../../src/core/clock.ts";
import type { Random } from "../../src/core/random.ts";

interface Event {
  readonly atUs: number;
  readonly order: number;
  readonly process: Process | undefined;
  fn: (() => void) | undefined;
}

/** 2026-01-01, the instant at which every world begins. */
export const epochMs = 1_767_225_600_000;

export class Schedule {
  readonly random: Random;
  /** What a clock on the wall shows beside the true time: it jumps. */
  wallOffsetMs = 0;
  /** Whose code runs now. */
  current: Process | undefined;
  events = 0;
  #nowUs = 0;
  #order = 0;
  readonly #heap: Event[] = [];

  constructor(random: Random) {
    this.random = random;
  }

  get nowMs(): number {
    return this.#nowUs / 1_000;
  }

  /** `process`: whose event it is; it does not happen when that one is dead, and waits while it is frozen. */
  after(ms: number, process: Process | undefined, fn: () => void): Timer {
    return this.#push(this.#nowUs + Math.max(0, Math.round(ms * 1_000)), process, fn);
  }

  /** Before anything else that is due now. */
  atOnce(process: Process, fn: () => void): void {
    this.#push(this.#nowUs - 1, process, fn);
  }

  #push(atUs: number, process: Process | undefined, fn: () => void): Timer {
    const event: Event = { atUs, order: this.#order++, process, fn };
    this.#up(event);
    return { cancel: () => void (event.fn = undefined) };
  }

  /** A uniform draw below `n`. */
  below(n: number): number {
    return Math.floor(this.random() * n);
  }
  chance(p: number): boolean {
    return this.random() < p;
  }
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  /** Runs events until `done` says so or there are none. */
  async run(done: () => boolean): Promise<void> {
    while (!done()) {
      const event = this.#pop();
      if (!event) return;
      if (!event.fn || event.process?.dead) continue;
      this.#nowUs = Math.max(this.#nowUs, event.atUs);
      if (event.process?.frozen) {
        event.process.held.push(event.fn);
        continue;
      }
      this.events++;
      this.current = event.process;
      const { fn } = event;
      if (event.process?.takes(fn)) await event.process.pass();
      else {
        fn();
        await drained();
      }
      this.current = undefined;
    }
  }

  #up(event: Event): void {
    const heap = this.#heap;
    let i = heap.length;
    heap.push(event);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!before(event, heap[parent] as Event)) break;
      heap[i] = heap[parent] as Event;
      i = parent;
    }
    heap[i] = event;
  }

  #pop(): Event | undefined {
    const heap = this.#heap;
    const [top] = heap;
    const last = heap.pop();
    if (!top || !last || heap.length === 0) return top;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1] as Event, heap[child] as Event)) child++;
      if (!before(heap[child] as Event, last)) break;
      heap[i] = heap[child] as Event;
      i = child;
    }
    heap[i] = last;
    return top;
  }
}

function before(a: Event, b: Event): boolean {
  return a.atUs !== b.atUs ? a.atUs < b.atUs : a.order < b.order;
}

/** Every microtask that is queued, and those that they queue, has run. */
function drained(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** An operating system's process: its turns, its timers and what is sent to it stop when it is frozen and end with it. */
export class Process {
  readonly name: string;
  dead = false;
  frozen = false;
  /** By how much its clock on the wall differs from the others'. */
  skewMs = 0;
  /** What came while it was frozen, in order. */
  held: (() => void)[] = [];
  readonly clock: Clock;
  readonly nextTurn: NextTurn;
  readonly #schedule: Schedule;
  #turns: (() => void)[] = [];
  readonly #pass = (): void => {};

  constructor(name: string, schedule: Schedule) {
    this.name = name;
    this.#schedule = schedule;
    this.clock = {
      now: () => Math.floor(epochMs + schedule.nowMs + schedule.wallOffsetMs + this.skewMs),
      elapsedMs: () => schedule.nowMs,
      after: (ms, fn) => schedule.after(ms, this, fn),
    };
    this.nextTurn = (fn) => {
      if (this.#turns.push(fn) === 1) this.#schedule.after(this.#lagMs(), this, this.#pass);
    };
  }

  /** A loop that is idle comes at once; now and then another process has the core. */
  #lagMs(): number {
    const r = this.#schedule.random();
    return r < 0.7 ? r * 0.02 : r < 0.97 ? r : r * 30;
  }

  takes(fn: () => void): boolean {
    return fn === this.#pass;
  }

  /** One pass of the loop: what was handed over before it, in order, and nothing between (Node's immediates). */
  async pass(): Promise<void> {
    const turns = this.#turns;
    this.#turns = [];
    for (const [i, turn] of turns.entries()) {
      if (this.dead) return;
      if (this.frozen) {
        this.#turns = [...turns.slice(i), ...this.#turns];
        this.held.unshift(this.#pass);
        return;
      }
      turn();
      await drained();
    }
  }

  /** An event of this process, soon. */
  soon(fn: () => void): void {
    this.#schedule.after(this.#lagMs(), this, fn);
  }

  /** In its own virtual time. Ends early by the signal. */
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason as Error);
      const stop = (): void => {
        timer.cancel();
        reject(signal?.reason as Error);
      };
      const timer = this.#schedule.after(ms, this, () => {
        signal?.removeEventListener("abort", stop);
        resolve();
      });
      signal?.addEventListener("abort", stop, { once: true });
    });
  }

  freeze(): void {
    this.frozen = true;
  }
  /** Goes on with all that came meanwhile, in order. */
  thaw(): void {
    if (!this.frozen) return;
    this.frozen = false;
    for (const fn of this.held.splice(0)) this.#schedule.atOnce(this, fn);
  }
  kill(): void {
    this.dead = true;
    this.held = [];
    this.#turns = [];
  }
}
