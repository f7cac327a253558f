import type { Attempt, StoredAct } from "./attempt.ts";
import type { PendingActs, PendingCancel, PendingEnd, PendingStart } from "./batch.ts";

// 512 operations: beyond it the fsync is paid already (0.2 ms over 512 is 0.4 us each) and the loop must breathe.
export const batchMax = 512;

/** What one batch is made of. */
export interface Taken {
  readonly ends: readonly PendingEnd[];
  /** Runs of acts: `from` to `to` of a message. */
  readonly acts: readonly { readonly item: PendingActs; readonly from: number; readonly to: number }[];
  readonly starts: readonly PendingStart[];
  readonly cancels: readonly PendingCancel[];
}

/** What has been asked for and is not in the store yet. */
export class Queue {
  #starts: PendingStart[] = [];
  #acts: PendingActs[] = [];
  #ends: PendingEnd[] = [];
  #cancels: PendingCancel[] = [];

  start(pending: PendingStart): void {
    this.#starts.push(pending);
  }
  acts(attempt: Attempt, acts: readonly StoredAct[]): void {
    this.#acts.push({ attempt, acts, at: 0 });
  }
  end(pending: PendingEnd): void {
    this.#ends.push(pending);
  }
  cancel(pending: PendingCancel): void {
    this.#cancels.push(pending);
  }

  get isEmpty(): boolean {
    return this.#starts.length + this.#cancels.length === 0 && !this.holdsWork;
  }
  /** Acts or ends of running code are waiting. */
  get holdsWork(): boolean {
    return this.#acts.length + this.#ends.length > 0;
  }

  /** Up to 512 operations, the ones that free slots first. */
  take(): Taken {
    const ends = this.#takeEnds(batchMax);
    let room = batchMax - ends.length;
    const acts: Taken["acts"][number][] = [];
    while (room > 0 && this.#acts.length > 0) {
      const taken = this.#takeActs(room);
      acts.push(taken);
      room -= taken.to - taken.from;
    }
    const late = this.#holdBack(ends);
    return { ends: late, acts, starts: this.#starts.splice(0, Math.max(room, 1)), cancels: this.#cancels.splice(0) };
  }

  /** One part alone, so that it shows whether the store refuses this one. */
  takeOne(): Taken {
    const none: Taken = { ends: [], acts: [], starts: [], cancels: [] };
    if (this.#acts.length > 0) return { ...none, acts: [this.#takeActs(Number.POSITIVE_INFINITY)] };
    if (this.#ends.length > 0) return { ...none, ends: this.#takeEnds(1) };
    if (this.#cancels.length > 0) return { ...none, cancels: this.#cancels.splice(0, 1) };
    return { ...none, starts: this.#starts.splice(0, 1) };
  }

  /** The store took nothing of it: what running code did goes back to the front, in its order. */
  putBack(taken: Taken): void {
    this.#ends.unshift(...taken.ends);
    for (const { item, from } of taken.acts.toReversed()) {
      item.at = Math.min(item.at, from);
      if (!this.#acts.includes(item)) this.#acts.unshift(item);
    }
  }

  drop(): readonly PendingStart[] {
    return this.#starts.splice(0);
  }

  #takeEnds(most: number): PendingEnd[] {
    return this.#ends.splice(0, most);
  }
  #takeActs(room: number): Taken["acts"][number] {
    const item = this.#acts[0] as PendingActs;
    const from = item.at;
    const to = Math.min(item.acts.length, from + room);
    item.at = to;
    if (to === item.acts.length) this.#acts.shift();
    return { item, from, to };
  }

  /** An attempt's end is its last act: it waits while acts of the same attempt are still queued. */
  #holdBack(ends: readonly PendingEnd[]): readonly PendingEnd[] {
    if (this.#acts.length === 0 || ends.length === 0) return ends;
    const asking = new Set(this.#acts.map((a) => a.attempt));
    const early = ends.filter((e) => asking.has(e.attempt));
    if (early.length === 0) return ends;
    this.#ends.unshift(...early);
    return ends.filter((e) => !asking.has(e.attempt));
  }
}
