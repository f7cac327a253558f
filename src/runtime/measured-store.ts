import type { Clock } from "../core/clock.ts";
import type { CommitTimes } from "../server/metrics.ts";
import type { Store } from "../store/contract.ts";

/** Seconds: from a commit on a fast disk to one that waits for a database in trouble. */
const bounds = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5] as const;

/** The store, with the time that its commits take on the side: two readings of a clock for each batch. */
export function measuredStore(store: Store, clock: Clock): { readonly store: Store; readonly commits: () => CommitTimes } {
  const counts = Array.from({ length: bounds.length + 1 }, () => 0);
  let sumS = 0;
  let failed = 0;
  const note = (from: number): void => {
    const s = (clock.elapsedMs() - from) / 1_000;
    const place = bounds.findIndex((bound) => s <= bound);
    const at = place < 0 ? bounds.length : place;
    counts[at] = (counts[at] ?? 0) + 1;
    sumS += s;
  };
  return {
    store: {
      ...store,
      commit(batch) {
        const from = clock.elapsedMs();
        try {
          const result = store.commit(batch);
          if (!(result instanceof Promise)) {
            note(from);
            return result;
          }
          return result.then(
            (stored) => {
              note(from);
              return stored;
            },
            (error: unknown) => {
              failed += 1;
              throw error;
            },
          );
        } catch (error) {
          failed += 1;
          throw error;
        }
      },
    },
    commits: () => ({ bounds, counts: [...counts], sumS, failed }),
  };
}
