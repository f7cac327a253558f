import { FlotillaError, type ErrorJson } from "../core/error.ts";
import type { Random } from "../core/random.ts";
import { backoffMs } from "../core/retry.ts";
import { crashesMax } from "../core/task.ts";
import type { AttemptResult, Spend } from "../protocol/worker.ts";
import type { Requeue, Settlement } from "../store/contract.ts";
import type { Attempt } from "./attempt.ts";

/** What ends an attempt: its task's outcome, or another try. */
export type Ending = { readonly settle: Settlement } | { readonly requeue: Requeue };

type FailureHow = "failed" | "timeout";

/** A far side that asks for more than a year asks for never. */
const waitMax = 365 * 86_400_000;

/** An attempt reported its result. `ref` replaces a value that is too large for a row. */
export function afterResult(
  a: Attempt,
  result: AttemptResult,
  spent: Spend | null,
  ref: string | null,
  now: number,
  random: Random,
): Ending {
  switch (result.status) {
    case "succeeded": {
      const gaps = result.gaps ?? null;
      const value = ref === null ? result.value : null;
      return { settle: settlement(a, gaps === null ? "succeeded" : "partial", { value, ref, error: null, spent, gaps }) };
    }
    case "canceled":
      return { settle: settlement(a, "canceled", { value: null, ref: null, error: result.error, spent }) };
    case "continued":
      return {
        requeue: requeue(a, "continued", null, spent, {
          to: "continued",
          input: result.input,
          options: optionsOn(a),
          seen: result.seen,
        }),
      };
    case "failed":
      return afterFailure(a, result, "failed", spent, now, random);
    case "returned":
      return { requeue: requeue(a, "returned", result.error, spent, later(a, now, random)) };
    case "mismatch":
      return {
        requeue: requeue(a, "mismatch", result.error, spent, {
          to: "held",
          reason: "HISTORY_MISMATCH",
          attempt: a.attempt - 1,
          crashes: a.crashes,
        }),
      };
  }
}

/** Of the next execution: what the first one takes over from an earlier run it has taken over, and equal keys mean new work. */
function optionsOn(a: Attempt): string | null {
  const { origin: _, ...options } = a.options ?? {};
  return Object.keys(options).length === 0 ? null : JSON.stringify(options);
}

/** Given back, not failed: the same attempt again, after a wait that is never charged. */
const returnedRetry = { attempts: 1, backoff: "fixed", fromMs: 5_000, toMs: 5_000 } as const;
function later(a: Attempt, now: number, random: Random): Requeue["next"] {
  return {
    to: "delayed",
    dueAt: now + backoffMs(returnedRetry, 1, random),
    attempt: a.attempt - 1,
    crashes: a.crashes,
    alone: a.alone,
  };
}

/** A stored value that it needs cannot be read: it waits, because outcomes are immutable and files come back. */
export function afterUnreadable(a: Attempt, error: ErrorJson): Ending {
  const next = { to: "held", reason: "VALUE_MISSING", attempt: a.attempt - 1, crashes: a.crashes } as const;
  return { requeue: requeue(a, "unreadable", error, null, next) };
}

export function afterTimeout(a: Attempt, after: "timeout" | "idleTimeout", now: number, random: Random): Ending {
  const error = new FlotillaError("FLOTILLA_TIMEOUT", { after }, { where: a.publicId }).toJSON();
  return afterFailure(a, { error, terminal: false }, "timeout", null, now, random);
}

function afterFailure(
  a: Attempt,
  failure: { readonly error: ErrorJson; readonly terminal: boolean; readonly retryAfterMs?: number },
  how: FailureHow,
  spent: Spend | null,
  now: number,
  random: Random,
): Ending {
  const retry = a.options?.retry ?? a.runs.card?.retry;
  if (!failure.terminal && retry && a.attempt < retry.attempts) {
    const dueAt = now + Math.round(Math.min(waitMax, Math.max(0, failure.retryAfterMs ?? backoffMs(retry, a.attempt, random))));
    return {
      requeue: requeue(a, how, failure.error, spent, {
        to: "delayed",
        dueAt,
        attempt: a.attempt,
        crashes: a.crashes,
        alone: a.alone,
      }),
    };
  }
  return { settle: settlement(a, "failed", { value: null, ref: null, error: finalError(a, failure.error), spent }) };
}

