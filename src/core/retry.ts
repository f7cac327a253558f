import { durationMs, type Duration } from "./duration.ts";
import { FlotillaError } from "./error.ts";
import type { Random } from "./random.ts";

export interface Retry {
  /** Tries in all, the first one counted. @default 3 for agents; workflows do not retry on thrown errors */
  attempts?: number;
  /** @default "exponential" */
  backoff?: "exponential" | "fixed";
  /** Wait before the second attempt. @default "1s" */
  from?: Duration;
  /** Longest wait. @default "5m" */
  to?: Duration;
}

export interface ResolvedRetry {
  readonly attempts: number;
  readonly backoff: "exponential" | "fixed";
  readonly fromMs: number;
  readonly toMs: number;
}

const attemptsMax = 1_000;

export const defaultRetry: ResolvedRetry = Object.freeze({ attempts: 3, backoff: "exponential", fromMs: 1_000, toMs: 300_000 });

/** Defaults, check, freeze. `base` is what a call's own retry overrides. @throws FLOTILLA_CONFIG_INVALID */
export function resolveRetry(retry: Retry | undefined, where: string, base: ResolvedRetry = defaultRetry): ResolvedRetry {
  if (!retry) return base;
  const attempts = retry.attempts ?? base.attempts;
  if (!Number.isInteger(attempts) || attempts < 1 || attempts > attemptsMax) {
    throw new FlotillaError("FLOTILLA_CONFIG_INVALID", {
      field: `${where}.retry.attempts`,
      problem: `${attempts} is not a whole number from 1 to ${attemptsMax}`,
      fix: "count the first try too: 1 means no retry",
    });
  }
  const fromMs = retry.from === undefined ? base.fromMs : durationMs(retry.from, `${where}.retry.from`);
  const toMs = retry.to === undefined ? Math.max(base.toMs, fromMs) : durationMs(retry.to, `${where}.retry.to`);
  if (fromMs > toMs) {
    throw new FlotillaError("FLOTILLA_CONFIG_INVALID", {
      field: `${where}.retry.to`,
      problem: "the longest wait is shorter than the first",
      fix: "raise retry.to or lower retry.from",
    });
  }
  return Object.freeze({ attempts, backoff: retry.backoff ?? base.backoff, fromMs, toMs });
}

/**
 * Wait before attempt `attempt + 1`, in ms: exponential with full jitter ("Exponential Backoff And Jitter", AWS
 * Architecture Blog, 2015), from half of the step upwards, so that a retry is never immediate.
 */
export function backoffMs(retry: ResolvedRetry, attempt: number, random: Random): number {
  const step = retry.backoff === "fixed" ? retry.fromMs : Math.min(retry.toMs, retry.fromMs * 2 ** Math.min(attempt - 1, 40));
  return Math.round(step / 2 + (random() * step) / 2);
}
