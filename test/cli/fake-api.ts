// An orchestrator of plain maps: what it answers is set by the test, step by step.
import { EventEmitter, on, once } from "node:events";
import { fakeBulk } from "./fake-bulk.ts";
import { fakeTokens } from "./fake-tokens.ts";
import { fakeWebhooks } from "./fake-webhooks.ts";
import type { WebhookCallView } from "../../src/protocol/webhooks.ts";
import { fakeSchedules } from "./fake-schedules.ts";
import { FlotillaError } from "../../src/core/error.ts";
import { jsonIssues } from "../../src/protocol/json-check.ts";
import type {
  ApprovalView,
  DefinitionView,
  EventView,
  Explanation,
  DrainRequest,
  HealthView,
  MessageRequest,
  OrchestratorApi,
  OutcomeReply,
  PlanView,
  PurgeRequest,
  RunView,
  StartReply,
  StartRequest,
  TaskDetail,
  WorkerView,
} from "../../src/protocol/views.ts";

export const secret = "7k2m9q4x5z8b3c6d1f0g2h5j8n";

export function runView(o: Partial<RunView> = {}): RunView {
  return {
    id: `r_${secret}1`,
    name: "review-all",
    status: "running",
    tenant: "default",
    tags: [],
    origin: null,
    createdAt: "2026-11-22T10:00:00.000Z",
    finishedAt: null,
    deadlineAt: null,
    ttlAt: null,
    schedule: null,
    tasks: { total: 1, done: 0, failed: 0 },
    stages: [],
    error: null,
    gaps: { total: 0, named: [] },
    spent: { microUsd: 0, inputTokens: 0, outputTokens: 0 },
    ...o,
  };
}

export function taskDetail(o: Partial<TaskDetail> = {}): TaskDetail {
  return {
    id: `t_${secret}1`,
    runId: `r_${secret}1`,
    parentId: null,
    key: null,
    name: "review-all",
    kind: "workflow",
    state: "running",
    attempt: 1,
    crashes: 0,
    priority: "normal",
    tenant: "default",
    worker: "w1",
    createdAt: "2026-11-22T10:00:00.000Z",
    startedAt: "2026-11-22T10:00:00.020Z",
    finishedAt: null,
    waitMs: 20,
    runMs: null,
    progress: null,
    error: null,
    input: { files: ["a.ts"] },
    output: null,
    attempts: [],
    children: { total: 0, unsettled: 0 },
    ...o,
  };
}

export function workerView(o: Partial<WorkerView> = {}): WorkerView {
  return {
    id: "w1",
    name: "laptop-1",
    pid: 4242,
    isolation: "in-process",
    state: "busy",
    slots: 8,
    busy: 1,
    offers: [],
    definitions: ["review-all", "review"],
    build: "a1f3",
    joinedAt: "2026-11-22T09:59:00.000Z",
    tasks: [{ id: `t_${secret}1`, name: "review-all", forMs: 1_200 }],
    ...o,
  };
}

export function healthView(o: Partial<HealthView> = {}): HealthView {
  return {
    version: "0.1.0",
    pid: process.pid,
    node: "24.21.0",
    store: "sqlite:.flotilla/dev.db",
    schema: 1,
    durability: "power",
    startedAt: "2026-11-22T09:59:00.000Z",
    workers: { live: 1, slots: 8, busy: 1 },
    queue: { ready: 0, delayed: 0, running: 1, parked: 0, oldestReadyMs: null },
    storeFullAt: null,
    builds: [{ build: "a1f3", workers: 1, slots: 8, newest: true, draining: false }],
    orchestrators: [],
    uncovered: [],
    ...o,
  };
}

export function approvalView(o: Partial<ApprovalView> = {}): ApprovalView {
  return {
    id: `a_${secret}1.3`,
    runId: `r_${secret}1`,
    taskId: `t_${secret}1`,
    title: "Send the mail?",
    detail: null,
    diff: null,
    role: null,
    value: null,
    valueSchema: null,
    askedAt: "2026-11-22T10:00:01.000Z",
    expiresAt: null,
    onTimeout: "reject",
    state: "open",
    ...o,
  };
}

