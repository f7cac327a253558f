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

/**
 * Runs `fn` in a later turn of the event loop, after everything that was handed over before it: `setImmediate`. It
 * travels in `deps` beside the clock, so that a simulation decides which process has the next turn.
 */
export type NextTurn = (fn: () => void) => void;

/** 24.8 days: setTimeout wraps beyond it and would fire at once. */
const timerMsMax = 2_147_483_647;

export const systemClock: Clock = {
  now: () => Date.now(),
  elapsedMs: () => performance.now(),
  after(ms, fn) {
    let timer: ReturnType<typeof setTimeout>;
    const arm = (leftMs: number): void => {
      const nextMs = Math.min(leftMs, timerMsMax);
      timer = setTimeout(() => (leftMs > nextMs ? arm(leftMs - nextMs) : fn()), nextMs);
      timer.unref();
    };
    arm(ms);
    return { cancel: () => clearTimeout(timer) };
  },
};
