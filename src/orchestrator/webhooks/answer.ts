// What an answer means for a call, as a rule.
import { formatMs } from "../../core/duration.ts";
import type { Random } from "../../core/random.ts";
import { backoffMs, type ResolvedRetry } from "../../core/retry.ts";
import type { WebhookCall } from "../../store/webhooks.ts";
import type { PostReply } from "./post.ts";

/** 5 s, then twice as long each time: within a minute while a receiver restarts, once an hour while it is away. */
const retry: ResolvedRetry = { attempts: Infinity, backoff: "exponential", fromMs: 5_000, toMs: 3_600_000 };

/** What went wrong, in words that hold nothing of the URL's path or of a secret. */
export interface Problem {
  readonly text: string;
  /** The receiver wants no more of it. */
  readonly final: boolean;
  /** It asked to be left alone for so long. */
  readonly waitMs: number;
}

/** Undefined: it was told. */
export function problemOf({ status, retryAfter }: PostReply, now: number): Problem | undefined {
  if (status >= 200 && status < 300) return undefined;
  const text = status >= 300 && status < 400 ? `HTTP ${status}: redirects are not followed` : `HTTP ${status}`;
  return { text, final: status === 410, waitMs: waitOf(retryAfter, now) };
}

export function failureOf(error: unknown, timedOut: boolean, timeoutMs: number): Problem {
  const { code, name } = error as { code?: string; name?: string };
  return { text: timedOut ? `no answer within ${formatMs(timeoutMs)}` : (code ?? name ?? "failed"), final: false, waitMs: 0 };
}

/** `Retry-After` holds seconds or a date. */
function waitOf(text: string | undefined, now: number): number {
  if (text === undefined) return 0;
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - now;
  return Number.isFinite(ms) ? Math.max(0, ms) : 0;
}

/** When it is tried again; null: it is given up. */
export function nextTryAt(
  call: WebhookCall,
  problem: Problem,
  { now, random, retryForMs }: { readonly now: number; readonly random: Random; readonly retryForMs: number },
): number | null {
  if (problem.final) return null;
  const at = now + Math.max(problem.waitMs, backoffMs(retry, call.tries, random));
  return at > call.at + retryForMs ? null : at;
}
