// What clients see: JSON views of runs, tasks and workers, and the calls that give them. The HTTP routes, the control
// socket and the CLI all speak these shapes; instants are ISO 8601 strings, spans are numbers of ms.
import type { BulkRequest, BulkView } from "./bulk.ts";
import type { ErrorJson } from "../core/error.ts";
import type { Reason } from "../core/reason.ts";
import type { Priority, TaskState } from "../core/task.ts";
import type { BackupReply } from "./backup.ts";
import type { GapNote } from "./gaps.ts";
import type { SchedulesApi } from "./schedules.ts";
import type { TokensApi } from "./tokens.ts";
import type { WebhooksApi } from "./webhooks.ts";

export const runStatuses = ["running", "succeeded", "partial", "failed", "canceled", "stopped", "quarantined"] as const;
export type RunStatus = (typeof runStatuses)[number];

/** Exact counts of one definition's tasks in a run. */
export interface StageView {
  readonly stage: string;
  readonly total: number;
  readonly running: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly canceled: number;
  readonly quarantined: number;
  readonly retried: number;
}

export interface RunView {
  readonly id: string;
  readonly name: string;
  readonly status: RunStatus;
  readonly tenant: string;
  readonly tags: readonly string[];
  /** What it goes on from: the run that it repairs, or the task that it forks or redrives. */
  readonly origin: { readonly how: "repair" | "fork" | "redrive"; readonly of: string } | null;
  readonly createdAt: string;
  readonly finishedAt: string | null;
  /** When it is closed if it has not ended. */
  readonly deadlineAt: string | null;
  /** When it is closed if nothing of it has begun. */
  readonly ttlAt: string | null;
  /** What started it, and for which tick; `at` is null when somebody triggered it. */
  readonly schedule: { readonly name: string; readonly at: string | null } | null;
  /** Tasks in the whole tree, the root counted. */
  readonly tasks: { readonly total: number; readonly done: number; readonly failed: number };
  readonly stages: readonly StageView[];
  readonly error: ErrorJson | null;
  /** What a partial run did without: all are counted; the first 1,000 are named in the view of one run, none in a list. */
  readonly gaps: { readonly total: number; readonly named: readonly GapNote[] };
  readonly spent: { readonly microUsd: number; readonly inputTokens: number; readonly outputTokens: number };
}

export interface AttemptView {
  readonly attempt: number;
  readonly leaseNo: number;
  readonly worker: string | null;
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly outcome: string;
  readonly error: ErrorJson | null;
}

export interface TaskView {
  readonly id: string;
  readonly runId: string;
  readonly parentId: string | null;
  readonly key: string | null;
  readonly name: string;
  readonly kind: "agent" | "workflow";
  readonly state: TaskState;
  readonly attempt: number;
  readonly crashes: number;
  readonly priority: Priority;
  readonly tenant: string;
  readonly worker: string | null;
  readonly createdAt: string;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  readonly waitMs: number | null;
  readonly runMs: number | null;
  readonly progress: { readonly done?: number; readonly total?: number; readonly note?: string } | null;
  readonly error: ErrorJson | null;
}

export interface TaskDetail extends TaskView {
  readonly input: unknown;
  readonly output: unknown;
  readonly attempts: readonly AttemptView[];
  readonly children: { readonly total: number; readonly unsettled: number };
}

/** A node of a plan that a workflow executes, with what became of its tasks. */
export interface PlanNodeView {
  readonly id: string;
  readonly kind: "call" | "map";
  readonly agent: string;
  /** Ids of the nodes that it uses or comes after. */
  readonly needs: readonly string[];
  readonly note: string | null;
  /** `pending`: it waits for other nodes. `not-run`: it needs one that did not succeed, or its workflow has ended. */
  readonly state: TaskState | "pending" | "not-run";
  /** The task of a call; null while it has none, and of a map. */
  readonly task: string | null;
  readonly tasks: { readonly total: number; readonly succeeded: number; readonly failed: number; readonly open: number };
  /** The plan of the same task that ran it, when its result was kept. */
  readonly keptFrom: string | null;
  /** Why it was refused before there was a task. */
  readonly error: { readonly code: string; readonly message: string } | null;
}
export interface PlanView {
  /** Its key in the task that executes it, such as `plan` or `plan#2`. */
  readonly key: string;
  /** Id of the node whose value it gives. */
  readonly result: string;
  readonly nodes: readonly PlanNodeView[];
}

export interface Explanation {
  readonly task: string;
  readonly state: TaskState;
  readonly reason: Reason | null;
  /** One sentence with the facts: how many workers, until when. */
  readonly detail: string;
  readonly fix: readonly string[];
}

