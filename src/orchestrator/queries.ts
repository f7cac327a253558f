// Rows as the views that people and programs see.
import { FlotillaError } from "../core/error.ts";
import { runId } from "../core/id.ts";
import { priorities, type TaskState } from "../core/task.ts";
import { gapTotal, type GapNotes } from "../protocol/gaps.ts";
import type {
  AttemptView,
  DefinitionView,
  BuildView,
  HealthView,
  Page,
  RunsQuery,
  RunView,
  StageView,
  TaskDetail,
  TasksQuery,
  TaskView,
} from "../protocol/views.ts";
import type { OutcomeRow, RunRow, TaskRow, Whereabouts } from "../store/contract.ts";
import type { Lane } from "./lane.ts";
import { findRun, findTask } from "./lookup.ts";
import { busySlots, hearOthers, namesServed, workersOf } from "./roster.ts";
import { originId } from "./origin.ts";
import type { LifeRow } from "../store/shared.ts";
import type { State } from "./state.ts";
import type { TaskOptions } from "./attempt.ts";
import type { WorkerState } from "./workers.ts";

const pageMax = 500;
const pageDefault = 50;

export async function getRun(state: State, id: string): Promise<RunView> {
  const task = await findRun(state, id);
  const row = await state.store.runs.get(task.id);
  if (row) await knowRuns(state, [row]);
  const view = await runView(state, row as RunRow);
  const gaps = row?.outcome?.gaps;
  return gaps ? { ...view, gaps: JSON.parse(gaps) as GapNotes } : view;
}

export async function listRuns(state: State, q: RunsQuery, namespace: number): Promise<Page<RunView>> {
  const limit = pageSize(q.limit);
  const definition = definitionId(state, namespace, q.name);
  if (definition === undefined) return { items: [], next: null };
  const before = q.after === undefined ? null : pageCursor(q.after);
  const rows = await state.store.runs.list({ namespace, definition, status: q.status ?? null, before, limit: limit + 1 });
  await knowRuns(state, rows);
  const items: RunView[] = [];
  for (const row of rows.slice(0, limit)) items.push(await runView(state, row));
  return { items, next: rows.length > limit ? String(rows[limit - 1]?.task.id) : null };
}

function knowRuns(state: State, rows: readonly RunRow[]): Promise<void> | undefined {
  return state.definitions.know({ definitions: rows.flatMap((r) => [r.task.definition, ...r.stages.map((s) => s.definition)]) });
}

async function runView(state: State, r: RunRow): Promise<RunView> {
  const live = runningByDefinition(state, r.task.id);
  const stages = r.stages.map((s): StageView => ({
    stage: state.definitions.byId(s.definition).name,
    total: s.total,
    running: live.get(s.definition) ?? 0,
    succeeded: s.succeeded,
    failed: s.failed,
    canceled: s.canceled,
    quarantined: s.quarantined,
    retried: s.retried,
  }));
  const done = stages.reduce((n, s) => n + s.succeeded + s.failed + s.canceled + s.quarantined, 0) + (r.outcome ? 1 : 0);
  const failed =
    stages.reduce((n, s) => n + s.failed + s.quarantined, 0) +
    (r.outcome && !["succeeded", "partial", "canceled"].includes(r.outcome.status) ? 1 : 0);
  const options = r.task.options === null ? null : (JSON.parse(r.task.options) as TaskOptions);
  return {
    id: runId(r.task.secret ?? "", r.task.id),
    name: state.definitions.byId(r.task.definition).name,
    status: r.outcome?.status ?? "running",
    tenant: r.task.tenant ?? "default",
    tags: options?.tags ?? [],
    origin: r.origin && { how: r.origin.how, of: await originId(state, r.origin) },
    createdAt: iso(r.task.createdAt),
    finishedAt: r.outcome ? iso(r.outcome.finishedAt) : null,
    deadlineAt: options?.deadlineAt === undefined ? null : iso(options.deadlineAt),
    ttlAt: options?.ttlAt === undefined ? null : iso(options.ttlAt),
    schedule: scheduleOf(options),
    tasks: { total: stages.reduce((n, s) => n + s.total, 1), done, failed },
    stages,
    error: r.outcome?.error ?? null,
    gaps: { total: r.outcome?.gaps ? gapTotal(r.outcome.gaps) : 0, named: [] },
    spent: r.spent,
  };
}

/** What started the run, as it is shown. */
export function scheduleOf(options: TaskOptions | null): RunView["schedule"] {
  const by = options?.schedule;
  return by === undefined ? null : { name: by.name, at: by.at === null ? null : iso(by.at) };
}

function runningByDefinition(state: State, run: number): Map<number, number> {
  const counts = new Map<number, number>();
  for (const a of state.attempts.values()) {
    if (a.run === run && a.parent !== null && a.state === "running")
      counts.set(a.definition.id, (counts.get(a.definition.id) ?? 0) + 1);
  }
  return counts;
}

