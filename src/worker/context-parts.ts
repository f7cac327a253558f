// Parts that agents and workflows have in common.
import { bounds } from "../core/bounds.ts";
import type { BaseContext, Log, Ref } from "../core/context.ts";
import { FlotillaError } from "../core/error.ts";
import type { Attempt } from "./attempt.ts";
import { boundedText } from "./values.ts";

const levels = ["debug", "info", "warn", "error"] as const;

export function logOf(attempt: Attempt, muted: () => boolean = () => false): Log {
  const log = {} as Log;
  for (const level of levels) {
    log[level] = (message, fields) => {
      if (!attempt.closed && !muted()) attempt.log(level, String(message), fields === undefined ? null : plain(fields));
    };
  }
  return log;
}

/** A log line must never fail the work that it describes. */
function plain(fields: object): unknown {
  try {
    const text = JSON.stringify(fields, (_, v: unknown) =>
      typeof v === "bigint" ? String(v) : v instanceof Error ? { name: v.name, message: v.message } : v,
    );
    return text.length > bounds.emitBytes ? { note: "fields left out: too large" } : JSON.parse(text);
  } catch {
    return { note: "fields left out: not JSON" };
  }
}

export function progressOf(attempt: Attempt, muted: () => boolean = () => false): BaseContext["progress"] {
  return (p) => {
    if (attempt.closed || muted()) return;
    attempt.progress({
      ...(typeof p.done === "number" ? { done: p.done } : {}),
      ...(typeof p.total === "number" ? { total: p.total } : {}),
      ...(p.note === undefined ? {} : { note: String(p.note).slice(0, bounds.keyLength) }),
    });
  };
}

/**
 * Counts what was spent; the attempt's end tells it. Prices by `model` come later: a model without `usd` counts its
 * tokens only. What it cannot count: an attempt that dies tells nothing, and what was spent inside a step is not spent
 * again when the step's result is found in the journal, so a death between the two loses that sum.
 */
export function spendOf(attempt: Attempt): BaseContext["spend"] {
  return (u) =>
    attempt.spend(
      u.usd === undefined
        ? { inputTokens: u.inputTokens, outputTokens: u.outputTokens }
        : { inputTokens: u.inputTokens, outputTokens: u.outputTokens, usd: u.usd },
    );
}

export function budgetViewOf(attempt: Attempt, tasks = 0): BaseContext["budget"] {
  const s = attempt.spent;
  return {
    total: {},
    spent: {
      usd: (s?.microUsd ?? 0) / 1_000_000,
      tokens: (s?.inputTokens ?? 0) + (s?.outputTokens ?? 0),
      turns: s?.turns ?? 0,
      tasks,
    },
    remaining: { usd: Infinity, tokens: Infinity, turns: Infinity, tasks: Infinity },
  };
}

export function artifactsOf(attempt: Attempt): BaseContext["artifact"] {
  return {
    put: async <T>(value: T, o?: { type?: string }) =>
      JSON.parse(await attempt.put(artifactText(value), o?.type ?? null)) as Ref<T>,
    get: async <T>(ref: Ref<T>) => JSON.parse(await attempt.get(refId(ref))) as T,
  };
}

export function artifactText(value: unknown): string {
  return boundedText(value, "ctx.artifact.put");
}

export function refId(ref: unknown): string {
  const id = (ref as { $artifact?: unknown } | null)?.$artifact;
  if (typeof id !== "string") throw new FlotillaError("FLOTILLA_NOT_FOUND", { what: "artifact", id: String(id) });
  return id;
}
