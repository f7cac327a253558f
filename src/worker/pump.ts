// One pump per workflow attempt, live and on a re-run alike: it alone resumes the workflow's code. Seq 1, 2, 3 ...,
// one visible delivery per macrotask, each as two adjacent immediates:
//
//   [deliver]  opens the window, hands the next seq over; between the two Node drains every microtask
//   [close]    closes the window: whatever the code asks from here on, it awaited something that is not ours
//
// Both are queued in one go, so they stay neighbours in one pass of the loop and no I/O can run between them.
// A delivery that no code can see yet (an item of a map that is awaited as a whole) does not end the turn: a map of
// 10,000 takes a few turns, not 10,000.
//
// What the window cannot see: a foreign promise that was resolved before the delivery, so that awaiting it costs
// microtasks only. Its value is still not recorded; a re-run that finds it unresolved is refused.
import type { NextTurn } from "../core/clock.ts";
import type { Delivery } from "../protocol/worker.ts";

/** Deliveries that no code sees, in one turn: about 2 ms of parsing, then the loop has its turn. */
const silentMax = 1_000;

export interface PumpHooks {
  /** Calls the workflow's code: turn 0. */
  begin(): void;
  /** May the next one be handed over? False ends the turn: it was not asked, or its value is not loaded yet. */
  expect(d: Delivery): boolean;
  /** Hands one delivery over. @returns whether code may run because of it. */
  hand(d: Delivery): boolean;
  /** The turn has drained. */
  drained(): void;
}

export class Pump {
  /** The last seq handed over. */
  delivered: number;
  /** The highest instant delivered: what `ctx.now()` gives. */
  now: number;
  /** Whether an ask may come now. */
  open = false;
  stopped = false;
  #begun = false;
  /** Deliveries from `delivered + 1` on; `#head` is the first not handed over. */
  #inbox: Delivery[] = [];
  #head = 0;
  /** Came before one with a smaller seq; rare. */
  #early: Map<number, Delivery> | undefined;
  #received: number;
  readonly #hooks: PumpHooks;
  readonly #nextTurn: NextTurn;

  /** `baseSeq`: the delivery before the first one. */
  constructor(startedAt: number, nextTurn: NextTurn, hooks: PumpHooks, baseSeq = 0) {
    this.now = startedAt;
    this.#nextTurn = nextTurn;
    this.#hooks = hooks;
    this.delivered = baseSeq;
    this.#received = baseSeq;
  }

  /** The highest seq that has come without a gap. */
  get received(): number {
    return this.#received;
  }
  get hasNext(): boolean {
    return this.#head < this.#inbox.length;
  }

  peek(): Delivery | undefined {
    return this.#inbox[this.#head];
  }

  /** Takes what has settled, in any order and more than once. @returns whether something can be delivered. */
  offer(deliveries: readonly Delivery[]): boolean {
    for (const d of deliveries) {
      if (d.seq <= this.#received) continue;
      if (d.seq !== this.#received + 1) {
        (this.#early ??= new Map()).set(d.seq, d);
        continue;
      }
      this.#take(d);
      this.#takeEarly();
    }
    return this.hasNext;
  }

  #takeEarly(): void {
    for (let next = this.#early?.get(this.#received + 1); next; next = this.#early?.get(this.#received + 1)) {
      this.#early?.delete(next.seq);
      this.#take(next);
    }
  }

  #take(d: Delivery): void {
    this.#received = d.seq;
    this.#inbox.push(d);
  }

  /** One turn, in a macrotask of its own. */
  turn(): void {
    this.#nextTurn(() => this.#deliver());
    this.#nextTurn(() => this.#close());
  }

  #deliver(): void {
    if (this.stopped) return;
    this.open = true;
    if (!this.#begun) {
      this.#begun = true;
      this.#hooks.begin();
      return;
    }
    const until = this.#head + silentMax;
    while (!this.stopped && this.#head < this.#inbox.length && this.#head < until) {
      const d = this.#inbox[this.#head] as Delivery;
      if (!this.#hooks.expect(d)) return;
      this.#head++;
      this.delivered = d.seq;
      if (d.at > this.now) this.now = d.at;
      if (this.#hooks.hand(d)) return;
    }
  }

  #close(): void {
    this.open = false;
    if (this.#head > 64 && this.#head * 2 > this.#inbox.length) {
      this.#inbox = this.#inbox.slice(this.#head);
      this.#head = 0;
    }
    if (!this.stopped) this.#hooks.drained();
  }
}
