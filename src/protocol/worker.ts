// What a worker and an orchestrator say to each other. In-process it is a function call, in a child process IPC, across
// machines a WebSocket frame: so every message is plain JSON, and inputs, values and errors travel as JSON *text* that
// the orchestrator never parses.
//
//   worker        orchestrator
//     hello  ───────▶            who I am, what I can run
//            ◀─────── welcome
//            ◀─────── assign     tasks, each with its fence and journal
//     acts   ───────▶            children, steps, emits, waits, in the order asked
//            ◀─────── ack        acts up to n are committed
//            ◀─────── deliver    what settled, by seq
//     settle ───────▶            the attempt's end, with what it spent
//            ◀─────── cancel     stop that attempt: its result no longer counts
//     ended  ───────▶            its code has stopped, or was never here: the slot is free
//     put, get ─────▶            an artifact to store or to load
//            ◀─────── reply      to that request
//     progress, log ▶            told, not recorded
//            ◀─────── ping       is the main loop alive?
//     pong   ───────▶
//            ◀─────── drain      take nothing new, and leave when all is over
//     goodbye ──────▶
//
// Each `cancel` is answered by one `ended`, unless a `settle` of the same fence was on its way.
import type { ErrorJson } from "../core/error.ts";

export const protocolVersion = 1;

/** A worker's claim on a task. `boot` names the orchestrator's life, `leaseNo` never resets. */
export interface Fence {
  readonly task: number;
  readonly boot: number;
  readonly leaseNo: number;
}

/** A definition as data: what a worker can run, without its code. */
export interface DefinitionCard {
  readonly name: string;
  readonly kind: "agent" | "workflow" | "contract";
  readonly implements: string | null;
  readonly description: string;
  readonly version: string;
  readonly needs: readonly string[];
  readonly retry: {
    readonly attempts: number;
    readonly backoff: "exponential" | "fixed";
    readonly fromMs: number;
    readonly toMs: number;
  };
  readonly timeoutMs: number | null;
  readonly idleTimeoutMs: number | null;
  readonly idempotent: boolean;
  /** JSON Schema 2020-12, null where the schema's library cannot say. */
  readonly inputSchema: unknown;
  readonly outputSchema: unknown;
}

export interface Hello {
  readonly t: "hello";
  readonly protocol: number;
  readonly name: string;
  readonly pid: number;
  readonly isolation: "in-process" | "child-process";
  readonly slots: number;
  readonly offers: readonly string[];
  readonly build: string;
  readonly definitions: readonly DefinitionCard[];
}

/** One row of a task's journal, as far as it was committed. */
export interface JournalEntry {
  /** 1, 2, 3 ...: the order in which the code asked. */
  readonly act: number;
  readonly kind: "child" | "step" | "emit";
  readonly key: string;
  /** Of a child's input; empty for steps and emits: an emit's key holds the hash of its value. */
  readonly inputHash: string;
  /** The seq that had been delivered when it was asked. */
  readonly askedAfter: number;
  /** Its place in the order of delivery; null while it has not settled. */
  readonly seq: number | null;
}

/** A settled child or step, in the order in which the parent's code learns of it. */
export interface Delivery {
  readonly seq: number;
  readonly act: number;
  readonly status: "succeeded" | "failed" | "canceled" | "quarantined" | "stopped";
  /** JSON text of the value; null when it did not succeed. */
  readonly value: string | null;
  readonly error: ErrorJson | null;
  /** When it settled, ms since the epoch: what `ctx.now()` moves by. */
  readonly at: number;
}

export interface Assignment {
  readonly fence: Fence;
  readonly publicId: string;
  readonly definition: string;
  readonly tenant: string;
  readonly attempt: number;
  /** JSON text as the caller sent it. */
  readonly input: string;
  /** When the task was first started, ms since the epoch: the zero of a workflow's clock. */
  readonly startedAt: number;
  /** Acts that the task's earlier attempts committed; 0 when there are none, and then `journal` is empty. */
  readonly acts: number;
  readonly journal: readonly JournalEntry[];
  /** What had settled before this attempt; later ones arrive by `deliver`. */
  readonly deliveries: readonly Delivery[];
}

