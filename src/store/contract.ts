// What an orchestrator asks of a store, types only. One commit takes a whole batch and is one transaction: either all of
// it is stored or nothing. A driver answers with what really happened: whoever lost a race (a fenced attempt, a claimed
// row, a used idempotency key) reads it there. Reads see committed rows.
import type { ErrorJson } from "../core/error.ts";
import type { Reason } from "../core/reason.ts";
import type { OutcomeStatus } from "../core/task.ts";
import type { Spend } from "../protocol/worker.ts";
import type { BuildStore } from "./builds.ts";
import type { AccessStore } from "./access.ts";
import type { ScheduleStore, Tick, Ticked } from "./schedules.ts";
import type { SharedStore } from "./shared.ts";
import type { UpkeepStore } from "./upkeep.ts";
import type { WebhookStore, WebhookWant } from "./webhooks.ts";

export type Awaitable<T> = T | Promise<T>;

/** A worker's claim on a task, as stored. */
export interface Lease {
  readonly task: number;
  readonly leaseNo: number;
}

/** Where a task stands in its lane; travels with it through ready, delayed and running. */
export interface Standing {
  readonly task: number;
  readonly leaseNo: number;
  readonly attempt: number;
  readonly crashes: number;
  /** Tried again with nothing else on its worker, because a worker died with several tasks on it. */
  readonly alone: boolean;
}

/** What binds a run beside its row; null for nearly all, so that they cost nothing. */
export interface Terms {
  /** The run is closed when this has passed. */
  readonly deadlineAt: number | null;
  /** The run is closed when this has passed and no attempt of it was ever begun. */
  readonly ttlAt: number | null;
  /** The schedule that started it, when that schedule starts nothing beside a run that goes on. */
  readonly schedule: number | null;
}

export interface NewTask extends TaskRow {
  readonly inputHash: string | null;
  readonly askedAfter: number | null;
  /** Not canceled while its parent unwinds: the parent's code asked for it inside a shield. */
  readonly shielded: boolean;
  /** The worker that claims it in the same transaction: it never lies in `ready`. */
  readonly claim: number | null;
  /** Start later than now. */
  readonly dueAt: number | null;
  /** Refused: stored with its outcome, so that a re-run of its parent sees the same. */
  readonly refused: ErrorJson | null;
  /** It ends as that task of an earlier run has ended, without being done again. */
  readonly adopts: number | null;
  /** A root that goes on from another run. */
  readonly origin: Origin | null;
  readonly idempotency: { readonly key: string; readonly inputHash: string } | null;
  readonly terms: Terms | null;
  /** Its row in the outbox is deleted with this. One whose row is gone exists: another orchestrator has made it. */
  readonly outbox?: true;
}

/** Where a run goes on from: `task` of an earlier run. */
export interface Origin {
  readonly task: number;
  readonly run: number;
  readonly how: "repair" | "fork" | "redrive";
}

/** A step or a wait of an earlier run's task, whose end is taken over. */
export interface Adopted {
  readonly task: number;
  readonly act: number;
}

