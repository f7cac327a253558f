// `ctx.artifact.put` names an artifact before any result does: its use is noted in the store before the code gets its
// reference. Puts of one turn share a commit.
import type { Clock } from "../../core/clock.ts";
import { isFlotillaError } from "../../core/error.ts";
import type { Store } from "../../store/contract.ts";
import type { ArtifactUse } from "../../store/upkeep.ts";

/** How long a store that refused is left alone. */
const retryMs = 1_000;

export class PutUses {
  readonly #store: Store;
  readonly #life: { readonly boot: number };
  readonly #clock: Clock;
  #waiting: { readonly use: ArtifactUse; readonly resolve: () => void; readonly reject: (e: unknown) => void }[] = [];

  constructor(store: Store, life: { readonly boot: number }, clock: Clock) {
    this.#store = store;
    this.#life = life;
    this.#clock = clock;
  }

  /** Resolves when it is stored, also past a full disk: the code that put it keeps its attempt. */
  note(use: ArtifactUse): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ use, resolve, reject });
      if (this.#waiting.length === 1) setImmediate(() => void this.#flush());
    });
  }

  async #flush(): Promise<void> {
    const taken = this.#waiting;
    this.#waiting = [];
    try {
      await this.#store.upkeep.use({ boot: this.#life.boot, uses: taken.map((w) => w.use) });
      for (const { resolve } of taken) resolve();
    } catch (e) {
      if (!isFlotillaError(e) || !e.retryable) {
        for (const { reject } of taken) reject(e);
        return;
      }
      const flushing = this.#waiting.length > 0;
      this.#waiting.unshift(...taken);
      if (!flushing) this.#clock.after(retryMs, () => void this.#flush());
    }
  }
}