/** What callers tell apart by its own code, however far down it happened. */
const own: ReadonlySet<string> = new Set(["FLOTILLA_DECLARED", "FLOTILLA_TIMEOUT", "FLOTILLA_REJECTED"]);

/** Those go up as they are; anything else as FLOTILLA_AGENT_FAILED with the last attempt's error as cause. */
function finalError(a: Attempt, error: ErrorJson): ErrorJson {
  if (own.has(error.code)) return error;
  const failed = new FlotillaError(
    "FLOTILLA_AGENT_FAILED",
    { agent: a.runs.name, task: a.publicId, attempts: a.attempt },
    { where: `${a.runs.name}, task ${a.publicId}, attempt ${a.attempt}` },
  );
  return { ...failed.toJSON(), cause: error };
}

/**
 * The worker under the attempt is gone. `suspects`: attempts whose code was executing when it died. One: the crash
 * counts. Several: each is tried again alone, and only a death alone counts. None (it was killed by us, drained, or its
 * host went): nothing counts.
 */
export function afterLoss(a: Attempt, loss: { readonly how: string; readonly suspects: number }): Ending {
  const executing = a.state === "running";
  const error = new FlotillaError("FLOTILLA_WORKER_LOST", { worker: a.worker.hello.name, how: loss.how }).toJSON();
  // A timeout is a timer of its attempt: parked, it would have none.
  if (a.state === "waiting" && a.timeout === undefined)
    return { requeue: requeue(a, "lost", error, null, { to: "parked", attempt: a.attempt - 1, crashes: a.crashes }) };
  if (!executing || loss.suspects === 0)
    return {
      requeue: requeue(a, "lost", error, null, { to: "ready", attempt: a.attempt - 1, crashes: a.crashes, alone: a.alone }),
    };
  if (loss.suspects > 1)
    return {
      requeue: requeue(a, "crashed", error, null, { to: "ready", attempt: a.attempt - 1, crashes: a.crashes, alone: true }),
    };
  const crashes = a.crashes + 1;
  if (crashes < crashesMax)
    return { requeue: requeue(a, "crashed", error, null, { to: "ready", attempt: a.attempt - 1, crashes, alone: a.alone }) };
  const quarantined = {
    ...new FlotillaError("FLOTILLA_QUARANTINED", { crashes }, { where: `${a.runs.name}, task ${a.publicId}` }).toJSON(),
    cause: error,
  };
  return { settle: settlement(a, "quarantined", { value: null, ref: null, error: quarantined, spent: null }) };
}

function settlement(
  a: Attempt,
  status: Settlement["status"],
  end: Pick<Settlement, "value" | "ref" | "error" | "spent"> & { readonly gaps?: string | null },
): Settlement {
  return {
    lease: { task: a.fence.task, leaseNo: a.fence.leaseNo },
    run: a.run,
    parent: a.parent,
    act: a.act,
    definition: a.definition.id,
    detached: a.detached,
    status,
    attempt: a.attempt,
    worker: a.worker.id,
    startedAt: a.claimedAt,
    hasGate: a.hasGate,
    expires: a.options?.deadlineAt !== undefined || a.options?.ttlAt !== undefined,
    value: end.value,
    ref: end.ref,
    error: end.error,
    spent: end.spent,
    gaps: end.gaps ?? null,
  };
}

function requeue(a: Attempt, how: string, error: ErrorJson | null, spent: Spend | null, next: Requeue["next"]): Requeue {
  return {
    lease: { task: a.fence.task, leaseNo: a.fence.leaseNo },
    run: a.run,
    definition: a.definition.id,
    isRoot: a.parent === null,
    lane: a.lane,
    ...(a.pin === null ? {} : { pin: true }),
    prio: a.prio,
    pass: a.pass,
    attempt: a.attempt,
    worker: a.worker.id,
    startedAt: a.claimedAt,
    how,
    error,
    spent,
    next,
  };
}