/** Acts of one attempt, a run of consecutive ones in the order asked. */
export interface ActBatch {
  readonly lease: Lease;
  readonly run: number;
  readonly startedAt: number;
  /** The lane that the task is in from here on: only workers with the code that asked may go on with it. */
  readonly pin?: number;
  readonly children: readonly NewTask[];
  readonly steps: readonly {
    readonly act: number;
    readonly key: string;
    readonly askedAfter: number;
    /** It ends as that one of an earlier run has ended, without being done again. */
    readonly adopts?: Adopted | null;
  }[];
  readonly stepResults: readonly {
    readonly act: number;
    readonly value: string | null;
    readonly ref: string | null;
    readonly error: ErrorJson | null;
  }[];
  readonly emits: readonly {
    readonly act: number;
    readonly key: string;
    readonly askedAfter: number;
    readonly name: string;
    readonly value: string;
  }[];
  readonly waits: readonly {
    readonly act: number;
    readonly kind: WaitKind;
    readonly key: string;
    readonly inputHash: string;
    readonly askedAfter: number;
    /** Of the message that it waits for. */
    readonly name: string | null;
    /** JSON of an approval: what is asked, and what its expiry means. */
    readonly detail: string | null;
    /** A timer ends then; another wait expires. */
    readonly dueAt: number | null;
    /** It ends as that one of an earlier run has ended, without being done again. */
    readonly adopts?: Adopted | null;
  }[];
  readonly sends: readonly {
    readonly act: number;
    readonly key: string;
    readonly inputHash: string;
    readonly askedAfter: number;
    /** A child of this task by its act, or a task by its id; null: there is no such task, and the message is dropped. */
    readonly to: { readonly act: number } | { readonly task: number } | null;
    readonly name: string;
    readonly value: string;
  }[];
  /**
   * Children and waits that the code stops, by their act; after the acts of this batch are there. A message that such a
   * wait has taken goes back to the front of the box: its code will not look at it.
   */
  readonly cancels: readonly { readonly act: number; readonly reason: string }[];
  /** Highest act number in this batch; 0 when it has none. */
  readonly lastAct: number;
  /** true: idle from here on, unless something has settled for it that its code has not `seen`, also in this batch. */
  readonly armed: boolean;
  /** The last seq that its code has been given; counts when armed. */
  readonly seen: number;
  /** Idle, and its worker wants to forget it: it is parked, unless something has settled in this batch. */
  readonly park: boolean;
  /** A workflow's: a cancel is told to its code, which ends by itself. An agent is closed at once. */
  readonly unwinds: boolean;
}

/** The order is the number that is stored: append only. */
export const waitKinds = ["", "timer", "message", "approval"] as const;
export type WaitKind = Exclude<(typeof waitKinds)[number], "">;

export interface Settlement {
  readonly lease: Lease;
  readonly run: number;
  readonly parent: number | null;
  readonly act: number | null;
  readonly definition: number;
  readonly detached: boolean;
  readonly status: OutcomeStatus;
  readonly attempt: number;
  readonly worker: number;
  readonly startedAt: number;
  readonly value: string | null;
  readonly ref: string | null;
  readonly error: ErrorJson | null;
  readonly spent: Spend | null;
  /** False when the task surely has no gate row: it never sent an act. */
  readonly hasGate: boolean;
  /** JSON: what a partial outcome lacks. */
  readonly gaps: string | null;
  /** It has a deadline or a ttl, which ends with it. */
  readonly expires: boolean;
}

/** The end of an attempt that does not end its task. */
export interface Requeue {
  readonly lease: Lease;
  readonly run: number;
  readonly definition: number;
  readonly isRoot: boolean;
  /** Where it waits next. With `pin` it is the task's lane from here on; without, it is the one that the task has. */
  readonly lane: number;
  readonly pin?: boolean;
  readonly prio: number;
  readonly pass: number;
  readonly attempt: number;
  readonly worker: number;
  readonly startedAt: number;
  /** `failed`, `timeout`, `crashed`, `lost`, `mismatch` */
  readonly how: string;
  readonly error: ErrorJson | null;
  readonly spent: Spend | null;
  readonly next:
    | { readonly to: "ready"; readonly attempt: number; readonly crashes: number; readonly alone: boolean }
    | {
        readonly to: "delayed";
        readonly dueAt: number;
        readonly attempt: number;
        readonly crashes: number;
        readonly alone: boolean;
      }
    | { readonly to: "held"; readonly reason: Reason; readonly attempt: number; readonly crashes: number }
    /** Idle when its worker went: it waits in no worker's memory. Ready instead when something has settled for it. */
    | { readonly to: "parked"; readonly attempt: number; readonly crashes: number }
    /**
     * The same task begins anew with another input, these options and an empty journal; children under way are canceled.
     * Messages that its code had not `seen` go back to the front of the box.
     */
    | { readonly to: "continued"; readonly input: string; readonly options: string | null; readonly seen: number };
}

export interface Claim extends Standing {
  readonly lane: number;
  readonly prio: number;
  readonly pass: number;
  readonly run: number;
  readonly worker: number;
}