export async function listTasks(state: State, q: TasksQuery): Promise<Page<TaskView>> {
  const run = await findRun(state, q.run);
  state.rememberSecret(run.id, run.secret);
  const definition = definitionId(state, run.namespace, q.name);
  if (definition === undefined) return { items: [], next: null };
  const page = await state.store.tasks.list({
    run: run.id,
    definition,
    state: q.state ?? null,
    after: q.after === undefined ? 0 : pageCursor(q.after),
    limit: pageSize(q.limit),
  });
  const names = await state.store.catalogue.workerNames([
    ...new Set(page.rows.map((r) => workerOf(r.where)).filter((w) => w !== null)),
  ]);
  await state.definitions.know({ definitions: page.rows.map((r) => r.task.definition) });
  const items: TaskView[] = [];
  for (const r of page.rows) items.push(await taskView(state, r.task, r.where, names));
  return { items, next: page.next === null ? null : String(page.next) };
}

export async function getTask(state: State, id: string): Promise<TaskDetail> {
  const task = await findTask(state, id);
  const where = await state.store.tasks.where(task.id);
  const attempts = await state.store.tasks.attempts(task.id);
  const ids = [...attempts.map((a) => a.worker), workerOf(where)].filter((w) => w !== null);
  const names = await state.store.catalogue.workerNames([...new Set(ids)]);
  const view = await taskView(state, task, where, names);
  const history = attempts.map((a): AttemptView => ({
    attempt: a.attempt,
    leaseNo: a.leaseNo,
    worker: a.worker === null ? null : (names.get(a.worker) ?? null),
    startedAt: iso(a.startedAt),
    endedAt: a.endedAt === null ? null : iso(a.endedAt),
    outcome: a.how,
    error: a.error,
  }));
  const last = lastAttempt(where, view);
  const outcome = where?.in === "outcome" ? where.outcome : null;
  return {
    ...view,
    input: JSON.parse(task.input) as unknown,
    output: outcome ? await outputOf(state, outcome) : null,
    attempts: last ? [...history, last] : history,
    children: await state.store.tasks.children(task.id),
  };
}

function lastAttempt(where: Whereabouts | null, view: TaskView): AttemptView | null {
  if (where?.in === "running")
    return {
      attempt: where.attempt,
      leaseNo: where.leaseNo,
      worker: view.worker,
      startedAt: iso(where.claimedAt),
      endedAt: null,
      outcome: "running",
      error: null,
    };
  if (where?.in !== "outcome" || where.outcome.startedAt === null) return null;
  const o = where.outcome;
  return {
    attempt: o.attempt,
    leaseNo: o.leaseNo,
    worker: view.worker,
    startedAt: iso(o.startedAt as number),
    endedAt: iso(o.finishedAt),
    outcome: o.status,
    error: o.error,
  };
}

async function outputOf(state: State, o: OutcomeRow): Promise<unknown> {
  const text = o.ref === null ? o.value : await state.artifacts.get(o.ref);
  return text === null ? null : (JSON.parse(text) as unknown);
}

async function taskView(
  state: State,
  t: TaskRow,
  where: Whereabouts | null,
  names: ReadonlyMap<number, string>,
): Promise<TaskView> {
  const definition = state.definitions.byId(t.definition);
  const outcome = where?.in === "outcome" ? where.outcome : null;
  const startedAt = outcome ? outcome.startedAt : where?.in === "running" ? where.claimedAt : null;
  const worker = workerOf(where);
  const id = await state.publicId(t);
  return {
    id,
    runId: runId(await state.secretOf(t.run), t.run),
    parentId: t.path === null ? null : id.slice(0, id.lastIndexOf(".")),
    key: t.key,
    name: definition.name,
    kind: definition.card?.kind === "workflow" ? "workflow" : "agent",
    state: liveState(state, t.id, where),
    attempt: where?.in === "outcome" ? where.outcome.attempt : (where?.attempt ?? 0),
    crashes: where && where.in !== "outcome" ? where.crashes : 0,
    priority: priorities[t.prio] ?? "normal",
    tenant: t.tenant ?? "default",
    worker: worker === null ? null : (names.get(worker) ?? null),
    createdAt: iso(t.createdAt),
    startedAt: startedAt === null ? null : iso(startedAt),
    finishedAt: outcome ? iso(outcome.finishedAt) : null,
    waitMs: startedAt === null ? null : startedAt - t.createdAt,
    runMs: outcome && startedAt !== null ? outcome.finishedAt - startedAt : null,
    progress: state.attempts.get(t.id)?.progress ?? null,
    error: outcome?.error ?? (where?.in === "held" ? where.error : null),
  };
}

/** The store learns that a waiting task was woken with its next act; memory knows at once. */
export function liveState(state: State, task: number, where: Whereabouts | null): TaskState {
  const live = where?.in === "running" ? state.attempts.get(task)?.state : undefined;
  return live === "running" || live === "waiting" ? live : stateOf(where);
}

export function stateOf(where: Whereabouts | null): TaskState {
  switch (where?.in) {
    case "outcome":
      return where.outcome.status === "partial"
        ? "succeeded"
        : where.outcome.status === "stopped"
          ? "failed"
          : where.outcome.status;
    case "running":
      return where.armed ? "waiting" : "running";
    case "held":
    case "parked":
      return "waiting";
    case "delayed":
      return "delayed";
    default:
      return "ready";
  }
}

