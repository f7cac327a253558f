// Runs that go on from others. The new run's code runs from its beginning, and what it asks that the other run has asked
// too, by key and input, is taken over instead of being done again:
//
//   a child that succeeded      its outcome
//   a child that did not        a new task, which goes on from the old one in the same way
//   a step, a wait              its end, unless it was asked after something that is not taken over: it may depend on it
//
// A fork asks one task again with another input; it and the tasks above it are never taken over.
import { FlotillaError } from "../core/error.ts";
import { runId } from "../core/id.ts";
import { priorities } from "../core/task.ts";
import type { StartReply } from "../protocol/views.ts";
import type { AskedRow, Origin, Store, TaskRow } from "../store/contract.ts";
import type { TaskOptions } from "./attempt.ts";
import type { PendingStart } from "./batch.ts";
import type { Engine } from "./engine.ts";
import { findRun, findTask } from "./lookup.ts";
import type { State } from "./state.ts";

/** What a task's options say of where it goes on from. */
export interface OriginOptions {
  /** Internal id of the task of the earlier run. */
  readonly task: number;
  /** Path of acts to it from the root of that run, "" for the root. */
  readonly path: string;
  readonly fork?: { readonly path: string; readonly input: string };
}

/** What an attempt may take over, by kind and key. */
export class Kept {
  readonly options: OriginOptions;
  readonly #rows = new Map<string, AskedRow>();
  /** The first place in the old order of something that is not taken over. */
  readonly #until: number;

  constructor(options: OriginOptions, rows: readonly AskedRow[]) {
    this.options = options;
    let until = Number.POSITIVE_INFINITY;
    for (const row of rows) {
      this.#rows.set(`${row.kind} ${row.key}`, row);
      const isKept = row.status === "succeeded" && !this.#isForked(row);
      if (!isKept && row.seq !== null) until = Math.min(until, row.seq);
    }
    this.#until = until;
  }