/**
 * A task that is not running, or is an agent's, is closed at once. A workflow that has begun is told (a delivery with act
 * 0) and ends by itself; asked for a second time, it is closed at once as well, and so is the tree below it. What is
 * canceled only because its parent was, or has ended, is told once and left to unwind.
 */
export interface CancelRequest {
  readonly task: number;
  readonly reason: string;
  /** Who was told before is left to unwind: for what may ask twice without meaning it. @default false */
  readonly once?: boolean;
}

/** A message from outside for a task. */
export interface NewMessage {
  readonly task: number;
  readonly name: string;
  readonly value: string;
  /** The same key for the same task is taken once. */
  readonly key: string | null;
}

/** A person's or a policy's word on an approval: the first one counts. */
export interface Answer {
  readonly task: number;
  readonly act: number;
  readonly value: string | null;
  readonly error: ErrorJson | null;
}

/** One transaction. Its parts take effect in the order of the fields. */
export interface Batch {
  readonly now: number;
  readonly boot: number;
  readonly acts: readonly ActBatch[];
  readonly settles: readonly Settlement[];
  readonly requeues: readonly Requeue[];
  /**
   * Close at most so many runs whose deadline or ttl has passed; after the cancels, move as many due tasks to ready,
   * and end as many waits whose time has come.
   */
  readonly dueSlice: number;
  readonly cancels: readonly CancelRequest[];
  /** Continue cancel jobs, at most so many children. */
  readonly cancelSlice: number;
  readonly messages: readonly NewMessage[];
  readonly answers: readonly Answer[];
  /** Parked tasks that must come back although nothing has settled for them. */
  readonly wakes: readonly number[];
  readonly ticks: readonly Tick[];
  readonly tasks: readonly NewTask[];
  readonly claims: readonly Claim[];
  /** Who is to be told what this batch brings about: their calls are stored with it. */
  readonly webhooks: readonly WebhookWant[];
}

/** Something settled that a parent's code may wait for. */
export interface StoredDelivery {
  readonly parent: number;
  readonly seq: number;
  readonly act: number;
  readonly status: OutcomeStatus;
  readonly value: string | null;
  readonly ref: string | null;
  readonly error: ErrorJson | null;
  readonly at: number;
}

/** A task that a cancel, a deadline or a ttl closed, and what it held. */
export interface Closed {
  readonly task: number;
  readonly run: number;
  readonly parent: number | null;
  readonly definition: number;
  readonly leaseNo: number;
  readonly status: "canceled" | "failed";
  readonly error: ErrorJson;
  readonly reason: string;
  readonly was: "running" | "ready" | "delayed" | "held" | "parked";
  readonly lane: number;
}

export interface ReadyRow extends Standing {
  readonly lane: number;
  readonly prio: number;
  readonly pass: number;
  readonly since: number;
}

export interface StoredEvent {
  readonly run: number;
  readonly cursor: number;
  readonly type: "settled" | "emit" | "approval";
  readonly task: number;
  readonly act: number | null;
}

export interface BatchResult {
  /** Acts whose attempt had lost its lease: nothing of them was stored. */
  readonly fencedActs: readonly Lease[];
  /** Settlements and requeues whose attempt had lost its lease. */
  readonly fenced: readonly Lease[];
  readonly deliveries: readonly StoredDelivery[];
  readonly closed: readonly Closed[];
  readonly due: readonly ReadyRow[];
  /** Tasks that were parked, or were to be, and are ready: something has settled for them. */
  readonly woken: readonly ReadyRow[];
  /** Tasks that are parked now because their worker wanted to forget them. */
  readonly parked: readonly number[];
  /** By index of `messages`: why one was not taken. Those that were are left out. */
  readonly unsent: ReadonlyMap<number, "ended" | "full" | "duplicate">;
  /** By index of `answers`: those that came too late, or whose approval does not exist. */
  readonly unanswered: ReadonlySet<number>;
  /**
   * By index of `tasks`: the run that was there before. It has the idempotency key (one of the outbox is stored as failed
   * then), or it is that one of the outbox.
   */
  readonly existing: ReadonlyMap<number, { readonly task: number; readonly secret: string; readonly inputHash: string }>;
  readonly unclaimed: readonly Lease[];
  readonly events: readonly StoredEvent[];
  /** True while cancel jobs are left. */
  readonly moreCancels: boolean;
  /** When the next delayed task, wait, deadline or ttl is due; null when there is none. Only with a `dueSlice`. */
  readonly nextDueAt: number | null;
  /** What became of each of `ticks`. */
  readonly ticked: readonly Ticked[];
  /** When the next schedule is due; null when there is none, undefined when nobody looked. */
  readonly nextTickAt: number | null | undefined;
  /** Calls of webhooks that were stored. */
  readonly webhookCalls: number;
}

