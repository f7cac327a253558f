import { FlotillaError } from "../core/error.ts";
import { formatMs } from "../core/duration.ts";
import { defaultNamespace } from "../core/namespace.ts";
import { parseRunId } from "../core/id.ts";
import type { Clock } from "../core/clock.ts";
import type { OrchestratorApi } from "../protocol/views.ts";
import type { ArtifactStore } from "../store/artifact-store.ts";
import type { Store } from "../store/contract.ts";
import { accessOf } from "./access.ts";
import { answersOf, explainTask } from "./answers.ts";
import { EventHub, readEvents } from "./events.ts";
import { findRun } from "./lookup.ts";
import { Outcomes } from "./outcomes.ts";
import { readSchedules } from "./schedules.ts";
import { webhooksOf } from "./webhooks/calls.ts";
import { State } from "./state.ts";

export interface ReaderOptions {
  /** Opened to be read: its `boot` writes nothing. */
  readonly store: Store;
  readonly artifacts: ArtifactStore;
  readonly clock: Clock;
}

/**
 * The answers of an orchestrator without one: what the last life stored. It writes nothing and has no workers; what needs
 * either is refused with FLOTILLA_UNREACHABLE.
 */
export async function createReader(o: ReaderOptions): Promise<OrchestratorApi> {
  const boot = await o.store.boot({ nonce: "", pid: 0, now: 0 });
  const state = new State({ ...o, random: () => 0 }, boot);
  const outcomes = new Outcomes(o.artifacts);
  const hub = new EventHub();
  const target = o.store.facts.url;
  const access = accessOf(state, () => "");
  const refuse = (where: string) => new FlotillaError("FLOTILLA_UNREACHABLE", { target }, { where });

  return {
    start: (requests) => requests.map((request) => Promise.reject(refuse(`start(${JSON.stringify(request.name)})`))),
    cancel: (id) => Promise.reject(refuse(`cancel(${JSON.stringify(id)})`)),
    send: (id) => Promise.reject(refuse(`send(${JSON.stringify(id)})`)),
    approve: (id) => Promise.reject(refuse(`approve(${JSON.stringify(id)})`)),
    reject: (id) => Promise.reject(refuse(`reject(${JSON.stringify(id)})`)),
    repair: (id) => Promise.reject(refuse(`repair(${JSON.stringify(id)})`)),
    fork: (id) => Promise.reject(refuse(`fork(${JSON.stringify(id)})`)),
    redrive: (id) => Promise.reject(refuse(`redrive(${JSON.stringify(id)})`)),
    query: (id) => Promise.reject(refuse(`query(${JSON.stringify(id)})`)),
    async outcome(id) {
      const run = parseRunId(id);
      const ended = run && (await state.store.runs.ended({ id: run.root, secret: run.secret }));
      if (ended === undefined) throw new FlotillaError("FLOTILLA_NOT_FOUND", { what: "run", id });
      if (ended === null) throw unfinished(id, target);
      return outcomes.reply(ended);
    },
    drainWorkers: () => Promise.reject(refuse("drainWorkers")),
    resumeBuild: () => Promise.reject(refuse("resumeBuild")),
    purge: () => Promise.reject(refuse("purge")),
    // oxlint-disable-next-line require-yield -- it refuses its first reader
    async *bulk() {
      throw refuse("bulk");
    },
    backup: () => Promise.reject(refuse("backup")),
    ...answersOf(state),
    tokens: {
      ...access.tokens(null),
      create: (r) => Promise.reject(refuse(`tokens.create(${JSON.stringify(r.name)})`)),
      revoke: (id) => Promise.reject(refuse(`tokens.revoke(${JSON.stringify(id)})`)),
    },
    webhooks: {
      ...webhooksOf(state, null),
      retry: (id) => Promise.reject(refuse(`webhooks.retry(${JSON.stringify(id)})`)),
    },
    schedules: {
      ...readSchedules(state, defaultNamespace.id),
      put: (r) => Promise.reject(refuse(`schedules.put(${JSON.stringify(r.name)})`)),
      pause: (name) => Promise.reject(refuse(`schedules.pause(${JSON.stringify(name)})`)),
      resume: (name) => Promise.reject(refuse(`schedules.resume(${JSON.stringify(name)})`)),
      delete: (name) => Promise.reject(refuse(`schedules.delete(${JSON.stringify(name)})`)),
      trigger: (name) => Promise.reject(refuse(`schedules.trigger(${JSON.stringify(name)})`)),
    },
    async explain(id) {
      const { explanation, where } = await explainTask(state, id);
      if (where.in !== "running" || explanation.state !== "running") return explanation;
      const since = formatMs(state.clock.now() - where.claimedAt);
      const detail = `it was running when its fleet ended, since ${since}; the next fleet on this store takes it up again`;
      return { ...explanation, reason: "NO_CAPABLE_WORKER", detail };
    },
    /** All that is stored of a run that has ended; one that has not would be waited for without end. */
    async *events(id, options) {
      const { id: run, secret } = await findRun(state, id);
      if ((await state.store.runs.outcome(run)) === null) throw unfinished(id, target);
      yield* readEvents(state, hub, { id: run, secret }, options);
    },
  };
}

function unfinished(id: string, target: string): Error {
  return new FlotillaError("FLOTILLA_UNREACHABLE", { target }, { where: `${id} is unfinished, and no fleet works on it` });
}