  /** A child of that key and input: its old task to take over, or to go on from. */
  child(key: string, inputHash: string): { adopts: number } | { origin: OriginOptions } | undefined {
    const row = this.#rows.get(`child ${key}`);
    if (!row || row.task === null || row.inputHash !== inputHash) return undefined;
    if (row.status === "succeeded" && !this.#isForked(row)) return { adopts: row.task };
    const { fork } = this.options;
    const path = this.#pathOf(row);
    return { origin: { task: row.task, path, ...(fork && this.#isForked(row) ? { fork } : {}) } };
  }

  /** A step or a wait whose end is taken over. */
  act(kind: Exclude<AskedRow["kind"], "child">, key: string, inputHash: string): { task: number; act: number } | null {
    const row = this.#rows.get(`${kind} ${key}`);
    if (!row || row.inputHash !== inputHash || row.status !== "succeeded" || row.askedAfter >= this.#until) return null;
    return { task: this.options.task, act: row.act };
  }

  get steps(): string[] {
    const keys: string[] = [];
    for (const row of this.#rows.values())
      if (row.kind === "step" && this.act("step", row.key, row.inputHash)) keys.push(row.key);
    return keys;
  }

  #pathOf(row: AskedRow): string {
    return this.options.path === "" ? String(row.act) : `${this.options.path}.${row.act}`;
  }
  #isForked(row: AskedRow): boolean {
    const { fork } = this.options;
    if (!fork || row.kind !== "child") return false;
    const path = this.#pathOf(row);
    return fork.path === path || fork.path.startsWith(`${path}.`);
  }
}

export async function readKept(store: Store, options: OriginOptions): Promise<Kept> {
  return new Kept(options, await store.tasks.asked(options.task));
}

/** The root of a new run, and where it goes on from. */
export interface Begun {
  readonly row: TaskRow;
  readonly origin: Origin;
  readonly options: OriginOptions | null;
  readonly input: string;
  /** What the call of a task that becomes a root asked for besides. */
  readonly needs?: readonly string[];
  readonly call?: Pick<TaskOptions, "retry" | "timeoutMs" | "inflate">;
  /** The same key begins one run, whoever asks and however often. */
  readonly key?: string;
}

/**
 * A new run that does again what did not succeed in a closed one.
 * @param key the same one gives the run that it began before
 * @throws FLOTILLA_NOT_FOUND, FLOTILLA_TOO_LATE for a run that goes on or has succeeded
 */
export async function repair(engine: Engine, id: string, key?: string): Promise<StartReply> {
  const { state } = engine;
  const row = await findRun(state, id);
  const outcome = await state.store.runs.outcome(row.id);
  if (outcome === null) throw notClosed(id, "it goes on; cancel it first, or wait for its end");
  if (outcome.status === "succeeded") throw notClosed(id, "it has succeeded: there is nothing to repair");
  return begin(engine, {
    row,
    origin: { task: row.id, run: row.id, how: "repair" },
    options: { task: row.id, path: "" },
    input: row.input,
    ...(key === undefined ? {} : { key }),
  });
}

/**
 * A new run that asks one task of another run again with another input, and takes over what does not depend on it.
 * @throws FLOTILLA_NOT_FOUND
 */
export async function fork(engine: Engine, id: string, input: string): Promise<StartReply> {
  const { state } = engine;
  const task = await findTask(state, id);
  const root = task.parent === null ? task : ((await state.store.tasks.get([task.run]))[0] as TaskRow);
  const path = task.path ?? "";
  return begin(engine, {
    row: root,
    origin: { task: task.id, run: root.id, how: "fork" },
    options: { task: root.id, path: "", fork: { path, input } },
    input: path === "" ? input : root.input,
  });
}

/**
 * A quarantined or failed task once more, as a run of its own; nothing is taken over.
 * @throws FLOTILLA_NOT_FOUND, FLOTILLA_TOO_LATE for one that goes on or has succeeded
 */
export async function redrive(engine: Engine, id: string, key?: string): Promise<StartReply> {
  const { state } = engine;
  const task = await findTask(state, id);
  const outcome = await state.store.runs.outcome(task.id);
  if (outcome === null) throw notClosed(id, "it has not ended");
  if (outcome.status === "succeeded" || outcome.status === "partial") throw notClosed(id, "it has succeeded");
  return begin(engine, {
    row: task,
    origin: { task: task.id, run: task.run, how: "redrive" },
    options: null,
    input: task.input,
    needs: state.definitions.lane(task.lane).needs,
    call: callOf(optionsOf(task)),
    ...(key === undefined ? {} : { key }),
  });
}

function optionsOf(row: TaskRow): TaskOptions {
  return row.options === null ? {} : (JSON.parse(row.options) as TaskOptions);
}

/** Not `asRef`: who redrives a task wants to see its result. */
function callOf({ retry, timeoutMs, inflate }: TaskOptions): NonNullable<Begun["call"]> {
  return { ...(retry ? { retry } : {}), ...(timeoutMs === undefined ? {} : { timeoutMs }), ...(inflate ? { inflate } : {}) };
}

function begin(engine: Engine, begun: Begun): Promise<StartReply> {
  const { row } = begun;
  const name = engine.state.definitions.byId(row.definition).name;
  const { tags } = optionsOf(row);
  const request: PendingStart["request"] = {
    name,
    input: begun.input,
    priority: priorities[row.prio] ?? "normal",
    ...(row.tenant === null ? {} : { tenant: row.tenant }),
    ...(tags ? { tags } : {}),
    ...(begun.key === undefined ? {} : { idempotencyKey: begun.key, inputHash: "" }),
  };
  return new Promise((resolve, reject) => engine.start({ request, namespace: row.namespace, begun, resolve, reject }));
}

function notClosed(id: string, why: string): FlotillaError {
  return new FlotillaError("FLOTILLA_TOO_LATE", { what: id, why });
}

/** The public id of the run or task that a run goes on from. */
export async function originId(state: State, o: Origin): Promise<string> {
  if (o.how === "repair") return runId(await state.secretOf(o.run), o.run);
  const [task] = await state.store.tasks.get([o.task]);
  return task ? state.publicId(task) : runId(await state.secretOf(o.run), o.run);
}
