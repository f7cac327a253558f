/** A pending timer. `cancel` after it fired does nothing. */
export interface Timer {
  cancel(): void;
}

/** Time is an argument: one clock travels in `deps`, so that a test can move it. */
export interface Clock {
  /** Wall clock, ms since the epoch: for instants that are stored and shown. */
  now(): number;
  /** Monotonic, ms: for local deadlines and measures. */
  elapsedMs(): number;
  /** Calls `fn` once after `ms`. The timer keeps no process alive. */
  after(ms: number, fn: () => void): Timer;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  elapsedMs: () => performance.now(),
  after(ms, fn) {
    // setTimeout wraps beyond 2^31-1 ms (24.8 days) and would fire at once
    const timer = setTimeout(fn, Math.min(ms, 2_147_483_647));
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};
