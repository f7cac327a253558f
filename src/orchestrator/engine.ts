import type { Requeue } from "../store/contract.ts";
import type { Attempt, StoredAct } from "./attempt.ts";
import type { PendingAnswer, PendingCancel, PendingMessage, PendingStart } from "./batch.ts";
import type { Drains } from "./drains.ts";
import type { EventHub } from "./events.ts";
import type { Outcomes } from "./outcomes.ts";
import type { Ending } from "./retry.ts";
import type { State } from "./state.ts";
import type { StateQueries } from "./state-queries.ts";

/** What the parts of an orchestrator ask of the loop that everything goes through (batch-engine.ts). */
export interface Engine {
  readonly state: State;
  readonly outcomes: Outcomes;
  readonly events: EventHub;
  /** How long told-off code may go on before its process is ended. */
  readonly abortGraceMs: number;
  readonly queries: StateQueries;
  readonly drains: Drains;

  start(pending: PendingStart): void;
  cancel(pending: PendingCancel): void;
  message(pending: PendingMessage): void;
  answer(pending: PendingAnswer): void;
  /** Brings a parked task back although nothing has settled for it. */
  wake(task: number): void;
  /** Ends attempts that an ended life has left to this one. */
  endLeft(requeues: readonly Requeue[]): void;
  acts(attempt: Attempt, acts: readonly StoredAct[]): void;
  /** `codeRuns`: its code goes on, so it is told, and keeps its slot until it has ended. */
  end(attempt: Attempt, ending: Ending, codeRuns: boolean): void;
  /** An attempt that its worker will not finish, through no fault of its own. */
  lostAttempt(attempt: Attempt, how: string, o?: { readonly codeRuns: boolean }): void;
  /** A stored value that the attempt needs cannot be read: its task waits, with the reason. */
  unreadable(attempt: Attempt, error: unknown, o: { readonly codeRuns: boolean }): void;
  /** This life was taken for dead: another one begins. */
  over(): void;
  /** Something may have changed in a store that others write to: the next batch looks first. */
  look(): void;
  /** Slots or ready tasks appeared outside a batch. */
  dispatch(): void;
  wakeAtNextDue(): void;
  /** Somebody set the wall clock, or the machine slept: what is due is looked up anew. */
  clockSet(): void;
  /** How hard a queue of `depth` presses on the fleet. */
  pressure(depth: number): "none" | "some" | "high";
}
