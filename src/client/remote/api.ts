// `OrchestratorApi` from afar: the same calls as in the owner's process, so that a client and the CLI are one code each.
import { FlotillaError } from "../../core/error.ts";
import type { Transport } from "../../protocol/http.ts";
import type { OrchestratorApi, StartReply, StartRequest } from "../../protocol/views.ts";
import { remoteBulk } from "./bulk.ts";
import { Caller } from "./caller.ts";
import { remoteDeps, type RemoteDeps } from "./deps.ts";
import { remoteEvents } from "./events.ts";
import { createGate } from "./gate.ts";
import { drawKey } from "./once.ts";
import { remoteOutcome } from "./outcome.ts";
import { queryString } from "./query-string.ts";
import type { Patience } from "./repeat.ts";
import { remoteSchedules } from "./schedules.ts";
import { remoteTokens } from "./tokens.ts";
import { remoteWebhooks } from "./webhooks.ts";

export interface RemoteApi extends OrchestratorApi {
  /** Calls under way and to come fail with `why`. @default FLOTILLA_CLOSED */
  close(why?: unknown): void;
}

/** For the socket beside the database: who is not there now has stopped. */
export const impatient: Patience = { callMs: 0, waitMs: 0, replyMs: 60_000 };

/** Starts that are on their way at a time. A fan-out of thousands must not open thousands of connections. */
const startsMax = 32;
/** The orchestrator itself gives code 30 s to answer a query. */
const queryMs = 30_000;
/** Large tenants and databases take their time. */
const upkeepMs = 600_000;

export function remoteApi(transport: Transport, patience: Patience = impatient, deps: RemoteDeps = remoteDeps): RemoteApi {
  const closed = new AbortController();
  const caller = new Caller({ transport, patience, deps, closed: closed.signal });
  const gate = createGate(startsMax);
  const repeats = patience.callMs > 0;
  const id = encodeURIComponent;

  /** The input is JSON text and goes in as it is. */
  function start({ input, ...rest }: StartRequest): Promise<StartReply> {
    const key = rest.idempotencyKey === undefined && repeats ? { idempotencyKey: drawKey(deps.bytes) } : {};
    const repeatable = repeats;
    return caller.json("/runs", { method: "POST", body: withText({ ...rest, ...key }, "input", input), repeatable });
  }

  return {
    start: (requests) => requests.map((r) => gate(() => start(r))),
    outcome: (run, signal) => remoteOutcome(caller, run, signal),
    // Not repeatable: a workflow that is canceled for a second time has no time left to clean up.
    async cancel(target, reason) {
      await caller.text(`/runs/${id(target)}/cancel`, { method: "POST", body: JSON.stringify({ reason }) });
    },
    async send(target, { value, ...rest }) {
      const key = rest.key === undefined && repeats ? { key: drawKey(deps.bytes) } : {};
      const body = withText({ ...rest, ...key }, "value", value);
      await caller.text(`/runs/${id(target)}/messages`, { method: "POST", body, repeatable: repeats });
    },
    query: async (target, name) => (await caller.text(`/runs/${id(target)}/query/${id(name)}`, { heldMs: queryMs })).text,
    repair: (run) => caller.json(`/runs/${id(run)}/repair`, { method: "POST", body: "{}" }),
    fork: (task, input) => caller.json(`/tasks/${id(task)}/fork`, { method: "POST", body: `{"input":${input}}` }),
    redrive: (task) => caller.json(`/tasks/${id(task)}/redrive`, { method: "POST", body: "{}" }),
    approvals: (q) => caller.json(`/approvals${queryString(q)}`),
    approval: (approval) => caller.json(`/approvals/${id(approval)}`),
    async approve(approval, { value, ...rest }) {
      const body = value === undefined ? JSON.stringify(rest) : withText(rest, "value", value);
      await caller.text(`/approvals/${id(approval)}/approve`, { method: "POST", body });
    },
    async reject(approval, r) {
      await caller.text(`/approvals/${id(approval)}/reject`, { method: "POST", body: JSON.stringify(r) });
    },
    run: (run) => caller.json(`/runs/${id(run)}`),
    runs: (q) => caller.json(`/runs${queryString(q)}`),
    task: (task) => caller.json(`/tasks/${id(task)}`),
    tasks: ({ run, ...q }) => caller.json(`/runs/${id(run)}/tasks${queryString(q)}`),
    explain: (task) => caller.json(`/tasks/${id(task)}/explain`),
    plans: (task) => caller.json(`/tasks/${id(task)}/plans`),
    definition: (name) => caller.json(`/definitions/${id(name)}`),
    workers: () => caller.json("/workers"),
    drainWorkers: (r) => caller.json("/workers/drain", { method: "POST", body: JSON.stringify(r), repeatable: true }),
    async resumeBuild(build) {
      await caller.text("/workers/resume", { method: "POST", body: JSON.stringify({ build }) });
    },
    health: () => caller.json("/health"),
    events: (run, o) => remoteEvents(caller, run, o),
    schedules: remoteSchedules(caller),
    tokens: remoteTokens(caller),
    webhooks: remoteWebhooks(caller),
    artifact: async (ref) => (await caller.text(`/artifacts/${id(ref)}`)).text,
    purge: (q) => caller.json("/purge", { method: "POST", body: JSON.stringify(q), heldMs: upkeepMs }),
    bulk: (q, signal) => remoteBulk(caller, q, signal),
    backup: (folder) => caller.json("/backup", { method: "POST", body: JSON.stringify({ folder }), heldMs: upkeepMs }),
    close: (why) => closed.abort(why ?? new FlotillaError("FLOTILLA_CLOSED", { what: "this client" })),
  };
}

/** An object as JSON, with one more field whose value is JSON text already. */
function withText(fields: object, name: string, text: string): string {
  const head = JSON.stringify(fields);
  return `${head === "{}" ? "{" : `${head.slice(0, -1)},`}${JSON.stringify(name)}:${text}}`;
}
