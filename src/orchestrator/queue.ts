import type { Requeue } from "../store/contract.ts";
import type { Attempt, StoredAct } from "./attempt.ts";
import type { PendingActs, PendingAnswer, PendingCancel, PendingEnd, PendingMessage, PendingStart } from "./batch.ts";

// 512 operations: beyond it the fsync is paid already (0.2 ms over 512 is 0.4 us each) and the loop must breathe.
export const batchMax = 512;

/** What one batch is made of. */
export interface Taken {
  readonly ends: readonly PendingEnd[];
  /** Runs of acts: `from` to `to` of a message. */
  readonly acts: readonly { readonly item: PendingActs; readonly from: number; readonly to: number }[];
  readonly starts: readonly PendingStart[];
  readonly cancels: readonly PendingCancel[];
  readonly messages: readonly PendingMessage[];
  readonly answers: readonly PendingAnswer[];
  /** Parked tasks that must come back. */
  readonly wakes: readonly number[];
  /** Ends of attempts that no worker here has: an ended life has left them. */
  readonly left: readonly Requeue[];
}

/** What has been asked for and is not in the store yet. */
export class Queue {
  #starts: PendingStart[] = [];
  #acts: PendingActs[] = [];
  #ends: PendingEnd[] = [];
  #cancels: PendingCancel[] = [];
  #messages: PendingMessage[] = [];
  #answers: PendingAnswer[] = [];
  #wakes: number[] = [];
  #left: Requeue[] = [];

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

  message(pending: PendingMessage): void {
    this.#messages.push(pending);
  }
  answer(pending: PendingAnswer): void {
    this.#answers.push(pending);
  }
  wake(task: number): void {
    this.#wakes.push(task);
  }

  left(requeues: readonly Requeue[]): void {
    this.#left.push(...requeues);
  }

  get isEmpty(): boolean {
    const asked = this.#starts.length + this.#cancels.length + this.#messages.length + this.#answers.length;
    return asked + this.#wakes.length + this.#left.length === 0 && !this.holdsWork;
  }
  /** Acts or ends of running code are waiting. */
  get holdsWork(): boolean {
    return this.#acts.length + this.#ends.length > 0;
  }

  /** Up to 512 operations: a share for what running code asks, then the ones that free slots, then new runs. */
  take(): Taken {
    const acts: Taken["acts"][number][] = [];
    // Ends wait for acts of the same attempt, so acts come first; a wide fan-out leaves half a batch for the others' ends.
    let room = batchMax - Math.min(this.#ends.length, batchMax / 2);
    while (room > 0 && this.#acts.length > 0) {
      const taken = this.#takeActs(room);
      acts.push(taken);
      room -= taken.to - taken.from;
    }
    const asked = acts.reduce((n, a) => n + a.to - a.from, 0);
    const ends = this.#takeEnds(batchMax - asked);
    const starts = this.#starts.splice(0, Math.max(batchMax - asked - ends.length, 1));
    return {
      ends,
      acts,
      starts,
      cancels: this.#cancels.splice(0),
      messages: this.#messages.splice(0, batchMax),
      answers: this.#answers.splice(0, batchMax),
      wakes: this.#wakes.splice(0, batchMax),
      left: this.#left.splice(0, batchMax),
    };
  }

  /** One part alone, so that it shows whether the store refuses this one. */
  takeOne(): Taken {
    const none: Taken = { ends: [], acts: [], starts: [], cancels: [], messages: [], answers: [], wakes: [], left: [] };
    if (this.#acts.length > 0) return { ...none, acts: [this.#takeActs(Number.POSITIVE_INFINITY)] };
    const ends = this.#takeEnds(1);
    if (ends.length > 0) return { ...none, ends };
    if (this.#cancels.length > 0) return { ...none, cancels: this.#cancels.splice(0, 1) };
    if (this.#messages.length > 0) return { ...none, messages: this.#messages.splice(0, 1) };
    if (this.#answers.length > 0) return { ...none, answers: this.#answers.splice(0, 1) };
    if (this.#wakes.length > 0) return { ...none, wakes: this.#wakes.splice(0, 1) };
    if (this.#left.length > 0) return { ...none, left: this.#left.splice(0, 1) };
    return { ...none, starts: this.#starts.splice(0, 1) };
  }

  /** The store took nothing of it: what running code did goes back to the front, in its order. */
  putBack(taken: Taken): void {
    this.#ends.unshift(...taken.ends);
    this.#wakes.unshift(...taken.wakes);
    this.#left.unshift(...taken.left);
    for (const { item, from } of taken.acts.toReversed()) {
      item.at = Math.min(item.at, from);
      if (!this.#acts.includes(item)) this.#acts.unshift(item);
    }
  }

  /** Everything, to be refused: what running code did is nobody's any more. */
  empty(): Pick<Taken, "starts" | "cancels" | "messages" | "answers"> {
    this.#acts = [];
    this.#ends = [];
    this.#wakes = [];
    this.#left = [];
    return {
      starts: this.#starts.splice(0),
      cancels: this.#cancels.splice(0),
      messages: this.#messages.splice(0),
      answers: this.#answers.splice(0),
    };
  }

  drop(): readonly PendingStart[] {
    return this.#starts.splice(0);
  }

  /** An attempt's end is its last act: it is passed over while acts of the same attempt are still queued. */
  #takeEnds(most: number): PendingEnd[] {
    if (this.#acts.length === 0) return this.#ends.splice(0, most);
    const asking = new Set(this.#acts.map((a) => a.attempt));
    const taken: PendingEnd[] = [];
    const later: PendingEnd[] = [];
    for (const end of this.#ends) (taken.length < most && !asking.has(end.attempt) ? taken : later).push(end);
    this.#ends = later;
    return taken;
  }
  #takeActs(room: number): Taken["acts"][number] {
    const item = this.#acts[0] as PendingActs;
    const from = item.at;
    const to = Math.min(item.acts.length, from + room);
    item.at = to;
    if (to === item.acts.length) this.#acts.shift();
    return { item, from, to };
  }
}
