import type { Clock } from "../../core/clock.ts";
import type { Gate, Knock } from "./gate.ts";

/** How often it is asked whether who holds a stream open may still do so, in ms. */
const streamLookMs = 15_000;

export interface Watching {
  readonly gate: Gate;
  readonly knock: Knock;
  readonly clock: Clock;
  readonly hangUp: () => void;
}

/** The same for connections that have left HTTP, of which there may be ten thousand. */
export const connectionLookMs = 60_000;

/** Calls `hangUp` once the token counts no more that something was opened with. Until `stop`. */
export function watch({ gate, knock, clock, hangUp }: Watching, everyMs: number): { stop(): void } {
  let over = false;
  let timer = { cancel() {} };
  const look = (): void => {
    timer = clock.after(everyMs, () => {
      void gate.counts(knock).then((counts) => {
        if (over) return;
        if (counts) look();
        else hangUp();
      });
    });
  };
  look();
  return {
    stop() {
      over = true;
      timer.cancel();
    },
  };
}

/** A stream as long as the token counts that opened it: one that is revoked or expires breaks it off, and opens no other. */
export async function* watched<T>(source: AsyncIterable<T>, watching: Watching): AsyncGenerator<T> {
  const watcher = watch(watching, streamLookMs);
  try {
    yield* source;
  } finally {
    watcher.stop();
  }
}