export interface ChildAct {
  readonly kind: "child";
  readonly act: number;
  readonly key: string;
  readonly inputHash: string;
  readonly askedAfter: number;
  readonly definition: string;
  readonly input: string;
  readonly needs?: readonly string[];
  readonly priority?: number;
  readonly retry?: DefinitionCard["retry"];
  readonly timeoutMs?: number;
  readonly ifNoWorker?: "fail";
  /** Outlives its parent: not awaited, not canceled with it. */
  readonly detached?: boolean;
}
/** A step is about to run. Sent before the effect, so that a crash leaves a trace of the doubt. */
export interface StepAct {
  readonly kind: "step";
  readonly act: number;
  readonly key: string;
  readonly askedAfter: number;
}
export interface StepResultAct {
  readonly kind: "step-result";
  /** The act of the step that it ends. */
  readonly act: number;
  readonly value: string | null;
  readonly error: ErrorJson | null;
}
export interface EmitAct {
  readonly kind: "emit";
  readonly act: number;
  readonly key: string;
  readonly askedAfter: number;
  readonly name: string;
  readonly value: string;
}
/** Stop a child of mine: it lost a race, or `cancel()` was called. */
export interface CancelAct {
  readonly kind: "cancel";
  /** The act of the child. */
  readonly act: number;
  readonly reason: string;
}
/** The code is idle until something settles: the slot is free. */
export interface WaitAct {
  readonly kind: "wait";
  /** The seq that it has seen; the orchestrator delivers anything later at once. */
  readonly seen: number;
}
export type Act = ChildAct | StepAct | StepResultAct | EmitAct | CancelAct | WaitAct;

export type AttemptResult =
  | { readonly status: "succeeded"; readonly value: string }
  /** `terminal`: no further attempt. `retryAfterMs`: the far side asked for that wait. */
  | { readonly status: "failed"; readonly error: ErrorJson; readonly terminal: boolean; readonly retryAfterMs?: number }
  /** Given back: it could not go on, through no fault of its code. It is tried again after a backoff, and not charged. */
  | { readonly status: "returned"; readonly error: ErrorJson }
  /** The code does not fit the journal: the task waits, because outcomes are immutable and a deploy may be rolled back. */
  | { readonly status: "mismatch"; readonly error: ErrorJson };

export interface Spend {
  readonly microUsd: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

export interface Settle {
  readonly t: "settle";
  readonly fence: Fence;
  readonly result: AttemptResult;
  readonly spent: Spend | null;
}

export type FromWorker =
  | Hello
  | { readonly t: "acts"; readonly fence: Fence; readonly acts: readonly Act[] }
  | Settle
  | { readonly t: "progress"; readonly fence: Fence; readonly done?: number; readonly total?: number; readonly note?: string }
  /** The code of a canceled or fenced attempt has ended, or a `cancel` named one that is not here: its slot is free. */
  | { readonly t: "ended"; readonly fence: Fence }
  | {
      readonly t: "log";
      readonly fence: Fence;
      readonly level: "debug" | "info" | "warn" | "error";
      readonly message: string;
      readonly fields: unknown;
    }
  | { readonly t: "put"; readonly fence: Fence; readonly request: number; readonly value: string; readonly type: string | null }
  | { readonly t: "get"; readonly fence: Fence; readonly request: number; readonly ref: string }
  | { readonly t: "pong"; readonly n: number }
  | { readonly t: "goodbye"; readonly reason: string };

export type ToWorker =
  | { readonly t: "welcome"; readonly worker: string }
  | { readonly t: "assign"; readonly tasks: readonly Assignment[] }
  | { readonly t: "deliver"; readonly fence: Fence; readonly deliveries: readonly Delivery[] }
  | { readonly t: "ack"; readonly fence: Fence; readonly act: number }
  | { readonly t: "cancel"; readonly fence: Fence; readonly reason: string }
  /** Answer to `put` (`value` is the reference's JSON) or `get` (`value` is the artifact's text). */
  | {
      readonly t: "reply";
      readonly fence: Fence;
      readonly request: number;
      readonly value: string | null;
      readonly error: ErrorJson | null;
    }
  | { readonly t: "ping"; readonly n: number }
  | { readonly t: "drain" };

/**
 * The orchestrator's end of a link. `send` never throws, and loses what is said to a worker that is gone: whoever made
 * the link sees that (a process that exits, a socket that closes) and tells the orchestrator once, by `Attachment.lost`.
 */
export interface WorkerLink {
  send(message: ToWorker): void;
  /** Ends the worker whatever it does: a child is killed. In-process it only stops. */
  kill(reason: string): void;
}
