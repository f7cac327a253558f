// What waits to become a batch, and what a planned batch meant: the words between the queue, the plan and its taking over.
import type { StartReply, StartRequest } from "../protocol/views.ts";
import type { ActBatch, Answer, Batch, CancelRequest, NewMessage, NewTask, TaskRow } from "../store/contract.ts";
import type { Attempt, StoredAct } from "./attempt.ts";
import type { Match } from "./dispatch.ts";
import type { Cause, Incoming } from "./intake.ts";
import type { Ending } from "./retry.ts";
import type { PlannedTick } from "./ticks.ts";
import type { WorkerState } from "./workers.ts";

export interface PendingStart extends Cause {
  readonly request: StartRequest;
  /** A user's transaction has asked for it. `patient`: it is left for later while its definition is unknown. */
  readonly outbox?: { readonly task: number; readonly secret: string; readonly patient: boolean };
  resolve(reply: StartReply): void;
  reject(error: unknown): void;
}
export interface PendingActs {
  readonly attempt: Attempt;
  readonly acts: readonly StoredAct[];
  at: number;
}
export interface PendingEnd {
  readonly attempt: Attempt;
  readonly ending: Ending;
  /** Its code goes on (timeout): it must be told, and it holds its slot until it ends. */
  readonly codeRuns: boolean;
}
export interface PendingCancel {
  readonly request: CancelRequest;
  resolve(): void;
  reject(error: unknown): void;
}

export interface PendingMessage {
  readonly message: NewMessage;
  resolve(): void;
  reject(error: unknown): void;
}
export interface PendingAnswer {
  readonly answer: Answer;
  /** `false`: it came too late. */
  resolve(counts: boolean): void;
  reject(error: unknown): void;
}

/** A task of the batch with where it goes. */
export interface Placed {
  readonly incoming: Incoming;
  readonly task: NewTask;
  readonly worker: WorkerState | undefined;
  readonly start: PendingStart | undefined;
  readonly parent: Attempt | undefined;
}

/** A batch and what its parts meant. */
export interface Planned {
  readonly batch: Batch;
  readonly acts: readonly PlannedActs[];
  readonly ends: readonly PendingEnd[];
  readonly cancels: readonly PendingCancel[];
  readonly messages: readonly PendingMessage[];
  readonly answers: readonly PendingAnswer[];
  readonly roots: readonly Placed[];
  readonly ticks: readonly PlannedTick[];
  readonly matches: readonly Match[];
  readonly rows: ReadonlyMap<number, TaskRow>;
}

export interface PlannedActs {
  readonly attempt: Attempt;
  readonly batch: ActBatch;
  /** The code is idle since it saw this seq; null when it is not. */
  readonly waitSeen: number | null;
  readonly placed: readonly Placed[];
}
