// What the model keeps, as plain rows in Maps. Rows are replaced and never changed in place, so a copy of the Maps is a
// copy of everything: a commit works on a copy, which becomes the store only when all of it was taken.
import { defaultNamespace } from "../../../src/core/namespace.ts";
import type { ErrorJson } from "../../../src/core/error.ts";
import type { OutcomeStatus } from "../../../src/core/task.ts";
import type { Spend } from "../../../src/protocol/worker.ts";
import type {
  AttemptRow,
  DefinitionRow,
  Journal,
  LaneRow,
  Origin,
  OutcomeRow,
  StageRow,
  StoredEvent,
  TaskRow,
  WaitRow,
} from "../../../src/store/contract.ts";
import type { Drain } from "../../../src/store/builds.ts";
import type { TokenRow } from "../../../src/store/access.ts";
import type { ScheduleRow } from "../../../src/store/schedules.ts";
import type { LifeRow, Notice } from "../../../src/store/shared.ts";

/** A task, and what its birth adds to the journal of its parent. */
export interface StoredTask {
  readonly row: TaskRow;
  readonly inputHash: string | null;
  readonly askedAfter: number | null;
  readonly shielded: boolean;
}

interface Standing {
  readonly leaseNo: number;
  readonly attempt: number;
  readonly crashes: number;
  readonly alone: boolean;
}

/** Where a task is. It is in one Map, so it is in one place. */
export type Place =
  | (Standing & { readonly in: "ready"; readonly since: number })
  | (Standing & { readonly in: "delayed"; readonly dueAt: number })
  | (Standing & { readonly in: "running"; readonly boot: number; readonly worker: number; readonly claimedAt: number })
  | (Standing & { readonly in: "held"; readonly reason: string; readonly error: ErrorJson | null; readonly since: number })
  | (Standing & { readonly in: "parked"; readonly since: number })
  | { readonly in: "outcome"; readonly outcome: OutcomeRow };

/** What a task that has asked for something waits for, and how far its journal goes. Gone when the task has ended. */
export interface Gate {
  /** Children of this execution under way that are not detached. */
  readonly remaining: number;
  readonly acts: number;
  readonly lastSeq: number;
  /** Its code is idle in a worker's memory. */
  readonly armed: boolean;
  readonly startedAt: number;
  /** The execution that counts began after this act and this seq: it has continued as a new one. */
  readonly baseAct: number;
  readonly baseSeq: number;
  /** A workflow's: told of a cancel, it ends by itself. */
  readonly unwinds: boolean;
  /** It was told. */
  readonly cancel: Journal["cancel"];
}

export interface Wait extends WaitRow {
  readonly key: string;
  readonly inputHash: string;
  readonly askedAfter: number;
  readonly seq: number | null;
  readonly status: OutcomeStatus | null;
  /** Its code left it when its message was under way: the message is another wait's. */
  readonly givenBack: boolean;
}

/** What was sent to a task, in the order of arrival. One that was taken stays only for its key. */
export interface Message {
  readonly task: number;
  readonly name: string;
  readonly value: string;
  readonly key: string | null;
  readonly taken: boolean;
}

/** That a task's code has sent something. */
export interface Sent {
  readonly task: number;
  readonly act: number;
  readonly key: string;
  readonly inputHash: string;
  readonly askedAfter: number;
}

export interface Step {
  readonly task: number;
  readonly act: number;
  readonly key: string;
  readonly askedAfter: number;
  /** null: begun, and not known to have ended. */
  readonly seq: number | null;
  readonly endedAt: number | null;
  readonly value: string | null;
  readonly ref: string | null;
  readonly error: ErrorJson | null;
}

export interface Emit {
  readonly task: number;
  readonly act: number;
  readonly key: string;
  readonly askedAfter: number;
  readonly name: string;
  readonly value: string;
  readonly at: number;
}

/** Children of a task, those after act `afterAct`, are still to be canceled. */
export interface CancelJob {
  readonly afterAct: number;
  /** null: all that it has. */
  readonly upto: number | null;
  /** Also those that a shield protects. */
  readonly shielded: boolean;
  readonly force: boolean;
  readonly reason: string;
}

/** When a run is closed that has not ended, or not begun. */
export interface Expiry {
  readonly at: number;
  readonly task: number;
  readonly kind: "deadline" | "ttl";
}

export interface Schedule extends Omit<ScheduleRow, "lastRun"> {
  readonly lastRun: number | null;
}

