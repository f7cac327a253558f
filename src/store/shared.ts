// What a store does that several orchestrators share, types only: part of the contract, in a file of its own. A store
// with one owner has none of it.
//
// Each orchestrator has lives, each with a boot number. A life says every few seconds that it goes on (`beat`), on the
// store's clock. One that falls silent is swept by any other: what it was running goes back to ready. What a commit of one
// life means for an attempt that another holds is a notice, written in the same transaction.
import type { ErrorJson } from "../core/error.ts";
import type { Fence } from "../protocol/worker.ts";
import type { OutboxStore } from "./outbox.ts";
import type { Awaitable, Closed, ReadyRow, Requeue, StoredDelivery, TaskRow } from "./contract.ts";

/** Something that happened elsewhere to a task that this life holds, or was asked of this life. */
export type Notice = { readonly id: number } & (
  | { readonly kind: "delivery"; readonly delivery: StoredDelivery }
  /** The attempt counts no more: the task was closed, or its worker took it to another orchestrator. */
  | {
      readonly kind: "closed";
      readonly task: number;
      readonly leaseNo: number;
      readonly status: Closed["status"] | "moved";
      readonly error: ErrorJson | null;
      readonly reason: string;
    }
  | ({ readonly kind: "question" } & Question)
  | ({ readonly kind: "answer" } & Answered)
);

/** What is the state of the code of a task that another life holds? */
export interface Question {
  readonly task: number;
  /** The life that asks, and its number for the question. */
  readonly from: number;
  readonly request: number;
  readonly name: string;
}
export interface Answered {
  readonly request: number;
  readonly value: string | null;
  readonly error: ErrorJson | null;
}

/** How busy a life is: told with each beat, for whoever looks at the fleet. */
export interface Load {
  readonly workers: number;
  readonly slots: number;
  readonly busy: number;
  /** What its workers have and take tasks of: for the other orchestrators, the store only keeps it. */
  readonly versions: readonly string[];
  /** Lanes that its workers serve, and names of the definitions that they fulfil. */
  readonly lanes: readonly number[];
  readonly names: readonly string[];
}

export interface LifeRow extends Load {
  readonly boot: number;
  readonly pid: number;
  readonly host: string;
  readonly version: string;
  readonly startedAt: number;
  /** On the store's clock. */
  readonly expiresAt: number;
}

/** What a look found, in one round trip. */
export interface Look {
  /** Moves when a definition or a lane has come: then `catalogue.read` has more. */
  readonly catalogue: number;
  /** Lanes with ready tasks: how many, and the places of the first and the last of them. */
  readonly depth: ReadonlyMap<number, { readonly ready: number; readonly firstPass: number; readonly lastPass: number }>;
  readonly delayed: number;
  readonly parked: number;
  /** The oldest of what waits for this life. */
  readonly notices: readonly Notice[];
  /** As many as were asked for wait, some of which may mean nothing any more and are left out: there may be others behind. */
  readonly moreNotices: boolean;
  /** Of the runs that were asked about: those whose events have moved on, or that have ended. */
  readonly moved: readonly number[];
  readonly nextDueAt: number | null;
  readonly nextTickAt: number | null;
  readonly cancelsLeft: boolean;
  /** Rows wait in the outbox. */
  readonly outbox: boolean;
}

/** An attempt that its worker brought along, under a lease of this life. */
export interface Adopted {
  readonly held: Fence;
  readonly leaseNo: number;
  readonly task: TaskRow;
  readonly attempt: number;
  readonly crashes: number;
  readonly alone: boolean;
  readonly claimedAt: number;
}

export interface Swept {
  /** Lives that were found dead. */
  readonly lives: readonly number[];
  /** Tasks that went back to ready. */
  readonly ready: readonly ReadyRow[];
  /** Idle workflows that nobody holds now. */
  readonly parked: number;
  /** Attempts whose tasks users' transactions have completed: this life has them now, and is to end them. */
  readonly completed: readonly Requeue[];
  /** There was more than fits a slice. */
  readonly more: boolean;
}

/** What a store says by itself, as soon as it knows. All of it is a hint: a look finds the same, later. */
export interface Signals {
  /** Ready tasks have come into these lanes. */
  lanes(ids: readonly number[]): void;
  /** Notices wait for this life. */
  notices(): void;
  /** Events of these runs were stored, or they have ended. */
  runs(ids: readonly number[]): void;
  catalogue(): void;
  /** Signals may have been missed: the connection was away. */
  missed(): void;
}

export interface SharedStore {
  /** null: it is in no database of the user's. */
  readonly outbox: OutboxStore | null;
  /** How long a life is taken for alive after its last beat, in ms. */
  readonly leaseMs: number;
  /**
   * Says that this life goes on. `alive` false: it was taken for dead and swept, and owns nothing any more. `now`: the
   * store's clock, ms since the epoch.
   */
  beat(p: {
    readonly boot: number;
    readonly load: Load;
    /** Of its workers, for whoever lists them; opaque to the store. */ readonly roster: string;
  }): Awaitable<{ readonly alive: boolean; readonly now: number }>;
  look(p: {
    readonly boot: number;
    /** Runs that somebody here waits for or follows, each with the cursor that is known. */
    readonly runs: readonly { readonly id: number; readonly cursor: number }[];
    readonly limit: number;
  }): Awaitable<Look>;
  /** Notices that were dealt with. */
  noticed(p: { readonly boot: number; readonly ids: readonly number[] }): Awaitable<void>;
  /** Asks the life that holds the task. false: none does. */
  ask(p: Question): Awaitable<boolean>;
  answer(p: Answered & { readonly to: number }): Awaitable<void>;
  /**
   * Takes over attempts that a worker still executes, whoever held them: each gets a new lease of this life. Those that are
   * not (task, boot, leaseNo) any more, because they ended or were given to others, are left out. Asked again by the same
   * worker of the same life, it says the same again: the answer to the first may have been lost.
   */
  adopt(p: {
    readonly boot: number;
    readonly now: number;
    readonly worker: number;
    readonly held: readonly Fence[];
  }): Awaitable<readonly Adopted[]>;
  /** Looks for lives that have fallen silent, and takes back what they were running: at most `slice` tasks. */
  sweep(p: { readonly boot: number; readonly now: number; readonly slice: number }): Awaitable<Swept>;
  /** This life ends by itself: what it still holds goes back to ready at once. */
  resign(p: { readonly boot: number; readonly now: number }): Awaitable<void>;
  lives(): Awaitable<readonly LifeRow[]>;
  /** What each life said of its workers at its last beat. */
  rosters(): Awaitable<readonly { readonly boot: number; readonly roster: string }[]>;
  listen(p: { readonly boot: number; readonly to: Signals }): Awaitable<{ close(): Awaitable<void> }>;
}
