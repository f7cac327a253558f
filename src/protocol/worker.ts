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
//     more   ───────▶            the next page of what had settled before this attempt
//            ◀─────── journal    the next page of what earlier attempts asked
//            ◀─────── parked     the idle attempt that asked for it may be forgotten
//            ◀─────── query      what is the state of your code?
//     answer ───────▶
//     settle ───────▶            the attempt's end, with what it spent
//            ◀─────── settled    that end is committed, or does not count: it need not be kept
//            ◀─────── cancel     stop that attempt: its result no longer counts
//     ended  ───────▶            its code has stopped, or was never here: the slot is free
//     put, get ─────▶            an artifact to store or to load
//            ◀─────── reply      to that request
//     progress, log ▶            told, not recorded
//            ◀─────── ping       is the main loop alive?
//     pong   ───────▶            yes, and so many attempts are here
//            ◀─────── drain      take nothing new, and leave when all is over
//     draining ─────▶            give me nothing new
//     goodbye ──────▶
//            ◀─────── adopted    after a hello with an inventory: that attempt goes on, under a new fence
//
// Across machines these travel in numbered frames (wire/frames.ts), so that a link that breaks for a moment loses nothing.
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
  /** A workflow's: what identifies its code. A task that has begun goes on only where it is the same. */
  readonly code?: string;
  /** A workflow's, of this code: may it go on with what another code has begun, when no worker has that any more? @default "wait" */
  readonly onOrphan?: "wait" | "move-if-unchanged";
}

export interface Hello {
  readonly t: "hello";
  readonly protocol: number;
  readonly name: string;
  readonly pid: number;
  readonly isolation: "in-process" | "child-process" | "remote";
  readonly slots: number;
  readonly offers: readonly string[];
  readonly build: string;
  /** The pool that it is scaled with. */
  readonly pool?: string;
  readonly definitions: readonly DefinitionCard[];
}

/** An attempt that a worker still has, told to an orchestrator that does not know the worker. */
export interface HeldAttempt {
  readonly fence: Fence;
  readonly definition: string;
  /** The highest act that its code has asked, those of earlier attempts counted. */
  readonly acts: number;
  /** The highest seq that has reached it. */
  readonly seq: number;
  /** Its end was reported and never confirmed by `settled`. Adopted, it is reported again. */
  readonly finished: boolean;
}

/** What a worker brings along when its orchestrator is gone, or has forgotten it. */
export interface Inventory {
  /** The public id that it had there. */
  readonly worker: string;
  readonly held: readonly HeldAttempt[];
}

/** One row of a task's journal, as far as it was committed. */
export interface JournalEntry {
  /** 1, 2, 3 ...: the order in which the code asked. */
  readonly act: number;
  readonly kind: "child" | "step" | "emit" | "send" | "timer" | "message" | "approval";
  readonly key: string;
  /** Of what was asked; empty for steps and emits: an emit's key holds the hash of its value. */
  readonly inputHash: string;
  /** The seq that had been delivered when it was asked. */
  readonly askedAfter: number;
  /** Its place in the order of delivery; null while it has not settled. */
  readonly seq: number | null;
}

