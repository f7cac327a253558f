import type { Context } from "./context.ts";

/** Ends after `ms` or with `signal`, whichever is first. */
export async function pause(c: Context, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const over = new AbortController();
  const timer = c.io.clock.after(ms, resolve);
  signal.addEventListener("abort", () => resolve(), { once: true, signal: over.signal });
  await promise;
  timer.cancel();
  over.abort();
}
