import type { Attempt } from "./attempt.ts";
import type { State } from "./state.ts";

const fromMs = 500;
const toMs = 60_000;

/** Waits of 0.5, 1, 2 ... 60 s. */
function waitMs(tries: number): number {
  return Math.min(toMs, fromMs * 2 ** Math.min(tries, 20));
}

/**
 * Stores what running code has done, however long the storage refuses: the work is paid for, doing it again is not the
 * remedy for a full disk. Gives up only when the attempt no longer counts.
 */
export async function untilStored<T>(state: State, attempt: Attempt, store: () => Promise<T>): Promise<T | undefined> {
  for (let tries = 0; !attempt.ended; tries++) {
    try {
      return await store();
    } catch (e) {
      state.log("error", "a large value could not be stored; it is kept in memory and tried again", {
        task: attempt.publicId,
        tries: tries + 1,
        error: String(e),
      });
      await sleep(state, waitMs(tries));
    }
  }
  return undefined;
}

/** Reads a stored value, a few times: what stays unreadable after 3.5 s is missing. @throws what the last try threw */
export async function untilRead<T>(state: State, read: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await read();
    } catch (e) {
      if (tries === 3) throw e;
      await sleep(state, waitMs(tries));
    }
  }
}

function sleep(state: State, ms: number): Promise<void> {
  return new Promise((resolve) => state.clock.after(ms, resolve));
}