export interface WorkerView {
  readonly id: string;
  readonly name: string;
  readonly pid: number;
  readonly isolation: "in-process" | "child-process" | "remote";
  readonly state: "idle" | "busy" | "draining" | "unresponsive";
  readonly slots: number;
  readonly busy: number;
  readonly offers: readonly string[];
  readonly definitions: readonly string[];
  readonly build: string;
  /** The pool that it says it belongs to. */
  readonly pool?: string;
  readonly joinedAt: string;
  readonly tasks: readonly { readonly id: string; readonly name: string; readonly forMs: number }[];
}

export interface HealthView {
  readonly version: string;
  readonly pid: number;
  readonly node: string;
  readonly store: string;
  readonly schema: number;
  readonly durability: "power" | "process";
  readonly startedAt: string;
  readonly workers: { readonly live: number; readonly slots: number; readonly busy: number };
  readonly queue: {
    readonly ready: number;
    /** null in the view of one namespace: they are not counted apart. */
    readonly delayed: number | null;
    readonly running: number;
    /** Workflows that wait in nobody's memory; null as above. */
    readonly parked: number | null;
    readonly oldestReadyMs: number | null;
  };
  /** Since when the store has no room: nothing is started or claimed, results are held. Null: it has. */
  readonly storeFullAt: string | null;
  /** Of a store that several orchestrators share, as each said last; none where one process owns it. `answers`: this one. */
  readonly orchestrators: readonly {
    readonly host: string;
    readonly pid: number;
    readonly version: string;
    readonly startedAt: string;
    readonly workers: number;
    readonly slots: number;
    readonly busy: number;
    readonly answers: boolean;
  }[];
  /** Of the live workers of this orchestrator, the newest first. */
  readonly builds: readonly BuildView[];
  /** Definitions that a task may need and no live worker has. */
  readonly uncovered: readonly string[];
}

/** A definition as whoever wants to start it sees it. */
export interface DefinitionView {
  readonly name: string;
  readonly kind: "agent" | "workflow" | "contract";
  readonly description: string;
  /** JSON Schema 2020-12 of the input; null where the schema's library cannot say. */
  readonly inputSchema: unknown;
}

/** A window of a list; how long the list is, it does not say. `next` goes on after it (`after`), null at the end. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

export interface StartRequest {
  readonly name: string;
  /** JSON text. */
  readonly input: string;
  readonly idempotencyKey?: string;
  readonly tenant?: string;
  readonly tags?: readonly string[];
  readonly priority?: Priority;
  readonly delayMs?: number;
  /** Not both of `delayMs` and `startAt`. */
  readonly startAt?: string;
  /** From the start; not both of `deadlineMs` and `deadlineAt`. */
  readonly deadlineMs?: number;
  readonly deadlineAt?: string;
  /** From when it may first start. */
  readonly ttlMs?: number;
  /** Computed by the client, which has the code: hash of the canonical input. Only with an idempotency key. */
  readonly inputHash?: string;
}
export interface StartReply {
  readonly id: string;
  /** True when the idempotency key had already started it. */
  readonly existing: boolean;
  /** Ready tasks before this one in its lane, and how hard the queue is pressed. */
  readonly depth: number;
  readonly pressure: "none" | "some" | "high";
}

/** A message for a run or a task. `value` is JSON text; the same key for the same task is taken once. */
export interface MessageRequest {
  readonly name: string;
  readonly value: string;
  readonly key?: string;
}

/** What a workflow asks of people. */
export interface ApprovalView {
  readonly id: string;
  readonly runId: string;
  readonly taskId: string;
  readonly title: string;
  readonly detail: string | null;
  readonly diff: string | null;
  /** Who may answer. */
  readonly role: string | null;
  /** What may be edited: the value proposed, and its JSON Schema. */
  readonly value: unknown;
  readonly valueSchema: unknown;
  readonly askedAt: string;
  readonly expiresAt: string | null;
  /** What it means that it expires. */
  readonly onTimeout: "reject" | "approve";
  /** `canceled`: its workflow stopped asking. */
  readonly state: "open" | "approved" | "rejected" | "canceled";
}
export interface ApprovalsQuery {
  readonly limit?: number;
  /** The last approval of the page before. */
  readonly after?: string;
}
export interface ApproveRequest {
  /** Who says so. */
  readonly by?: string;
  readonly note?: string;
  /** JSON text of the edited value. */
  readonly value?: string;
}
export interface RejectRequest {
  readonly by?: string;
  readonly reason: string;
}

/** The end of a task as stored. `value` is JSON text. */
export interface OutcomeReply {
  readonly status: "succeeded" | "partial" | "failed" | "canceled" | "quarantined" | "stopped";
  readonly value: string | null;
  readonly error: ErrorJson | null;
  /** JSON text of `GapNotes`: what a partial run did without. */
  readonly gaps?: string | null;
}

