import { bounds } from "../core/bounds.ts";
import { FlotillaError } from "../core/error.ts";
import { defaultNamespace } from "../core/namespace.ts";
import { parseRunId } from "../core/id.ts";
import { protocolVersion, type Attachment, type DefinitionCard, type WorkerHost } from "../protocol/worker.ts";
import type { TransactionStarts } from "../protocol/outbox.ts";
import type { ScheduleRequest } from "../protocol/schedules.ts";
import type { ServedOrchestrator } from "../protocol/access.ts";
import type { StartReply, StartRequest } from "../protocol/views.ts";
import type { Awaitable, Boot } from "../store/contract.ts";
import type { Attempt } from "./attempt.ts";
import { accessOf } from "./access.ts";
import { BulkDesk } from "./bulk/bulk.ts";
import { BatchEngine } from "./batch-engine.ts";
import { answersOf, explainTask } from "./answers.ts";
import { approve, reject } from "./approvals.ts";
import { versionsOf } from "./builds.ts";
import { EventHub, readEvents } from "./events.ts";
import { Hearing, listenedLink } from "./hearing.ts";
import { answerInventory } from "./inventory.ts";
import { endWorker, watchWorkers, workerLost } from "./liveness.ts";
import { findRun, findTask } from "./lookup.ts";
import { sendMessage } from "./messages.ts";
import { fork, redrive, repair } from "./origin.ts";
import { transactionStarts } from "./outbox.ts";
import { Outcomes } from "./outcomes.ts";
import { receive } from "./receive.ts";
import { Schedules } from "./schedules.ts";
import { cryptoSecrets } from "./secrets.ts";
import { adoptInventory } from "./peers/adoption.ts";
import { Peers } from "./peers/peers.ts";
import { StoreClock } from "./peers/store-clock.ts";
import { queryState } from "./state-queries.ts";
import { State, type OrchestratorOptions } from "./state.ts";
import { backupStore } from "./upkeep/backup.ts";
import { bootSkip } from "./upkeep/boot-skip.ts";
import { purge } from "./upkeep/purge.ts";
import { Retention } from "./upkeep/retention.ts";
import { webhooksOf } from "./webhooks/calls.ts";
import { WebhookPump } from "./webhooks/pump.ts";
import { apiWithin, Owners } from "./within.ts";
import type { WorkerState } from "./workers.ts";

export type { Attachment };

export interface Orchestrator extends ServedOrchestrator, WorkerHost {
  /** Makes definitions known before a worker has them: contracts, and what clients may start. */
  register(cards: readonly DefinitionCard[]): void;
  /** What was registered is known to the other orchestrators on the store, where there may be some. */
  published(): Promise<void>;
  /** Schedules that the fleet's definition holds. `whole`: it is all that it holds, and others that it held are deleted. */
  /** null: the store is in no database of the user's. */
  readonly transactions: TransactionStarts | null;
  adopt(schedules: readonly ScheduleRequest[], o: { readonly whole: boolean }): Promise<void>;
  /** Takes and starts nothing more; resolves when nothing runs. */
  drain(): Promise<void>;
  /** Commits what was reported and lets go of the store; what still runs goes on in the next life. */
  close(): Promise<void>;
}

