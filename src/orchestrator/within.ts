// The orchestrator as one namespace sees it: what lies in another one does not exist. Every verb that takes an id looks
// first whose it is; every list and every name is asked within the namespace.
import { FlotillaError } from "../core/error.ts";
import { parseApprovalId, parseId } from "../core/id.ts";
import { version } from "../core/version.ts";
import type { TokensApi } from "../protocol/tokens.ts";
import type { WebhooksApi } from "../protocol/webhooks.ts";
import type { OrchestratorApi, StartReply } from "../protocol/views.ts";
import type { BulkDesk } from "./bulk/bulk.ts";
import { getApproval, listApprovals } from "./approvals.ts";
import type { Engine } from "./engine.ts";
import { listWorkers } from "./roster.ts";
import { getDefinition, health, listRuns } from "./queries.ts";
import { Schedules } from "./schedules.ts";
import type { State } from "./state.ts";
import { purge } from "./upkeep/purge.ts";

// A run never moves to another namespace and its number is never given to another one. 10,000 of them are 1 MB.
const knownMax = 10_000;

/** Whose runs are whose, without a read for those that were asked for lately. */
export class Owners {
  readonly #state: State;
  readonly #known = new Map<number, number>();

  constructor(state: State) {
    this.#state = state;
  }

  /** Of the run behind a root's number; undefined: there is none. */
  async of(root: number): Promise<number | undefined> {
    const known = this.#known.get(root);
    if (known !== undefined) return known;
    const [row] = await this.#state.store.tasks.get([root]);
    if (row === undefined) return undefined;
    if (this.#known.size >= knownMax) this.#known.clear();
    this.#known.set(root, row.namespace);
    return row.namespace;
  }
}

export interface Inside {
  readonly engine: Engine;
  readonly owners: Owners;
  readonly bulk: BulkDesk;
  /** What asks by id, of every namespace. */
  readonly all: OrchestratorApi;
  readonly namespace: number;
  readonly tokens: TokensApi;
  readonly webhooks: WebhooksApi;
}

export function apiWithin({ engine, owners, bulk, all, namespace, tokens, webhooks }: Inside): OrchestratorApi {
  const { state } = engine;
  const schedules = new Schedules(engine, namespace);

  /** @throws FLOTILLA_NOT_FOUND, as if it did not exist */
  async function own(id: string, task: string = id): Promise<void> {
    const parsed = parseId(task);
    // One that is none, or that does not exist, is refused where it is used.
    const owner = parsed && (await owners.of(parsed.root));
    if (owner === undefined || owner === namespace) return;
    const what = id.startsWith("a_") ? "approval" : id.startsWith("t_") ? "task" : "run";
    throw new FlotillaError("FLOTILLA_NOT_FOUND", { what, id });
  }
  const ownApproval = (id: string) => own(id, parseApprovalId(id)?.task);
  /**
   * Who names an artifact in what is stored uses it from then on, and may read it: so only what is held here is named.
   * @throws FLOTILLA_NOT_FOUND
   */
  async function ownArtifacts(text: string): Promise<void> {
    for (const hash of namedArtifacts(text)) await ownArtifact(hash);
  }
  async function ownArtifact(hash: string): Promise<void> {
    if (!(await state.store.access.holdsArtifact({ namespace, hash })))
      throw new FlotillaError("FLOTILLA_NOT_FOUND", { what: "artifact", id: hash });
  }
  const after =
    <A extends readonly unknown[], R>(verb: (id: string, ...rest: A) => Promise<R>, check: (id: string) => Promise<void> = own) =>
    async (id: string, ...rest: A): Promise<R> => {
      await check(id);
      return verb(id, ...rest);
    };

  return {
    start: (requests) =>
      requests.map(async (request) => {
        await ownArtifacts(request.input);
        return new Promise<StartReply>((resolve, reject) => engine.start({ request, namespace, resolve, reject }));
      }),
    outcome: after((id, signal) => all.outcome(id, signal)),
    cancel: after((id, reason) => all.cancel(id, reason)),
    async send(id, message) {
      await own(id);
      await ownArtifacts(message.value);
      return all.send(id, message);
    },
    async approvals(q) {
      if (q.after !== undefined) await ownApproval(q.after);
      return listApprovals(state, q, namespace);
    },
    approval: after((id) => getApproval(state, id), ownApproval),
    async approve(id, r) {
      await ownApproval(id);
      await ownArtifacts(r.value ?? "");
      return all.approve(id, r);
    },
    reject: after((id, r) => all.reject(id, r), ownApproval),
    repair: after((id) => all.repair(id)),
    async fork(task, input) {
      await own(task);
      await ownArtifacts(input);
      return all.fork(task, input);
    },
    redrive: after((id) => all.redrive(id)),
    query: after((id, name) => all.query(id, name)),
    run: after((id) => all.run(id)),
    runs: (q) => listRuns(state, q, namespace),
    task: after((id) => all.task(id)),
    async tasks(q) {
      await own(q.run);
      return all.tasks(q);
    },
    explain: after((id) => all.explain(id)),
    plans: after((id) => all.plans(id)),
    definition: (name) => getDefinition(state, name, namespace),
    workers: () => listWorkers(state, namespace),
    health: () => health(state, version, namespace),
    async *events(run, o) {
      await own(run);
      yield* all.events(run, o);
    },
    async artifact(ref) {
      await ownArtifact(ref);
      return all.artifact(ref);
    },
    async purge(q) {
      if (q.run !== undefined) await own(q.run);
      return purge(state, q, namespace);
    },
    drainWorkers: () => Promise.reject(ofWholeFleet("a drain by one namespace")),
    resumeBuild: () => Promise.reject(ofWholeFleet("resuming a build in one namespace")),
    bulk: (q, signal) => bulk.run(q, namespace, signal),
    backup() {
      // A copy holds everything, of everybody.
      return Promise.reject(ofWholeFleet("a copy of one namespace"));
    },
    schedules: {
      async put(r) {
        await ownArtifacts(r.input);
        return schedules.put(r);
      },
      list: (q) => schedules.list(q),
      get: (name) => schedules.get(name),
      pause: (name) => schedules.pause(name),
      resume: (name) => schedules.resume(name),
      delete: (name) => schedules.delete(name),
      trigger: (name) => schedules.trigger(name),
    },
    tokens,
    webhooks,
  };
}

function ofWholeFleet(what: string): FlotillaError {
  return new FlotillaError("FLOTILLA_NOT_SUPPORTED", { what, instead: "ask for it with an access to every namespace" });
}

const reference = /"\$artifact":\s*"([0-9a-f]{64})"/g;

function namedArtifacts(text: string): Set<string> {
  if (!text.includes("artifact")) return new Set();
  // As it will be stored: spaces and escapes in the caller's text hide nothing.
  return new Set([...JSON.stringify(JSON.parse(text)).matchAll(reference)].map(([, hash]) => hash as string));
}
