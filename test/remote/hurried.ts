import { remoteDeps, type RemoteDeps } from "../../src/client/remote/deps.ts";

/**
 * Time for a client whose pauses should cost a test nothing: what is shorter than a reply may take passes at once, on a
 * clock of its own. Timers that guard against silence are real, and never ring.
 */
export function hurriedDeps(random: () => number): RemoteDeps & { readonly pausedMs: readonly number[] } {
  let now = 0;
  const pausedMs: number[] = [];
  return {
    ...remoteDeps,
    random,
    pausedMs,
    now: () => now,
    after(ms, fn) {
      if (ms >= 20_000) return remoteDeps.after(ms, fn);
      pausedMs.push(ms);
      const pending = setImmediate(() => {
        now += ms;
        fn();
      });
      return () => clearImmediate(pending);
    },
  };
}
