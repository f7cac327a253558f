// Removing a file that nobody uses, while somebody may be about to use it again: the same content is the same file.
import type { Clock } from "../../core/clock.ts";
import type { LogSink } from "../../core/log.ts";
import type { ArtifactStore } from "../../store/artifact-store.ts";
import type { Store } from "../../store/contract.ts";

/** What was put may lack its row for so long: the row comes with the commit of what refers to it. */
const graceMs = 600_000;

/** The artifact store as the orchestrator uses it: nothing is removed that was put a moment ago, or while a copy is made. */
export class ArtifactKeeper implements ArtifactStore {
  readonly #artifacts: ArtifactStore;
  readonly #clock: Clock;
  readonly #log: LogSink;
  /** When each was last put. */
  readonly #put = new Map<string, number>();
  /** One is on its way out. */
  #removing: Promise<void> | undefined;
  /** Without use, and not removed yet. */
  readonly #unused = new Set<string>();
  /** Under way. */
  #puts = 0;
  #copies = 0;

  constructor(artifacts: ArtifactStore, clock: Clock, log: LogSink) {
    this.#artifacts = artifacts;
    this.#clock = clock;
    this.#log = log;
  }

  async put(text: string): Promise<{ readonly hash: string; readonly bytes: number }> {
    // A file that would be found there may be on its way out.
    while (this.#removing !== undefined) await this.#removing;
    this.#puts += 1;
    try {
      const stored = await this.#artifacts.put(text);
      this.#put.set(stored.hash, this.#clock.elapsedMs());
      return stored;
    } finally {
      this.#puts -= 1;
    }
  }
  get(hash: string): Promise<string> {
    return this.#artifacts.get(hash);
  }
  copy(hash: string, folder: string): Promise<number> {
    return this.#artifacts.copy(hash, folder);
  }

  /** Removes nothing while `work` runs: what a copy of the tables refers to must still be there when it is copied. */
  async holding<T>(work: () => Promise<T>): Promise<T> {
    this.#copies += 1;
    try {
      return await work();
    } finally {
      this.#copies -= 1;
    }
  }

  /** Removes the files of `hashes`, and of earlier ones that had to wait, unless somebody uses them by now. */
  async sweep(store: Store, hashes: readonly string[]): Promise<void> {
    for (const hash of hashes) this.#unused.add(hash);
    if (this.#unused.size === 0 || this.#copies > 0) return;
    const now = this.#clock.elapsedMs();
    for (const [hash, at] of this.#put) if (now - at >= graceMs) this.#put.delete(hash);
    for (const hash of this.#unused) {
      // One at a time: while those before it were removed, a run may have begun to use it.
      const [unused] = await store.upkeep.unused([hash]);
      if (unused === undefined) this.#unused.delete(hash);
      else if (!this.#put.has(hash) && this.#puts === 0 && this.#copies === 0) {
        this.#unused.delete(hash);
        await this.remove(hash);
      }
    }
  }

  /** At once. Alone in that: puts wait for it. */
  remove(hash: string): Promise<void> {
    this.#removing = this.#artifacts
      .remove(hash)
      .catch((e: unknown) => {
        this.#log("warn", "the file of an unused artifact could not be removed; flotilla db check --fix removes it", {
          artifact: hash,
          error: String(e),
        });
      })
      .finally(() => (this.#removing = undefined));
    return this.#removing;
  }
}
