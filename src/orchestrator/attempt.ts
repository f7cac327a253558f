import type { Timer } from "../core/clock.ts";
import type { StoredDelivery } from "../store/contract.ts";
import type { Act, Fence, StepResultAct } from "../protocol/worker.ts";
import type { DefinitionState } from "./definitions.ts";
import type { Kept, OriginOptions } from "./origin.ts";
import type { WorkerState } from "./workers.ts";

/** A live attempt: what the orchestrator must know to settle it without reading its rows again. */
export interface Attempt {
  readonly fence: Fence;
  readonly publicId: string;
  readonly run: number;
  readonly parent: number | null;
  readonly act: number | null;
  readonly path: string | null;
  readonly depth: number;
  readonly detached: boolean;
  /** What the caller asked for: an agent, a workflow or a contract. */
  readonly definition: DefinitionState;
  /** What runs: the same, or an implementation of the contract. */
  readonly runs: DefinitionState;
  /** Its task's; another one from the first act of a workflow on. */
  lane: number;
  /** That lane, while the store does not know it. */
  pin: number | null;
  /** It was looked up whether its first act binds it to its code. */
  bound: boolean;
  readonly prio: number;
  readonly pass: number;
  readonly tenant: string | null;
  readonly options: TaskOptions | null;
  readonly attempt: number;
  readonly crashes: number;
  readonly alone: boolean;
  readonly worker: WorkerState;
  readonly createdAt: number;
  readonly claimedAt: number;
  /** `waiting` holds no slot. `ending`: its result no longer counts, its code has not ended. */
  state: "running" | "waiting" | "ending";
  /** It counts against its worker's slots. */
  holdsSlot: boolean;
  /** Its end is on the way to the store: nothing more is heard from it. */
  ended: boolean;
  /** It has sent an act, or an earlier attempt has: there is a gate row. */
  hasGate: boolean;
  /** The highest seq that was sent to the worker. */
  sentSeq: number;
  /** The highest seq on its way there: its value may still be loading. */
  queuedSeq: number;
  /** The worker has reported its end: no code of it runs any more. */
  codeEnded: boolean;
  children: number;
  progress: { readonly done?: number; readonly total?: number; readonly note?: string } | null;
  timeout: Timer | undefined;
  idle: Timer | undefined;
  /** What it may take over from an earlier run. */
  kept: Kept | null;
  /** Acts by seq that its journal holds and its worker has not been sent: pages of them go out as it asks for more. */
  history: History | null;
  /** What it said last, by count: a canceled workflow that says nothing more is closed. */
  heard: number;
  /** Messages that wait until a large value of an earlier one is stored. */
  inbox: (() => void)[] | null;
  /** Deliveries that came before the one that is next: another orchestrator has stored that. */
  early: readonly StoredDelivery[];
  /** Its journal is being read: which delivery is next is not known yet. */
  assigning: boolean;
  /** The lease under which its worker began it, at another orchestrator or in another life: what it said meanwhile counts. */
  readonly heldAs: Fence | null;
  /** Deliveries that wait until a large value is loaded. */
  outbox: Promise<void> | null;
}

export interface History {
  /** `acts[i]` settled at seq `from + i`. */
  readonly from: number;
  readonly acts: number[];
  /** Index of the first one that was not sent. */
  next: number;
  /** The worker asks for what was there when it began; the rest is sent without being asked. */
  readonly asked: number;
  cancel: { readonly reason: string; readonly at: number } | null;
}

/** Per-task options that differ from its definition's; JSON in the task's row. */
export interface TaskOptions {
  readonly tags?: readonly string[];
  readonly retry?: {
    readonly attempts: number;
    readonly backoff: "exponential" | "fixed";
    readonly fromMs: number;
    readonly toMs: number;
  };
  readonly timeoutMs?: number;
  /** Its result is stored as an artifact; its outcome is the reference. */
  readonly asRef?: true;
  /** References in `items` of its input are loaded before its code gets them. */
  readonly inflate?: true;
  /** It goes on from a task of an earlier run. */
  readonly origin?: OriginOptions;
  /** Of a run: closed when it has passed. */
  readonly deadlineAt?: number;
  /** Of a run: closed when it has passed before a first attempt. */
  readonly ttlAt?: number;
  /** Of a run: the schedule that started it, and for which tick; null when somebody triggered it. */
  readonly schedule?: { readonly name: string; readonly at: number | null };
}

export function sameLease(attempt: Attempt | undefined, fence: Fence): attempt is Attempt {
  return attempt !== undefined && (isFence(attempt.fence, fence) || (attempt.heldAs !== null && isFence(attempt.heldAs, fence)));
}

function isFence(a: Fence, b: Fence): boolean {
  return a.leaseNo === b.leaseNo && a.boot === b.boot && a.task === b.task;
}

/** An act as it goes into a batch: a step's large value has been stored, and is named by `ref`. */
export type StoredAct = Exclude<Act, StepResultAct> | (StepResultAct & { readonly ref?: string });