export interface TaskRow {
  readonly id: number;
  /** Of its run: children inherit it. */
  readonly namespace: number;
  readonly run: number;
  readonly parent: number | null;
  readonly act: number | null;
  readonly key: string | null;
  readonly path: string | null;
  readonly secret: string | null;
  readonly definition: number;
  readonly lane: number;
  readonly prio: number;
  readonly pass: number;
  readonly tenant: string | null;
  readonly depth: number;
  readonly detached: boolean;
  readonly input: string;
  readonly options: string | null;
  readonly createdAt: number;
}

export interface OutcomeRow {
  readonly task: number;
  readonly leaseNo: number;
  readonly status: OutcomeStatus;
  readonly attempt: number;
  readonly worker: number | null;
  readonly seq: number | null;
  readonly startedAt: number | null;
  readonly finishedAt: number;
  readonly value: string | null;
  readonly ref: string | null;
  readonly error: ErrorJson | null;
  readonly spent: Spend | null;
  readonly gaps: string | null;
}

export interface AttemptRow {
  readonly leaseNo: number;
  readonly attempt: number;
  readonly worker: number | null;
  readonly startedAt: number;
  readonly endedAt: number | null;
  readonly how: string;
  readonly error: ErrorJson | null;
}

/** What a task's code has asked, without the values that came of it: those are read in pages (`settled`). */
export interface Journal {
  readonly acts: number;
  readonly startedAt: number;
  readonly lastSeq: number;
  /** The execution that counts began after this seq. */
  readonly baseSeq: number;
  readonly entries: readonly {
    readonly act: number;
    readonly kind: "child" | "step" | "emit" | "send" | WaitKind;
    readonly key: string;
    readonly inputHash: string;
    readonly askedAfter: number;
    readonly seq: number | null;
  }[];
  /** It is being canceled: told at this seq, which is no act's. */
  readonly cancel: { readonly seq: number; readonly reason: string; readonly at: number } | null;
}

/** An act of a task that may have ended long ago. */
export interface AskedRow {
  readonly act: number;
  readonly kind: "child" | "step" | WaitKind;
  readonly key: string;
  readonly inputHash: string;
  readonly askedAfter: number;
  readonly seq: number | null;
  /** null: it has not ended. */
  readonly status: OutcomeStatus | null;
  /** Of a child. */
  readonly task: number | null;
}

export interface WaitRow {
  readonly task: number;
  readonly act: number;
  readonly kind: WaitKind;
  readonly name: string | null;
  readonly detail: string | null;
  readonly begunAt: number;
  readonly dueAt: number | null;
  /** null: open. */
  readonly endedAt: number | null;
  readonly value: string | null;
  readonly error: ErrorJson | null;
}

/** Where a task is, found by looking in each place. */
export type Whereabouts =
  | {
      readonly in: "ready";
      readonly leaseNo: number;
      readonly attempt: number;
      readonly crashes: number;
      readonly alone: boolean;
      readonly since: number;
    }
  | {
      readonly in: "delayed";
      readonly dueAt: number;
      readonly leaseNo: number;
      readonly attempt: number;
      readonly crashes: number;
    }
  | {
      readonly in: "running";
      readonly leaseNo: number;
      readonly attempt: number;
      readonly crashes: number;
      readonly worker: number;
      readonly claimedAt: number;
      readonly armed: boolean;
      readonly remaining: number;
    }
  | {
      readonly in: "held";
      readonly reason: string;
      readonly error: ErrorJson | null;
      readonly leaseNo: number;
      readonly attempt: number;
      readonly crashes: number;
      readonly since: number;
    }
  | {
      readonly in: "parked";
      readonly leaseNo: number;
      readonly attempt: number;
      readonly crashes: number;
      readonly since: number;
      readonly remaining: number;
    }
  | { readonly in: "outcome"; readonly outcome: OutcomeRow };

