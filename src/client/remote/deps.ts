/** Time and chance of a client, so that a test can move them. */
export interface RemoteDeps {
  /** Wall clock, ms since the epoch. */
  now(): number;
  /** Calls `fn` once after `ms`; gives the way to stop it. While it is set, a Node process that waits for it lives. */
  after(ms: number, fn: () => void): () => void;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** So many random bytes, for what must not be guessed or drawn twice. */
  readonly bytes: (n: number) => Uint8Array;
}

export const remoteDeps: RemoteDeps = {
  now: () => Date.now(),
  after(ms, fn) {
    const timer = setTimeout(fn, ms);
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
  bytes: (n) => crypto.getRandomValues(new Uint8Array(n)),
};
