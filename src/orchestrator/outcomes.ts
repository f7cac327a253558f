import type { ErrorJson } from "../core/error.ts";
import type { OutcomeReply } from "../protocol/views.ts";
import type { Closed, OutcomeRow, Settlement } from "../store/contract.ts";
import type { ArtifactStore } from "../store/artifact-store.ts";

interface End {
  readonly status: OutcomeReply["status"];
  readonly value: string | null;
  readonly ref: string | null;
  readonly error: ErrorJson | null;
  readonly gaps: string | null;
}

interface Waiter {
  end(end: End): void;
  refuse(error: Error): void;
}

/** Who waits for the end of which run. */
export class Outcomes {
  readonly #artifacts: ArtifactStore;
  readonly #waiters = new Map<number, Waiter[]>();

  constructor(artifacts: ArtifactStore) {
    this.#artifacts = artifacts;
  }

  /** Resolves at the run's end; rejects when `signal` aborts or the orchestrator closes first. */
  wait(run: number, signal?: AbortSignal): Promise<OutcomeReply> {
    if (signal?.aborted) return Promise.reject(signal.reason as Error);
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        end: (end) => {
          signal?.removeEventListener("abort", abort);
          this.reply(end).then(resolve, reject);
        },
        refuse: (error) => {
          signal?.removeEventListener("abort", abort);
          reject(error);
        },
      };
      const abort = () => {
        const list = this.#waiters.get(run);
        const at = list?.indexOf(waiter) ?? -1;
        if (at >= 0) list?.splice(at, 1);
        if (list?.length === 0) this.#waiters.delete(run);
        reject(signal?.reason as Error);
      };
      const list = this.#waiters.get(run);
      if (list) list.push(waiter);
      else this.#waiters.set(run, [waiter]);
      signal?.addEventListener("abort", abort, { once: true });
    });
  }

  /** Runs whose end somebody waits for. */
  get awaited(): Iterable<number> {
    return this.#waiters.keys();
  }

  /** Asks the store for an end that was written by somebody else. One that does not answer is asked again by the next look. */
  lookUp(run: number, read: () => OutcomeRow | null | Promise<OutcomeRow | null>): void {
    if (!this.#waiters.has(run)) return;
    (async () => {
      const row = await read();
      if (row) this.#end(run, row);
    })().catch(() => {});
  }

  /** Whoever waits learns it from what the store already has. */
  found(run: number, row: OutcomeRow): void {
    this.#end(run, row);
  }
  settled(run: number, s: Settlement): void {
    this.#end(run, s);
  }
  closed(run: number, status: Closed["status"], error: ErrorJson): void {
    this.#end(run, { status, value: null, ref: null, error, gaps: null });
  }

  /** Nobody will tell them any more. */
  close(error: Error): void {
    const waiters = [...this.#waiters.values()].flat();
    this.#waiters.clear();
    for (const waiter of waiters) waiter.refuse(error);
  }

  async reply(end: End): Promise<OutcomeReply> {
    const value = end.ref === null ? end.value : await this.#artifacts.get(end.ref);
    return { status: end.status, value, error: end.error, ...(end.gaps === null ? {} : { gaps: end.gaps }) };
  }

  #end(run: number, end: End): void {
    const list = this.#waiters.get(run);
    if (!list) return;
    this.#waiters.delete(run);
    for (const waiter of list) waiter.end(end);
  }
}
