// When a request is sent again, and after how long. Pure rules: the clock and the chance are the caller's.
import { isFlotillaError } from "../../core/error.ts";

/** How long a fleet that does not answer is tried again. */
export interface Patience {
  /** For one call, in ms; 0: not at all. */
  readonly callMs: number;
  /** For a wait (an outcome, a stream of events), in ms since it last heard of the fleet. */
  readonly waitMs: number;
  /** For one reply, in ms, beside the time that the server may hold it. */
  readonly replyMs: number;
}

/** What went wrong with one try. */
export interface Failure {
  readonly error: Error;
  /** Nothing of the request took effect: no connection was made, or the server refused it unread. */
  readonly unsent: boolean;
  /** The same request may succeed later. */
  readonly passing: boolean;
  readonly retryAfterMs: number | null;
}

const firstMs = 100;
const longestMs = 5_000;

/** Twice as long each time, up to 5 s, each drawn from the upper half of that: clients that failed together come back apart. */
export function pauseMs(tries: number, random: () => number, retryAfterMs: number | null): number {
  const ceiling = Math.min(longestMs, firstMs * 2 ** Math.min(tries, 16));
  return Math.max(retryAfterMs ?? 0, Math.round(ceiling * (0.5 + random() / 2)));
}

const passingStatus = new Set([429, 502, 503, 504]);

/** The fleet, its database, or the life that was asked: another try may meet them back. */
const goneFor = ["FLOTILLA_UNREACHABLE", "FLOTILLA_STORE_UNREACHABLE", "FLOTILLA_LIFE_OVER"] as const;

/**
 * Of a reply that is a refusal. What the orchestrator itself says is its last word, such as that no worker can run this;
 * unless it is closing, or only asks to come back later.
 */
export function refusalFailure(error: Error, status: number, retryAfterMs: number | null): Failure {
  const isOurs = isFlotillaError(error) && error.code !== "FLOTILLA_UNEXPECTED_REPLY";
  const isGone = goneFor.some((code) => isFlotillaError(error, code));
  const passing = passingStatus.has(status) && (!isOurs || isGone || status === 429);
  return { error, unsent: status === 429, passing, retryAfterMs };
}

/** Codes of Node for a connection that was never made. A browser does not tell: there nothing is known to be unsent. */
const neverConnected = new Set([
  "ECONNREFUSED",
  "ENOENT",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
]);

/** Of a request that got no reply. @param error what the transport threw. */
export function isUnsent(error: unknown): boolean {
  for (let e = error, depth = 0; typeof e === "object" && e !== null && depth < 5; depth++) {
    if (neverConnected.has((e as { code?: string }).code ?? "")) return true;
    e = (e as { cause?: unknown }).cause;
  }
  return false;
}

/** The header `Retry-After`, in ms: seconds, or an instant. null: none, or not one. */
export function retryAfterMs(header: string | null, nowMs: number): number | null {
  if (header === null || header.trim() === "") return null;
  const seconds = Number(header);
  const ms = Number.isFinite(seconds) ? seconds * 1_000 : Date.parse(header) - nowMs;
  return Number.isFinite(ms) ? Math.max(0, ms) : null;
}