/** What settled, in the order in which the task's code learns of it. */
export interface Delivery {
  readonly seq: number;
  /** 0: the task itself is being canceled. */
  readonly act: number;
  /** `partial`: a workflow that succeeded with gaps. */
  readonly status: "succeeded" | "partial" | "failed" | "canceled" | "quarantined" | "stopped";
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
  /** The first page of it; `journalLeft` entries follow in `journal` messages, and the code begins after the last. */
  readonly journal: readonly JournalEntry[];
  readonly journalLeft?: number;
  /** The execution that counts began after this seq: the first delivery is the next one. */
  readonly baseSeq?: number;
  /** The highest seq that had settled before this attempt. @default the last of `deliveries` */
  readonly lastSeq?: number;
  /** The first page of what had settled; up to `lastSeq` the others are asked for by `more`, later ones arrive by themselves. */
  readonly deliveries: readonly Delivery[];
  /** References in `items` of the input are loaded before the code gets them. */
  readonly inflate?: boolean;
  /** Keys of steps that an earlier run has done: their functions do not run, their results are taken over. */
  readonly kept?: readonly string[];
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
  /** Asked inside a shield: a cancel of the parent leaves it alone. */
  readonly shielded?: boolean;
  /** Its result is stored as an artifact, and what is delivered is the reference. */
  readonly asRef?: boolean;
  /** References in `items` of its input are loaded before its code gets them. */
  readonly inflate?: boolean;
}
/** A step is about to run. Sent before the effect, so that a crash leaves a trace of the doubt. */
export interface StepAct {
  readonly kind: "step";
  /** One of `kept`: it is not run. */
  readonly adopts?: true;
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
interface Asked {
  readonly act: number;
  readonly key: string;
  readonly inputHash: string;
  readonly askedAfter: number;
}
/** A timer: `delayMs` from when it is stored, or an instant. */
export interface TimerAct extends Asked {
  readonly kind: "timer";
  readonly until: { readonly delayMs: number } | { readonly at: number };
}
/** The next message of that name is this act's. */
export interface MessageAct extends Asked {
  readonly kind: "message";
  readonly name: string;
  readonly timeoutMs: number | null;
}
export interface ApprovalAct extends Asked {
  readonly kind: "approval";
  readonly approval: ApprovalCard;
  readonly timeoutMs: number | null;
}
/** What a person is asked. */
export interface ApprovalCard {
  readonly title: string;
  readonly detail: string | null;
  readonly diff: string | null;
  readonly role: string | null;
  /** JSON Schema of the value that may be edited, and the value proposed; null: there is nothing to edit. */
  readonly edit: { readonly schema: unknown; readonly value: unknown } | null;
  /** What it means that nobody answers in time. */
  readonly onTimeout: "reject" | "approve";
}
/** A message to a child of mine, or to a task of the same run by its public id. Nothing comes back. */
export interface SendAct extends Asked {
  readonly kind: "send";
  readonly to: { readonly act: number } | { readonly task: string };
  readonly name: string;
  readonly value: string;
}
/** Stop a child of mine, or a wait: it lost a race, or `cancel()` was called. */
export interface CancelAct {
  readonly kind: "cancel";
  /** The act that it stops. */
  readonly act: number;
  readonly reason: string;
}
/** The code is idle until something settles: the slot is free. */
export interface WaitAct {
  readonly kind: "wait";
  /** The seq that it has seen; the orchestrator delivers anything later at once. */
  readonly seen: number;
  /** Its worker needs the memory: answered by `parked`, unless there is something to deliver. */
  readonly park?: true;
}
export type Act =
  | ChildAct
  | StepAct
  | StepResultAct
  | EmitAct
  | TimerAct
  | MessageAct
  | ApprovalAct
  | SendAct
  | CancelAct
  | WaitAct;

export type AttemptResult =
  /** `gaps`: JSON of what it did without; then it is partial. */
  | { readonly status: "succeeded"; readonly value: string; readonly gaps?: string }
  /** It was told that it is canceled, and has unwound. */
  | { readonly status: "canceled"; readonly error: ErrorJson }
  /** The next execution of the same task, with this input and an empty journal. */
  | { readonly status: "continued"; readonly input: string; /** The seq that its code has seen. */ readonly seen: number }
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
  | { readonly t: "more"; readonly fence: Fence }
  | {
      readonly t: "answer";
      readonly fence: Fence;
      readonly request: number;
      readonly value: string | null;
      readonly error: ErrorJson | null;
    }
  /** `holds`: attempts that are here, those that wait for a slot or for a child counted, those that were reported not. */
  | { readonly t: "pong"; readonly n: number; readonly holds: number }
  /** It takes nothing new, and leaves when what it has is over. */
  | { readonly t: "draining" }
  /** `crashed`: its process was seen to die by itself, by a parent that tells it here. */
  | { readonly t: "goodbye"; readonly reason: string; readonly crashed?: true };

export type ToWorker =
  | {
      readonly t: "welcome";
      readonly worker: string;
      /** Where in PostgreSQL the fleet's tables are: code may complete its tasks in transactions of that database. */
      readonly store?: { readonly schema: string };
    }
  | { readonly t: "assign"; readonly tasks: readonly Assignment[] }
  | { readonly t: "journal"; readonly fence: Fence; readonly entries: readonly JournalEntry[]; readonly left: number }
  | { readonly t: "deliver"; readonly fence: Fence; readonly deliveries: readonly Delivery[] }
  | { readonly t: "parked"; readonly fence: Fence }
  | { readonly t: "query"; readonly fence: Fence; readonly request: number; readonly name: string }
  | { readonly t: "ack"; readonly fence: Fence; readonly act: number }
  /** The reported end of that attempt is committed, or counts no more. Told to workers across a socket, which keep ends until then. */
  | { readonly t: "settled"; readonly fence: Fence }
  /**
   * The attempt under `fence` of an inventory goes on as `next`. Acts up to `acts` are committed: its worker sends later
   * ones again, and results of steps and cancels that it has not seen answered. Deliveries after the held `seq` follow.
   */
  | { readonly t: "adopted"; readonly fence: Fence; readonly next: Fence; readonly acts: number }
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
  /** `leave`: the worker itself is not wanted any more, here or elsewhere; without it only this orchestrator goes. */
  | { readonly t: "drain"; readonly leave?: true };

/**
 * The orchestrator's end of a link. `send` never throws, and loses what is said to a worker that is gone: whoever made
 * the link sees that (a process that exits, a socket that closes) and tells the orchestrator once, by `Attachment.lost`.
 */
export interface WorkerLink {
  send(message: ToWorker): void;
  /** Ends the worker whatever it does: a child is killed, a session across a socket is over. In-process it only stops. */
  kill(reason: string): void;
  /** Lets a worker elsewhere go with what it executes: it comes to another orchestrator, or to this one again, and brings it along. */
  leave?(): void;
}

/** One worker's place at an orchestrator. */
export interface Attachment {
  readonly id: string;
  receive(m: FromWorker): void;
  /** Nothing reaches it for the moment (false), or all does again: meanwhile it is given no task, and not pinged. */
  reachable(yes: boolean): void;
  /** The worker is gone. `observed`: its process was seen to exit by itself, so what it was executing is suspect. */
  lost(how: string, o: { readonly observed: boolean }): void;
}

/** Where workers are attached: the orchestrator, as links see it. */
export interface WorkerHost {
  /**
   * How long the store has answered, in ms. While it is away a worker that has lost its link can come to nobody, and nobody
   * can be given what it has: the time that it has for coming back begins when the store does. @default always
   */
  answeringMs?(): number;
  /**
   * `inventory`: what the worker still has of a life that this orchestrator may not know; each of it is answered.
   * `namespace`: whose tasks alone it is given, and where alone its definitions are known. @default null: every one
   */
  attach(link: WorkerLink, hello: Hello, o?: { readonly inventory?: Inventory; readonly namespace?: number | null }): Attachment;
}