export interface FakeOrchestrator {
  readonly api: OrchestratorApi;
  readonly started: StartRequest[];
  readonly canceled: { id: string; reason: string }[];
  /** Drains that were asked for and not resumed. */
  readonly drained: DrainRequest[];
  readonly purged: PurgeRequest[];
  /** Folders. */
  readonly backups: string[];
  readonly webhookCalls: WebhookCallView[];
  /** What runs and tasks were sent, a key that came again left out. */
  readonly sent: (MessageRequest & { readonly id: string })[];
  /** What was answered, the first answer of each approval. */
  readonly answered: { readonly id: string; readonly how: "approved" | "rejected"; readonly [said: string]: unknown }[];
  putApproval(approval: ApprovalView): void;
  /** What the code of a run answers to a query, as JSON text. */
  putAnswer(run: string, name: string, text: string): void;
  putRun(run: RunView): void;
  putTask(task: TaskDetail): void;
  putExplanation(e: Explanation): void;
  /** Of a run or a task; every other one has executed no plan. */
  putPlans(id: string, plans: readonly PlanView[]): void;
  /** Every other name is a definition that says nothing of its input. */
  putDefinition(definition: DefinitionView): void;
  setWorkers(workers: readonly WorkerView[]): void;
  setHealth(health: HealthView): void;
  setArtifact(ref: string, text: string): void;
  /** Events of a run, in order; `run.finished` ends its streams. */
  emit(event: EventView): void;
  /** Ends a run: its view, its outcome and its last event. */
  finish(run: RunView, outcome: OutcomeReply): void;
  /** What the next `start` does, after the run is stored. */
  onStart(react: (run: RunView, request: StartRequest) => void): void;
  /** Resolves when somebody reads events. */
  readerCame(): Promise<void>;
  /** Resolves when nobody reads events any more. */
  readersGone(): Promise<void>;
}

function unknownDefinition(name: string): FlotillaError {
  return new FlotillaError("FLOTILLA_UNKNOWN_DEFINITION", { name, known: ["review-all"] });
}

