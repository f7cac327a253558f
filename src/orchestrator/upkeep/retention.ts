// Deletes runs that have had their time, in slices beside the batches.
import type { Timer } from "../../core/clock.ts";
import type { PruneSlice } from "../../store/upkeep.ts";
import type { State } from "../state.ts";

/** How long what is kept; null: for ever. */
export interface RetentionSettings {
  readonly succeededMs: number | null;
  /** Failed, canceled, quarantined and stopped. */
  readonly failedMs: number | null;
  /** An idempotency key lives so long after its run's start at least. 0: as long as its run. */
  readonly idempotencyForMs: number;
}

const everyMs = 60_000;
/** Rows of one transaction: 500 are about 4 ms of the writer. */
export const sliceRows = 500;
/** Between two slices: a commit waits for one of them at most, and a fifth of the writer's time is all they take. */
export const restMs = 20;
/** Roots that are looked at without finding anything before it waits for the next minute; the cursor keeps the place. */
const looksMax = 32_000;

export class Retention {
  readonly #state: State;
  readonly #settings: RetentionSettings;
  #timer: Timer | undefined;
  #slice: Promise<unknown> | undefined;
  #stopped = false;
  #looks = 0;
  #runs = 0;
  #tasks = 0;

  constructor(state: State, settings: RetentionSettings) {
    this.#state = state;
    this.#settings = settings;
  }

  start(): void {
    this.#after(everyMs);
  }

  /** Resolves when nothing of it touches the store any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#slice;
  }

  /** One slice, and the files that nobody uses after it. */
  async tick(): Promise<PruneSlice> {
    const { state } = this;
    const now = state.clock.now();
    const before = (ms: number | null) => (ms === null ? null : now - ms);
    const slice = await state.store.upkeep.prune({
      boot: state.boot,
      now,
      succeededBefore: before(this.#settings.succeededMs),
      failedBefore: before(this.#settings.failedMs),
      idempotencyForMs: this.#settings.idempotencyForMs,
      slice: sliceRows,
    });
    await state.artifacts.sweep(state.store, slice.unused);
    return slice;
  }

  get state(): State {
    return this.#state;
  }

  #after(ms: number): void {
    if (this.#stopped) return;
    this.#timer = this.#state.clock.after(ms, () => {
      this.#slice = this.#step();
    });
  }

  async #step(): Promise<void> {
    try {
      const slice = await this.tick();
      this.#runs += slice.runs;
      this.#tasks += slice.tasks;
      this.#looks = slice.tasks > 0 ? 0 : this.#looks + slice.looked;
      if (slice.more && this.#looks < looksMax) return this.#after(restMs);
    } catch (e) {
      this.#state.log("warn", "old runs could not be deleted; it is tried again in a minute", { error: String(e) });
    }
    if (this.#runs > 0)
      this.#state.log("info", "deleted runs that have had their time", { runs: this.#runs, tasks: this.#tasks });
    this.#looks = 0;
    this.#runs = 0;
    this.#tasks = 0;
    this.#after(everyMs);
  }
}