function workerOf(where: Whereabouts | null): number | null {
  return where?.in === "running" ? where.worker : where?.in === "outcome" ? where.outcome.worker : null;
}

/** @throws FLOTILLA_UNKNOWN_DEFINITION */
export async function getDefinition(state: State, name: string, namespace: number): Promise<DefinitionView> {
  await state.definitions.seek(namespace, [name]);
  const { kind, description, inputSchema } = state.definitions.require(namespace, name).card;
  return { name, kind, description, inputSchema };
}

/** `namespace` null: of the whole fleet. */
export async function health(state: State, version: string, namespace: number | null): Promise<HealthView> {
  const lives = await hearOthers(state);
  const workers = workersOf(state, namespace);
  const lanes = [...state.definitions.lanes].filter((l) => namespace === null || l.definition.namespace === namespace);
  const attempts = [...(namespace === null ? [] : state.attempts.values())];
  const oldest = oldestReady(lanes);
  return {
    version,
    pid: process.pid,
    node: process.version,
    // Where the store lies concerns whoever runs the fleet.
    store: namespace === null ? state.store.facts.url : (state.store.facts.url.split(":")[0] ?? ""),
    schema: state.store.facts.schema,
    durability: state.store.facts.durability,
    startedAt: iso(state.startedAt),
    workers: {
      live: workers.length,
      slots: workers.reduce((n, w) => n + w.hello.slots, 0),
      busy: workers.reduce((n, w) => n + busySlots(w), 0),
    },
    queue: {
      ready: lanes.reduce((n, lane) => n + lane.ready, 0),
      delayed: namespace === null ? state.delayed : null,
      running: namespace === null ? state.attempts.size : attempts.filter((a) => a.definition.namespace === namespace).length,
      parked: namespace === null ? state.parked : null,
      oldestReadyMs: oldest === null ? null : state.clock.now() - oldest,
    },
    storeFullAt: state.storeFullAt === null ? null : iso(state.storeFullAt),
    orchestrators: namespace === null ? orchestratorsOf(state, lives) : [],
    builds: buildsOf(state, workers),
    uncovered: uncovered(state, workers, lanes, namespace),
  };
}

function orchestratorsOf(state: State, lives: readonly LifeRow[]): HealthView["orchestrators"] {
  return lives.map(({ pid, host, version, startedAt, workers, slots, busy, boot }) => ({
    host,
    pid,
    version,
    startedAt: iso(startedAt),
    workers,
    slots,
    busy,
    answers: boot === state.boot,
  }));
}

function buildsOf(state: State, workers: readonly WorkerState[]): BuildView[] {
  const byBuild = [...Map.groupBy(workers, (w) => w.hello.build)].toSorted(
    ([a], [b]) => state.builds.rank(b) - state.builds.rank(a),
  );
  const newest = byBuild.find(([, of]) => of.some((w) => !w.draining && !w.finishing))?.[0];
  return byBuild.map(([build, of]) => ({
    build,
    workers: of.length,
    slots: of.reduce((n, w) => n + w.hello.slots, 0),
    newest: build === newest,
    draining: of.every((w) => w.draining || w.finishing),
  }));
}

/** Since when the task has waited that is next in its lane, the longest over all lanes; the lanes' heads know, no table is read. */
function oldestReady(lanes: readonly Lane[]): number | null {
  let oldest: number | null = null;
  for (const lane of lanes) {
    const since = lane.head[0]?.since;
    if (since !== undefined && (oldest === null || since < oldest)) oldest = since;
  }
  return oldest;
}

/** Registered definitions that no live worker has code for, and lanes with tasks that no live worker can serve. */
function uncovered(state: State, workers: readonly WorkerState[], lanes: readonly Lane[], namespace: number | null): string[] {
  const served = namesServed(workers);
  const { elsewhere } = state;
  const unserved = state.definitions.names(namespace).filter((name) => !served.has(name) && !elsewhere.names.has(name));
  const stuck = lanes
    .filter((l) => l.ready > 0 && l.workers.size === 0 && !elsewhere.lanes.has(l.id))
    .map((l) => l.definition.name);
  return [...new Set([...unserved, ...stuck])].toSorted();
}

function definitionId(state: State, namespace: number, name: string | undefined): number | null | undefined {
  return name === undefined ? null : state.definitions.get(namespace, name)?.id;
}

export function pageSize(limit: number | undefined): number {
  if (limit === undefined) return pageDefault;
  if (!Number.isInteger(limit) || limit < 1 || limit > pageMax)
    throw new FlotillaError("FLOTILLA_CONFIG_INVALID", {
      field: "limit",
      problem: `${limit} is not a whole number from 1 to ${pageMax}`,
      fix: "ask for a page and continue with `after`",
    });
  return limit;
}

function pageCursor(text: string): number {
  const n = Number(text);
  if (!Number.isSafeInteger(n) || n < 0)
    throw new FlotillaError("FLOTILLA_CONFIG_INVALID", {
      field: "after",
      problem: `${JSON.stringify(text)} is not a page`,
      fix: "pass the `next` of the page before",
    });
  return n;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
