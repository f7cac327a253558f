import type { Clock } from "../../core/clock.ts";
import { encodeHints } from "./hints.ts";

/** What a commit has changed for others. */
export interface Notes {
  readonly lanes?: Iterable<number>;
  readonly boots?: Iterable<number>;
  readonly runs?: Iterable<number>;
  readonly catalogue?: boolean;
}

/** A connection on which each NOTIFY is a transaction of its own. */
export interface NotifyLine {
  send(payload: string): Promise<void>;
  close(): Promise<void>;
}

/**
 * Between two sends. NOTIFY inside the writing transaction takes a lock on the whole database at COMMIT (4,534 commits a
 * second become 2,517); on a connection of its own, coalesced, it costs nothing and wakes in 1 ms.
 */
const spacingMs = 10;
const backoffMsMin = 100;
const backoffMsMax = 5_000;

/**
 * Tells other lives what they may want to look at: at once, then at most every 10 ms, all that has come meanwhile in one.
 * It never fails a commit: what cannot be said is dropped, and said as "look at everything" when the connection is back.
 */
export class Notifier {
  readonly #open: () => Promise<NotifyLine>;
  readonly #from: string;
  readonly #clock: Clock;
  #lanes = new Set<number>();
  #boots = new Set<number>();
  #runs = new Set<number>();
  #catalogue = false;
  #missed = false;
  #line: NotifyLine | undefined;
  #sending: Promise<void> | undefined;
  #closed = false;
  /** Ends the pause before the next send. */
  #hurry: (() => void) | undefined;

  /** `from`: who speaks, so that its own listener does not wake it. */
  constructor(o: { readonly open: () => Promise<NotifyLine>; readonly from: string; readonly clock: Clock }) {
    this.#open = o.open;
    this.#from = o.from;
    this.#clock = o.clock;
  }

  note(n: Notes): void {
    if (this.#closed) return;
    for (const id of n.lanes ?? []) this.#lanes.add(id);
    for (const id of n.boots ?? []) this.#boots.add(id);
    for (const id of n.runs ?? []) this.#runs.add(id);
    if (n.catalogue) this.#catalogue = true;
    if (this.#waiting) this.#sending ??= this.#send();
  }

  /** Says what is left, once, and hangs up. */
  async close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      this.#hurry?.();
    }
    await this.#sending;
    const line = this.#line;
    this.#line = undefined;
    await line?.close().catch(() => undefined);
  }

  get #waiting(): boolean {
    return this.#catalogue || this.#missed || this.#lanes.size > 0 || this.#boots.size > 0 || this.#runs.size > 0;
  }

  async #send(): Promise<void> {
    let backoffMs = backoffMsMin;
    while (this.#waiting) {
      const last = this.#closed;
      const began = this.#clock.elapsedMs();
      try {
        this.#line ??= await this.#open();
        for (const payload of this.#take()) await this.#line.send(payload);
        backoffMs = backoffMsMin;
        await this.#pause(began + spacingMs - this.#clock.elapsedMs());
      } catch {
        this.#drop();
        if (last) break;
        await this.#pause(backoffMs);
        backoffMs = Math.min(backoffMs * 2, backoffMsMax);
      }
    }
    this.#sending = undefined;
  }

  #take(): string[] {
    const payloads = encodeHints(this.#from, {
      lanes: [...this.#lanes],
      boots: [...this.#boots],
      runs: [...this.#runs],
      catalogue: this.#catalogue,
      missed: this.#missed,
    });
    this.#clear(false);
    return payloads;
  }

  #drop(): void {
    this.#clear(true);
    const line = this.#line;
    this.#line = undefined;
    void line?.close().catch(() => undefined);
  }

  #clear(missed: boolean): void {
    this.#lanes = new Set();
    this.#boots = new Set();
    this.#runs = new Set();
    this.#catalogue = false;
    this.#missed = missed;
  }

  #pause(ms: number): Promise<void> {
    if (ms <= 0 || this.#closed) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        this.#hurry = undefined;
        timer.cancel();
        resolve();
      };
      const timer = this.#clock.after(ms, done);
      this.#hurry = done;
    });
  }
}