export function fakeOrchestrator(): FakeOrchestrator {
  const runs = new Map<string, RunView>();
  const tasks = new Map<string, TaskDetail>();
  const definitions = new Map<string, DefinitionView>();
  const explanations = new Map<string, Explanation>();
  const plans = new Map<string, readonly PlanView[]>();
  const outcomes = new Map<string, OutcomeReply>();
  const artifacts = new Map<string, string>();
  const events: EventView[] = [];
  const bus = new EventEmitter().setMaxListeners(0);
  const byKey = new Map<string, StartRequest & { id: string }>();
  const started: StartRequest[] = [];
  const canceled: { id: string; reason: string }[] = [];
  const drained: DrainRequest[] = [];
  const purged: PurgeRequest[] = [];
  const backups: string[] = [];
  const webhookCalls: WebhookCallView[] = [];
  const sent: FakeOrchestrator["sent"] = [];
  const answered: FakeOrchestrator["answered"] = [];
  const approvals = new Map<string, ApprovalView>();
  const answers = new Map<string, Map<string, string>>();
  let workers: readonly WorkerView[] = [];
  let health = healthView();
  let react: (run: RunView, request: StartRequest) => void = () => {};
  const readers = new Set<symbol>();

  async function start(request: StartRequest): Promise<{ id: string; existing: boolean; depth: number; pressure: "none" }> {
    if (request.name === "nobody") throw unknownDefinition(request.name);
    const earlier = request.idempotencyKey === undefined ? undefined : byKey.get(request.idempotencyKey);
    if (earlier && earlier.input !== request.input) {
      throw new FlotillaError("FLOTILLA_IDEMPOTENCY_CONFLICT", { key: request.idempotencyKey ?? "", run: earlier.id });
    }
    if (earlier) return { id: earlier.id, existing: true, depth: 0, pressure: "none" };
    started.push(request);
    const run = runView({ id: `r_${secret}${started.length}`, name: request.name, tags: request.tags ?? [] });
    runs.set(run.id, run);
    if (request.idempotencyKey !== undefined) byKey.set(request.idempotencyKey, { ...request, id: run.id });
    react(run, request);
    return { id: run.id, existing: false, depth: 0, pressure: "none" };
  }

  async function goOn(how: "repair" | "fork" | "redrive", of: string, request: StartRequest): Promise<StartReply> {
    const reply = await start(request);
    runs.set(reply.id, { ...find(runs, "run", reply.id), origin: { how, of } });
    return reply;
  }

  function tooLate(what: string): FlotillaError {
    return new FlotillaError("FLOTILLA_TOO_LATE", { what, why: "there is nothing to do again" });
  }

  function find<T>(map: Map<string, T>, what: string, id: string): T {
    const found = map.get(id);
    if (found === undefined) throw new FlotillaError("FLOTILLA_NOT_FOUND", { what, id });
    return found;
  }

  /** A run or a task that has not ended. */
  function findOpen(id: string, what: string): void {
    const state = tasks.get(id)?.state ?? find(runs, id.startsWith("t_") ? "task" : "run", id).status;
    if (["running", "ready", "waiting", "delayed"].includes(state)) return;
    throw new FlotillaError("FLOTILLA_TOO_LATE", { what, why: "the task that it is for has ended" });
  }

  function answer(id: string, how: "approved" | "rejected", said: object): void {
    const approval = find(approvals, "approval", id);
    if (approval.state !== "open")
      throw new FlotillaError("FLOTILLA_TOO_LATE", { what: `approval ${id}`, why: "it is not open any more" });
    approvals.set(id, { ...approval, state: how });
    answered.push({ id, how, ...said });
  }

  function page<T extends { id: string }>(
    all: readonly T[],
    q: { limit?: number; after?: string },
  ): { items: T[]; next: string | null } {
    const from = q.after === undefined ? 0 : all.findIndex((x) => x.id === q.after) + 1;
    const items = all.slice(from, from + (q.limit ?? 50));
    return { items, next: from + items.length < all.length ? (items.at(-1)?.id ?? null) : null };
  }

  async function* stream(run: string, o: Parameters<OrchestratorApi["events"]>[1]): AsyncGenerator<EventView> {
    const live = on(bus, "event", o.signal ? { signal: o.signal } : {});
    const from = o.after === undefined ? 0 : events.findIndex((e) => e.cursor === o.after) + 1;
    const past = events.slice(from);
    const reader = Symbol("reader");
    readers.add(reader);
    bus.emit("reader");
    try {
      for (const e of past) {
        if (e.runId !== run) continue;
        if (o.types === undefined || o.types.includes(e.type)) yield e;
        if (e.type === "run.finished") return;
      }
      for await (const [e] of live as AsyncIterable<[EventView]>) {
        if (e.runId !== run) continue;
        if (o.types === undefined || o.types.includes(e.type)) yield e;
        if (e.type === "run.finished") return;
      }
    } catch (error) {
      if (o.signal?.aborted !== true) throw error;
    } finally {
      readers.delete(reader);
      bus.emit("reader");
      await live.return?.();
    }
  }

  const emit = (event: EventView): void => {
    events.push(event);
    bus.emit("event", event);
  };

  const api: OrchestratorApi = {
    start: (requests) => requests.map(start),
    async outcome(id, signal) {
      find(runs, "run", id);
      for (;;) {
        const outcome = outcomes.get(id);
        if (outcome) return outcome;
        await once(bus, `outcome:${id}`, signal ? { signal } : {});
      }
    },
    async cancel(id, reason) {
      if (!tasks.has(id)) find(runs, "run", id);
      canceled.push({ id, reason });
    },
    async drainWorkers(r) {
      const meant = workers.filter((w) => w.build === r.build || w.name === r.worker || w.id === r.worker);
      if (meant.length === 0)
        throw new FlotillaError("FLOTILLA_NOT_FOUND", {
          what: r.build === undefined ? "worker" : "build",
          id: r.build ?? r.worker ?? "",
        });
      drained.push(r);
      return { workers: meant.map((w) => w.name) };
    },
    async resumeBuild(build) {
      const at = drained.findIndex((r) => r.build === build);
      if (at < 0) throw new FlotillaError("FLOTILLA_NOT_FOUND", { what: "drained build", id: build });
      drained.splice(at, 1);
    },
    async repair(id) {
      const run = find(runs, "run", id);
      if (run.status === "running" || run.status === "succeeded") throw tooLate(id);
      return goOn("repair", id, { name: run.name, input: "{}" });
    },
    fork: async (id, input) => goOn("fork", id, { name: find(tasks, "task", id).name, input }),
    async redrive(id) {
      const task = find(tasks, "task", id);
      if (task.state !== "quarantined" && task.state !== "failed") throw tooLate(id);
      return goOn("redrive", id, { name: task.name, input: JSON.stringify(task.input) });
    },
    async send(id, message) {
      findOpen(id, `message ${message.name}`);
      if (message.key === undefined || !sent.some((m) => m.id === id && m.key === message.key)) sent.push({ id, ...message });
    },
    async query(id, name) {
      findOpen(id, `query ${name}`);
      const known = answers.get(id) ?? new Map<string, string>();
      return find(known, `query (it answers ${[...known.keys()].join(", ")})`, name);
    },
    approvals: async (q) =>
      page(
        [...approvals.values()].filter((a) => a.state === "open" || a.id === q.after),
        q,
      ),
    approval: async (id) => find(approvals, "approval", id),
    async approve(id, { value, ...said }) {
      const { valueSchema } = find(approvals, "approval", id);
      const given = value === undefined ? {} : { value: JSON.parse(value) as unknown };
      const issues = "value" in given ? jsonIssues(valueSchema, given.value) : [];
      if (issues.length > 0) throw new FlotillaError("FLOTILLA_INPUT_INVALID", { issues });
      answer(id, "approved", { ...said, ...given });
    },
    reject: async (id, said) => answer(id, "rejected", said),
    run: async (id) => find(runs, "run", id),
    runs: async (q) =>
      page(
        [...runs.values()].toReversed().filter((r) => (q.status ?? r.status) === r.status && (q.name ?? r.name) === r.name),
        q,
      ),
    task: async (id) => find(tasks, "task", id),
    async tasks(q) {
      find(runs, "run", q.run);
      const all = [...tasks.values()].filter(
        (t) => t.runId === q.run && (q.state ?? t.state) === t.state && (q.name ?? t.name) === t.name,
      );
      return page(
        all.map(({ input: _i, output: _o, attempts: _a, children: _c, ...view }) => view),
        q,
      );
    },
    explain: async (id) => find(explanations, "task", id),
    plans: async (id) => plans.get(id) ?? [],
    async definition(name) {
      if (name === "nobody") throw unknownDefinition(name);
      return definitions.get(name) ?? { name, kind: "agent", description: "", inputSchema: null };
    },
    workers: async () => workers,
    health: async () => health,
    events: stream,
    artifact: async (ref) => find(artifacts, "artifact", ref),
    async purge(q) {
      if (q.run !== undefined && find(runs, "run", q.run).status === "running")
        throw new FlotillaError("FLOTILLA_STILL_OPEN", { run: q.run });
      purged.push(q);
      return { runs: 1, tasks: 11, open: q.tenant === undefined ? 0 : 2 };
    },
    bulk: (q) => fakeBulk(api, q),
    async backup(folder) {
      backups.push(folder);
      return { folder, schema: 1, bytes: 4096, artifacts: 3, missing: [] };
    },
    tokens: fakeTokens(),
    webhooks: fakeWebhooks(webhookCalls),
    schedules: fakeSchedules((name, input) => start({ name, input })),
  };

  return {
    api,
    started,
    canceled,
    drained,
    purged,
    backups,
    webhookCalls,
    sent,
    answered,
    putApproval: (a) => void approvals.set(a.id, a),
    putAnswer: (run, name, text) => void answers.set(run, new Map([...(answers.get(run) ?? []), [name, text]])),
    putRun: (run) => void runs.set(run.id, run),
    putTask: (task) => void tasks.set(task.id, task),
    putPlans: (id, views) => void plans.set(id, views),
    putExplanation: (e) => void explanations.set(e.task, e),
    putDefinition: (d) => void definitions.set(d.name, d),
    setWorkers: (w) => void (workers = w),
    setHealth: (h) => void (health = h),
    setArtifact: (ref, text) => void artifacts.set(ref, text),
    emit,
    finish(run, outcome) {
      runs.set(run.id, run);
      outcomes.set(run.id, outcome);
      bus.emit(`outcome:${run.id}`);
      emit({
        type: "run.finished",
        cursor: `${events.length + 1}`,
        at: run.finishedAt ?? run.createdAt,
        runId: run.id,
        data: { outcome: run.status },
      });
    },
    onStart: (fn) => void (react = fn),
    async readerCame() {
      while (readers.size === 0) await once(bus, "reader");
    },
    async readersGone() {
      while (readers.size > 0) await once(bus, "reader");
    },
  };
}