export interface Rows {
  /** One for each life of an orchestrator; of a store with one owner the last one is alive. */
  readonly lives: { readonly boot: number; readonly pid: number; readonly shares: boolean }[];
  /** Of a store that several share: those that go on. One that is not here owns nothing. */
  readonly alive: Map<number, LifeRow & { readonly roster: string }>;
  /** What a commit of one life means for an attempt that another holds, in order. */
  readonly notices: { readonly to: number; readonly notice: Notice }[];
  /** The last number that was given out, by what it numbers. */
  readonly counters: Map<"task" | "notice" | "catalogue", number>;
  /** By name. */
  readonly namespaces: Map<string, number>;
  /** By their hash, in the order of their making. */
  readonly tokens: Map<string, TokenRow>;
  readonly workers: Map<number, { readonly name: string }>;
  /** When the first worker of each came. */
  readonly builds: Map<string, number>;
  /** By kind and name. */
  readonly drains: Map<string, Drain>;
  readonly definitions: Map<number, DefinitionRow>;
  readonly lanes: Map<number, LaneRow>;
  readonly tasks: Map<number, StoredTask>;
  readonly places: Map<number, Place>;
  readonly gates: Map<number, Gate>;
  /** By task and act, as `name` writes them. */
  readonly steps: Map<string, Step>;
  readonly emits: Map<string, Emit>;
  readonly waits: Map<string, Wait>;
  readonly sent: Map<string, Sent>;
  readonly messages: Message[];
  /** By run. */
  readonly origins: Map<number, Origin>;
  /** Attempts that did not end their task, by task and lease number. */
  readonly attempts: Map<string, AttemptRow & { readonly task: number }>;
  readonly cursors: Map<number, number>;
  readonly spent: Map<number, Spend>;
  /** By run and definition. */
  readonly stages: Map<string, StageRow & { readonly run: number }>;
  readonly events: StoredEvent[];
  /** Idempotency keys, by definition and key. */
  readonly keys: Map<string, { readonly task: number; readonly inputHash: string }>;
  /** Of tasks that have continued: the act after which their last execution began. */
  readonly bases: Map<number, number>;
  /** By the parent of those that are to be canceled. */
  readonly cancelJobs: Map<number, CancelJob>;
  /** By task and kind. */
  readonly expiries: Map<string, Expiry>;
  readonly schedules: Map<number, Schedule>;
  /** A name for each id that was given out, those of deleted ones too: none is given out again. */
  readonly scheduleIds: string[];
  /** Runs beside which their schedule starts nothing, and that schedule. */
  readonly aloneOf: Map<number, number>;
}

/** What survives the death of whoever has the store open: open another one on the same disk. */
export interface Disk {
  rows: Rows;
  /** Changes are made where the rows are: for many small ones that never throw half-way, as a simulation has them. */
  readonly inPlace?: boolean;
}

export function emptyDisk(): Disk {
  return {
    rows: {
      lives: [],
      alive: new Map(),
      notices: [],
      counters: new Map(),
      workers: new Map(),
      builds: new Map(),
      drains: new Map(),
      namespaces: new Map([[defaultNamespace.name, defaultNamespace.id]]),
      tokens: new Map(),
      definitions: new Map(),
      lanes: new Map(),
      tasks: new Map(),
      places: new Map(),
      gates: new Map(),
      steps: new Map(),
      emits: new Map(),
      waits: new Map(),
      sent: new Map(),
      messages: [],
      origins: new Map(),
      attempts: new Map(),
      cursors: new Map(),
      spent: new Map(),
      stages: new Map(),
      events: [],
      keys: new Map(),
      bases: new Map(),
      cancelJobs: new Map(),
      expiries: new Map(),
      schedules: new Map(),
      scheduleIds: [],
      aloneOf: new Map(),
    },
  };
}

/** Does the whole of it or, when it throws, nothing. */
export function inTransaction<T>(disk: Disk, work: (rows: Rows) => T): T {
  if (disk.inPlace) return work(disk.rows);
  const copy = Object.fromEntries(
    Object.entries(disk.rows).map(([name, table]) => [
      name,
      Array.isArray(table) ? [...table] : new Map(table as Map<unknown, unknown>),
    ]),
  ) as unknown as Rows;
  const result = work(copy);
  disk.rows = copy;
  return result;
}

/** The next number of its kind. */
export function count(rows: Rows, what: "task" | "notice" | "catalogue", by = 1): number {
  const n = (rows.counters.get(what) ?? 0) + by;
  rows.counters.set(what, n);
  return n;
}

/** The name of a row that two values name together. */
export function name(a: number, b: number | string): string {
  return `${a}:${b}`;
}

/** A row that must not be there yet. */
export function add<K, V>(table: Map<K, V>, key: K, row: V): void {
  if (table.has(key)) throw new Error(`there is a row ${String(key)} already`);
  table.set(key, row);
}

/** A row that must be there. */
export function need<K, V>(table: ReadonlyMap<K, V>, key: K): V {
  const row = table.get(key);
  if (row === undefined) throw new Error(`there is no row ${String(key)}`);
  return row;
}

/** The children of a task, in the order of their acts. */
export function childrenOf(rows: Rows, parent: number): StoredTask[] {
  return [...rows.tasks.values()]
    .filter((t) => t.row.parent === parent)
    .toSorted((a, b) => (a.row.act as number) - (b.row.act as number));
}
