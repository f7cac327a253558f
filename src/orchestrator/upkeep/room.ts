// A store without room: what to tell whoever comes, and when it is over.
import { formatMs } from "../../core/duration.ts";
import type { State } from "../state.ts";

/** Between two looks. */
const probeMs = 1_000;

export class Room {
  readonly #state: State;
  readonly #resume: () => void;
  /** What the store threw when it ran out; undefined while it has room. */
  error: Error | undefined;
  #stopped = false;

  constructor(state: State, resume: () => void) {
    this.#state = state;
    this.#resume = resume;
  }

  ranOut(error: Error): void {
    if (this.error) return;
    this.error = error;
    this.#state.storeFullAt = this.#state.clock.now();
    this.#state.log("error", "the store is full: nothing is started or claimed, running work is kept until there is room", {
      error: String(error),
    });
    this.#lookLater();
  }

  stop(): void {
    this.#stopped = true;
  }

  #lookLater(): void {
    this.#state.clock.after(probeMs, () => void this.#look());
  }

  async #look(): Promise<void> {
    const state = this.#state;
    if (this.#stopped) return;
    try {
      await state.store.upkeep.probe({ boot: state.boot });
    } catch {
      this.#lookLater();
      return;
    }
    const forMs = state.clock.now() - (state.storeFullAt ?? state.clock.now());
    this.error = undefined;
    state.storeFullAt = null;
    state.log("info", "the store has room again, and the fleet goes on", { after: formatMs(forMs) });
    this.#resume();
  }
}