/** The process part that owns a store: it accepts starts, matches tasks to workers and keeps what they report. */
export async function createOrchestrator(given: OrchestratorOptions): Promise<Orchestrator> {
  const { shared } = given.store;
  const storeClock = shared && new StoreClock(given.clock);
  const o = storeClock ? { ...given, clock: storeClock } : given;
  const secret = o.secret ?? cryptoSecrets();
  const begin = () =>
    o.store.boot({ nonce: secret(), pid: process.pid, now: o.clock.now(), skip: shared ? 0 : bootSkip(o.random) });
  const boot = await begin();
  const state = new State(o, boot);
  const outcomes = new Outcomes(state.artifacts);
  const events = new EventHub();
  const engine = new BatchEngine({
    state,
    outcomes,
    events,
    secret,
    queuedMax: o.queuedMax ?? 5_000_000,
    abortGraceMs: o.abortGraceMs ?? 5_000,
    boot: () => untilAnswered(state, begin),
  });
  await engine.drains.refresh();
  const peers = shared && storeClock && new Peers(engine, shared, storeClock);
  if (peers) {
    engine.meet(peers);
    await peers.start();
  }
  const schedules = new Schedules(engine, defaultNamespace.id);
  const bulk = new BulkDesk(engine);
  const pulse = watchWorkers(engine, o.blockedMs ?? 300_000);
  const retention = new Retention(state, o.retention ?? { succeededMs: null, failedMs: null, idempotencyForMs: 0 });
  retention.start();
  const webhooks = new WebhookPump(state, o.webhooks ?? []);
  webhooks.start();
  engine.wakeAtNextDue();
  if (boot.cancelsLeft || boot.recovered > 0) engine.dispatch();
  if (boot.recovered > 0) state.log("info", "took up what an earlier process was running", { tasks: boot.recovered });
  let closing: Promise<void> | undefined;
  const owners = new Owners(state);
  const access = accessOf(state, secret);

  const orchestrator: Orchestrator = {
    within: ({ id, name }) =>
      apiWithin({
        engine,
        owners,
        bulk,
        all: orchestrator,
        namespace: id,
        tokens: access.tokens({ id, name }),
        webhooks: webhooksOf(state, name),
      }),
    access,
    transactions: shared?.outbox ? transactionStarts(engine, shared.outbox, secret) : null,
    tokens: access.tokens(null),
    webhooks: webhooksOf(state, null),
    start: (requests: readonly StartRequest[]) =>
      requests.map((request) => new Promise<StartReply>((resolve, reject) => engine.start({ request, resolve, reject }))),
    async outcome(id, signal) {
      const run = parseRunId(id);
      if (!run) throw new FlotillaError("FLOTILLA_NOT_FOUND", { what: "run", id });
      // A run of this life that has not ended needs no read.
      if (state.openRuns.get(run.root) === run.secret) return outcomes.wait(run.root, signal);
      const find = () => state.store.runs.ended({ id: run.root, secret: run.secret });
      const ended = await find();
      if (ended === undefined) throw new FlotillaError("FLOTILLA_NOT_FOUND", { what: "run", id });
      if (ended) return outcomes.reply(ended);
      const wait = outcomes.wait(run.root, signal);
      // The fleet may close while the store is asked: whoever called hears of it below.
      wait.catch(() => {});
      // It may have ended between the read and the wait.
      const late = await find();
      if (late) outcomes.found(run.root, late);
      return wait;
    },
    async cancel(id, reason) {
      if (typeof reason !== "string" || reason.length > bounds.keyLength) {
        const problem = typeof reason === "string" ? `it has ${reason.length} characters` : "it is not a text";
        throw new FlotillaError("FLOTILLA_CONFIG_INVALID", {
          field: "reason",
          problem,
          fix: `use up to ${bounds.keyLength} characters`,
        });
      }
      const task = await findTask(state, id);
      await new Promise<void>((resolve, reject) => engine.cancel({ request: { task: task.id, reason }, resolve, reject }));
    },
    send: (id, message) => sendMessage(engine, id, message),
    approve: (id, r) => approve(engine, id, r),
    reject: (id, r) => reject(engine, id, r),
    repair: (id) => repair(engine, id),
    fork: (id, input) => fork(engine, id, input),
    redrive: (id) => redrive(engine, id),
    query: (id, name) => queryState(engine, id, name),
    ...answersOf(state),
    schedules,
    adopt: (requests, options) => schedules.adopt(requests, options),
    explain: async (id) => (await explainTask(state, id)).explanation,
    async *events(id, options) {
      const { id: run, secret } = await findRun(state, id);
      yield* readEvents(state, events, { id: run, secret }, options);
    },

    drainWorkers: (r) => engine.drains.drain(r),
    resumeBuild: (build) => engine.drains.resume(build),

    purge: (q) => purge(state, q, defaultNamespace.id),
    bulk: (q, signal) => bulk.run(q, defaultNamespace.id, signal),
    backup: (folder) =>
      state.artifacts.holding(() => backupStore({ store: state.store, artifacts: state.artifacts, now: o.clock.now() }, folder)),

    async published() {
      if (shared) await state.definitions.save();
    },

    register(cards) {
      state.definitions.register(cards);
      engine.dispatch();
    },

    answeringMs: () => peers?.answeringMs ?? Number.POSITIVE_INFINITY,

    attach(link, hello, { namespace = null, inventory } = {}) {
      if (hello.protocol !== protocolVersion) {
        throw new FlotillaError("FLOTILLA_PROTOCOL_VERSION", { worker: hello.protocol, orchestrator: protocolVersion });
      }
      const attempts = new Map<number, Attempt>();
      const hearing = new Hearing();
      const worker: WorkerState = {
        id: state.nextWorker++,
        publicId: `w_${secret()}`,
        hello,
        namespace,
        // In the same process nothing is lost on the way, and nobody pings.
        link: hello.isolation === "in-process" ? link : listenedLink(link, hearing, attempts),
        names: new Set(hello.definitions.map((d) => d.name)),
        offers: new Set(hello.offers),
        versions: versionsOf(hello),
        joinedAt: o.clock.now(),
        attempts,
        ending: new Set(),
        busy: 0,
        parked: [],
        draining: false,
        finishing: false,
        away: false,
        arriving: false,
        unresponsive: false,
        killed: null,
        pingSent: 0,
        pongSeen: 0,
        pongAt: o.clock.elapsedMs(),
        hearing,
      };
      engine.join(worker);
      link.send({ t: "welcome", worker: worker.publicId, ...(shared?.outbox && { store: { schema: shared.outbox.schema } }) });
      if (inventory && shared) adoptInventory(engine, shared, worker, inventory);
      else if (inventory) answerInventory(worker, inventory);
      return {
        id: worker.publicId,
        receive(m) {
          if (m.t === "goodbye") workerLost(engine, worker, m.reason, m.crashed === true);
          else receive(engine, worker, m);
          engine.checkDrained();
        },
        reachable(yes) {
          worker.away = !yes;
          // What was asked before is answered late, through no fault of its main loop.
          worker.pongAt = o.clock.elapsedMs();
          if (yes) engine.dispatch();
        },
        lost(how, { observed }) {
          workerLost(engine, worker, how, observed);
          engine.leave(worker, how);
        },
      };
    },

    async drain() {
      state.draining = true;
      for (const w of state.workers.values()) {
        w.draining = true;
        state.builds.changedItself(w);
        w.link.send({ t: "drain" });
      }
      await engine.drained();
    },

    close() {
      closing ??= (async () => {
        pulse.stop();
        await retention.stop();
        await peers?.handOver();
        await engine.close();
        await webhooks.stop();
        await peers?.stop();
        outcomes.close(new FlotillaError("FLOTILLA_CLOSED", { what: "the fleet" }));
        events.close();
        for (const w of state.workers.values())
          if (w.hello.isolation === "child-process") endWorker(w, "the orchestrator closes");
        await state.store.close();
      })();
      return closing;
    },
  };
  return orchestrator;
}

/** Another life begins when the store answers again, however long that takes. */
async function untilAnswered(state: State, begin: () => Awaitable<Boot>): Promise<Boot> {
  for (;;) {
    try {
      return await begin();
    } catch (e) {
      state.log("warn", "the store does not answer; another life begins when it does", { error: String(e) });
      await new Promise<void>((resolve) => void state.clock.after(1_000, resolve));
    }
  }
}
