import type { Context } from "../context.ts";

/** The first stop signal asks to drain, the second to stop at once. */
export interface Stops {
  readonly drain: AbortSignal;
  readonly now: AbortSignal;
  /** Resolves with the first signal. */
  readonly asked: Promise<void>;
  end(): void;
}

export function listenForStops(c: Context): Stops {
  const drain = new AbortController();
  const now = new AbortController();
  const asked = Promise.withResolvers<void>();
  // After the second one the process has its usual way with signals again: a third ends it in any case.
  const end = c.io.onStopSignal(() => {
    if (drain.signal.aborted) {
      now.abort();
      return end();
    }
    drain.abort();
    asked.resolve();
  });
  return { drain: drain.signal, now: now.signal, asked: asked.promise, end };
}
