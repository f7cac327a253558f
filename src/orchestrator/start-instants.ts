import { FlotillaError } from "../core/error.ts";
import type { StartRequest } from "../protocol/views.ts";

/** 100 years, in ms: a span beyond it is a slip of the pen, and would not fit a date. */
const spanMax = 100 * 365 * 86_400_000;

export interface StartInstants {
  /** null: at once. */
  readonly dueAt: number | null;
  readonly deadlineAt: number | null;
  readonly ttlAt: number | null;
}

const none: StartInstants = { dueAt: null, deadlineAt: null, ttlAt: null };

/** When a run may begin, must have begun and must have ended. @throws FLOTILLA_CONFIG_INVALID naming the option */
export function instantsOfStart(r: StartRequest, now: number): StartInstants {
  const { delayMs, startAt, deadlineMs, deadlineAt, ttlMs } = r;
  if ((delayMs ?? startAt ?? deadlineMs ?? deadlineAt ?? ttlMs) === undefined) return none;
  if (delayMs !== undefined && startAt !== undefined)
    throw invalid("startAt", "delay says when it starts too", "give one of both");
  if (deadlineMs !== undefined && deadlineAt !== undefined)
    throw invalid("deadlineAt", "deadlineMs says when it must have ended too", "give one of both");
  if (delayMs !== undefined) checkSpan("delay", delayMs);
  if (deadlineMs !== undefined) checkSpan("deadline", deadlineMs, 1);
  if (ttlMs !== undefined) checkSpan("ttl", ttlMs, 1);
  const wanted = startAt === undefined ? now + Math.round(delayMs ?? 0) : instant("startAt", startAt);
  const dueAt = wanted > now ? wanted : null;
  const endBy =
    deadlineAt === undefined ? (deadlineMs === undefined ? null : now + Math.round(deadlineMs)) : instant("deadline", deadlineAt);
  if (endBy !== null && dueAt !== null && endBy > now && endBy <= dueAt)
    throw invalid("deadline", "it passes before the run may begin", "make it later than delay or startAt");
  return { dueAt, deadlineAt: endBy, ttlAt: ttlMs === undefined ? null : (dueAt ?? now) + Math.round(ttlMs) };
}

function checkSpan(field: string, ms: number, least = 0): void {
  if (ms >= least && ms <= spanMax) return;
  throw invalid(field, `${ms} ms is not a wait`, 'write a duration such as "10m"');
}

function instant(field: string, text: string): number {
  const at = Date.parse(text);
  if (Number.isFinite(at)) return at;
  throw invalid(field, `${JSON.stringify(text)} is not an instant`, "pass a Date, over HTTP an ISO 8601 string");
}

function invalid(field: string, problem: string, fix: string): Error {
  return new FlotillaError("FLOTILLA_CONFIG_INVALID", { field, problem, fix });
}