export interface StageRow {
  readonly definition: number;
  readonly total: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly canceled: number;
  readonly quarantined: number;
  readonly retried: number;
}
export interface RunRow {
  readonly task: TaskRow;
  readonly outcome: OutcomeRow | null;
  readonly cursor: number;
  readonly spent: Spend;
  readonly stages: readonly StageRow[];
  readonly origin: Origin | null;
}

export interface DefinitionRow {
  readonly id: number;
  /** 0: known in every namespace. */
  readonly namespace: number;
  readonly name: string;
  readonly card: string;
}
export interface LaneRow {
  readonly id: number;
  /** Its namespace is the lane's. */
  readonly definition: number;
  readonly needs: readonly string[];
  /** What its workers' code must be; empty: any. */
  readonly build: string;
}

/** What an orchestrator knows when it opens its eyes. */
export interface Boot {
  readonly boot: number;
  /** Workers of this life are numbered from here on. */
  readonly nextWorker: number;
  readonly definitions: readonly DefinitionRow[];
  readonly lanes: readonly LaneRow[];
  /** Ready tasks by lane, and the highest place among them. */
  readonly depth: ReadonlyMap<number, { readonly ready: number; readonly lastPass: number }>;
  readonly delayed: number;
  readonly nextDueAt: number | null;
  readonly nextTickAt: number | null;
  readonly cancelsLeft: boolean;
  /** Attempts of earlier lives that were put back to ready. */
  readonly recovered: number;
  /** Waiting workflows outside every worker's memory. */
  readonly parked: number;
}

export interface TaskPage {
  readonly rows: readonly { readonly task: TaskRow; readonly where: Whereabouts | null }[];
  readonly next: number | null;
}

/** Tasks of one node of a plan that are in the same case. */
export interface PlanTally {
  readonly node: string;
  /** null: not settled. */
  readonly status: OutcomeStatus | null;
  readonly tasks: number;
  /** Of the first of them. */
  readonly act: number;
}

