import type { Clock } from "../../core/clock.ts";
import { FlotillaError } from "../../core/error.ts";

// Whoever has been quiet for a minute has a full bucket, which is the same as none: 10,000 others fit beside.
const bucketsMax = 10_000;

interface Bucket {
  left: number;
  at: number;
}

/** One token bucket for each key: `perMinute` in the long run, a sixth of that at once. */
export class RateBuckets {
  readonly #perMs: number;
  readonly #capacity: number;
  readonly #clock: Clock;
  readonly #buckets = new Map<string, Bucket>();

  constructor(perMinute: number, clock: Clock) {
    this.#perMs = perMinute / 60_000;
    this.#capacity = Math.max(1, perMinute / 6);
    this.#clock = clock;
  }

  /** @throws FLOTILLA_RATE_LIMITED with the time after which one is left */
  refuseSpent(key: string, what: string): void {
    const { left } = this.#bucket(key);
    if (left >= 1) return;
    const retryAfterMs = Math.ceil((1 - left) / this.#perMs);
    throw new FlotillaError("FLOTILLA_RATE_LIMITED", { what, retryAfterMs });
  }

  take(key: string): void {
    const bucket = this.#bucket(key);
    bucket.left = Math.max(0, bucket.left - 1);
    // Last used last: the first of the map are the longest quiet.
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    if (this.#buckets.size > bucketsMax) this.#dropFirst();
  }

  get size(): number {
    return this.#buckets.size;
  }

  #bucket(key: string): Bucket {
    const now = this.#clock.elapsedMs();
    const bucket = this.#buckets.get(key) ?? { left: this.#capacity, at: now };
    bucket.left = Math.min(this.#capacity, bucket.left + (now - bucket.at) * this.#perMs);
    bucket.at = now;
    return bucket;
  }

  #dropFirst(): void {
    const [first] = this.#buckets.keys();
    if (first !== undefined) this.#buckets.delete(first);
  }
}