export interface RunsQuery {
  readonly status?: RunStatus;
  readonly name?: string;
  readonly limit?: number;
  readonly after?: string;
}
export interface TasksQuery {
  readonly run: string;
  readonly state?: TaskState;
  readonly name?: string;
  readonly limit?: number;
  readonly after?: string;
}

/** Everything a client may ask of an orchestrator, near (a function call) or far (HTTP). */
/** What to delete: one run, or all of a tenant's. */
export interface PurgeRequest {
  readonly run?: string;
  readonly tenant?: string;
}

/** Workers that are to leave: all of a build, or one by its name or id. */
export interface DrainRequest {
  readonly build?: string;
  readonly worker?: string;
  /** Idle workflows are parked instead of ended there. @default false */
  readonly park?: boolean;
}
export interface DrainReply {
  /** Names of those that are meant at the orchestrator that was asked; others hear of it through the store. */
  readonly workers: readonly string[];
}

/** Workers with the same `FLOTILLA_BUILD`. */
export interface BuildView {
  readonly build: string;
  readonly workers: number;
  readonly slots: number;
  /** Runs start there as long as it has room. */
  readonly newest: boolean;
  readonly draining: boolean;
}

export interface PurgeReply {
  readonly runs: number;
  readonly tasks: number;
  /** Runs of the tenant that were left, because something of them is open. */
  readonly open: number;
}

export interface OrchestratorApi {
  start(requests: readonly StartRequest[]): Promise<StartReply>[];
  outcome(run: string, signal?: AbortSignal): Promise<OutcomeReply>;
  /** Resolves when the cancel is durable; it reaches every descendant in slices after that. */
  cancel(id: string, reason: string): Promise<void>;
  /** Resolves when the message is stored. */
  send(id: string, message: MessageRequest): Promise<void>;
  /** Open approvals, the oldest first. */
  approvals(q: ApprovalsQuery): Promise<Page<ApprovalView>>;
  approval(id: string): Promise<ApprovalView>;
  approve(id: string, r: ApproveRequest): Promise<void>;
  reject(id: string, r: RejectRequest): Promise<void>;
  /** A new run that does again what did not succeed in a closed one, and takes over the rest. */
  repair(run: string): Promise<StartReply>;
  /** A new run that asks that task again with another input (JSON text), and takes over what does not depend on it. */
  fork(task: string, input: string): Promise<StartReply>;
  /** A quarantined or failed task once more, as a run of its own. */
  redrive(task: string): Promise<StartReply>;
  /** JSON text of what the workflow's code answers to that query. */
  query(id: string, name: string): Promise<string>;
  run(id: string): Promise<RunView>;
  runs(q: RunsQuery): Promise<Page<RunView>>;
  task(id: string): Promise<TaskDetail>;
  tasks(q: TasksQuery): Promise<Page<TaskView>>;
  explain(id: string): Promise<Explanation>;
  /** The latest plans that a task executed, or a run's root task, the oldest first. */
  plans(id: string): Promise<readonly PlanView[]>;
  /** @throws FLOTILLA_UNKNOWN_DEFINITION */
  definition(name: string): Promise<DefinitionView>;
  workers(): Promise<readonly WorkerView[]>;
  /** @throws FLOTILLA_NOT_FOUND when the build, or the worker, is unknown */
  drainWorkers(r: DrainRequest): Promise<DrainReply>;
  /** A build that is being drained takes new tasks again. @throws FLOTILLA_NOT_FOUND when it is not being drained */
  resumeBuild(build: string): Promise<void>;
  health(): Promise<HealthView>;
  /** Durable events after the cursor, then live ones, until the run's end or until `signal` aborts. */
  events(run: string, o: { after?: string; types?: readonly string[]; signal?: AbortSignal }): AsyncIterable<EventView>;
  artifact(ref: string): Promise<string>;
  /** Deletes closed runs now, with inputs, results, journals and keys. @throws FLOTILLA_STILL_OPEN */
  purge(q: PurgeRequest): Promise<PurgeReply>;
  /**
   * Counts what a filter finds and, with `expect`, does to all of it what is asked for, in slices of 500; gives how far it
   * is until it is done. It stops when its reader leaves: what is done stays done, and asked for again it does the rest.
   * @throws FLOTILLA_CONFIG_INVALID, FLOTILLA_BULK_GREW, FLOTILLA_TOO_MANY
   */
  bulk(q: BulkRequest, signal?: AbortSignal): AsyncIterable<BulkView>;
  /** Copies the store into a new folder (an absolute path) of the orchestrator's machine, while it works. */
  backup(folder: string): Promise<BackupReply>;
  readonly schedules: SchedulesApi;
  readonly tokens: TokensApi;
  readonly webhooks: WebhooksApi;
}

export interface EventView {
  readonly type: string;
  readonly cursor: string;
  readonly at: string;
  readonly runId: string;
  readonly data: unknown;
}