export interface Store {
  /**
   * Begins a new life: a new boot number. Of a store with one owner, running tasks of earlier lives go back to ready without
   * a charge.
   */
  boot(p: {
    readonly nonce: string;
    readonly pid: number;
    readonly now: number;
    /** Boot numbers to leave out before this one: drawn at random, two copies of a store never give out one fence. @default 0 */
    readonly skip?: number;
  }): Awaitable<Boot>;
  /** @throws FLOTILLA_STORE_FULL, FLOTILLA_STORE_UNUSABLE: then nothing of the batch was stored. */
  commit(batch: Batch): Awaitable<BatchResult>;
  /** Numbers for new tasks that nobody else is given: `count` of them from `first` on. */
  taskIds(count: number): Awaitable<{ readonly first: number; readonly count: number }>;
  /** null: this store has one owner. */
  readonly shared: SharedStore | null;
  /** Its writes belong to the latest life, as batches do: an earlier one changes nothing. @throws FLOTILLA_STORE_LOCKED */
  readonly catalogue: {
    /** All definitions and lanes, those that others have brought included. */
    read(): Awaitable<{ readonly definitions: readonly DefinitionRow[]; readonly lanes: readonly LaneRow[] }>;
    defineAll(p: {
      readonly boot: number;
      readonly definitions: readonly DefinitionRow[];
      readonly lanes: readonly LaneRow[];
    }): Awaitable<void>;
    /** A build that is new is kept with this instant. */
    joined(p: {
      readonly id: number;
      readonly boot: number;
      readonly name: string;
      readonly pid: number;
      readonly build: string;
      readonly now: number;
    }): Awaitable<void>;
    left(p: { readonly id: number; readonly boot: number; readonly how: string; readonly now: number }): Awaitable<void>;
    /** Held tasks go back to ready: a worker has come, perhaps with the build or the file that they lacked. */
    release(p: { readonly boot: number; readonly now: number }): Awaitable<readonly ReadyRow[]>;
    workerNames(ids: readonly number[]): Awaitable<ReadonlyMap<number, string>>;
  };
  readonly builds: BuildStore;
  readonly schedules: ScheduleStore;
  readonly webhooks: WebhookStore;
  readonly access: AccessStore;
  readonly queue: {
    /** The next ready tasks of these lanes, each in claim order, at most `limit` of each. */
    peek(p: { readonly lanes: readonly number[]; readonly limit: number }): Awaitable<readonly ReadyRow[]>;
  };
  readonly tasks: {
    /** In any order; those that do not exist are left out. */
    get(ids: readonly number[]): Awaitable<readonly TaskRow[]>;
    /** The task with that act under that parent. */
    child(p: { readonly parent: number; readonly act: number }): Awaitable<TaskRow | null>;
    where(id: number): Awaitable<Whereabouts | null>;
    attempts(id: number): Awaitable<readonly AttemptRow[]>;
    journal(id: number): Awaitable<Journal | null>;
    /** What came of those acts of a task, by act; acts that have not settled are left out. */
    settled(p: { readonly task: number; readonly acts: readonly number[] }): Awaitable<ReadonlyMap<number, StoredDelivery>>;
    /** What the last execution of a task of an earlier run has asked for, whatever became of it. */
    asked(id: number): Awaitable<readonly AskedRow[]>;
    /** Open waits of a task, the oldest first. */
    waits(p: { readonly task: number; readonly limit: number }): Awaitable<readonly WaitRow[]>;
    /** That wait, open or ended. */
    wait(p: { readonly task: number; readonly act: number }): Awaitable<WaitRow | null>;
    /** Open approvals of a namespace, the oldest first. `after`: the last one of the page before. */
    approvals(p: {
      readonly namespace: number;
      readonly after: { readonly begunAt: number; readonly task: number; readonly act: number } | null;
      readonly limit: number;
    }): Awaitable<readonly WaitRow[]>;
    children(id: number): Awaitable<{ readonly total: number; readonly unsettled: number }>;
    list(p: {
      readonly run: number;
      readonly definition: number | null;
      readonly state: string | null;
      readonly after: number;
      readonly limit: number;
    }): Awaitable<TaskPage>;
  };
  readonly runs: {
    get(id: number): Awaitable<RunRow | null>;
    list(p: {
      readonly namespace: number;
      readonly definition: number | null;
      readonly status: string | null;
      readonly before: number | null;
      readonly limit: number;
    }): Awaitable<readonly RunRow[]>;
    outcome(id: number): Awaitable<OutcomeRow | null>;
    /** The end of a run that is named from outside: undefined when there is no such run, null while it goes on. */
    ended(p: { readonly id: number; readonly secret: string }): Awaitable<OutcomeRow | null | undefined>;
  };
  readonly events: {
    after(p: { readonly run: number; readonly cursor: number; readonly limit: number }): Awaitable<readonly StoredEvent[]>;
    emit(p: {
      readonly task: number;
      readonly act: number;
    }): Awaitable<{ readonly name: string; readonly value: string; readonly at: number } | null>;
  };
  readonly plans: {
    /** The latest emits of that name, in the order of their acts. */
    rows(p: {
      readonly task: number;
      readonly name: string;
      readonly limit: number;
    }): Awaitable<readonly { readonly act: number; readonly value: string }[]>;
    /** What became of the nodes whose keys lie in `scope`, of children asked after the act `after`. */
    tally(p: { readonly parent: number; readonly after: number; readonly scope: string }): Awaitable<readonly PlanTally[]>;
  };
  readonly upkeep: UpkeepStore;
  readonly facts: { readonly url: string; readonly schema: number; readonly durability: "power" | "process" };
  close(): Awaitable<void>;
}
