import type { ErrorJson } from "../core/error.ts";
import type { OutcomeReply } from "../protocol/views.ts";
import type { OutcomeRow, Settlement } from "../store/contract.ts";
import type { ArtifactStore } from "../store/artifacts.ts";

interface End {
  readonly status: OutcomeReply["status"];
  readonly value: string | null;
  readonly ref: string | null;
  readonly error: ErrorJson | null;
}

/** Who waits for the end of which run. */
export class Outcomes {
  readonly #artifacts: ArtifactStore;
  readonly #waiters = new Map<number, ((end: End) => void)[]>();

  constructor(artifacts: ArtifactStore) {
    this.#artifacts = artifacts;
  }

  /** Resolves at the run's end; never, when `signal` aborts first. */
  wait(run: number, signal?: AbortSignal): Promise<OutcomeReply> {
    return new Promise((resolve, reject) => {
      const waiter = (end: End) => {
        signal?.removeEventListener("abort", abort);
        this.reply(end).then(resolve, reject);
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

  /** Whoever waits learns it from what the store already has. */
  found(run: number, row: OutcomeRow): void {
    this.#end(run, row);
  }
  settled(run: number, s: Settlement): void {
    this.#end(run, s);
  }
  closed(run: number, error: ErrorJson): void {
    this.#end(run, { status: "canceled", value: null, ref: null, error });
  }

  async reply(end: End): Promise<OutcomeReply> {
    return { status: end.status, value: end.ref === null ? end.value : await this.#artifacts.get(end.ref), error: end.error };
  }

  #end(run: number, end: End): void {
    const list = this.#waiters.get(run);
    if (!list) return;
    this.#waiters.delete(run);
    for (const waiter of list) waiter(end);
  }
}
