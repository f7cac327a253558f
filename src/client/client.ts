import type { AnyCallable, Callable, ErrorsOf, OutOf, WireOf } from "../core/definition.ts";
import { FlotillaError } from "../core/error.ts";
import { toJson } from "../core/json.ts";
import type { OrchestratorApi, PurgeRequest, StartReply } from "../protocol/views.ts";
import { batchStarts } from "./batch.ts";
import { countBulk, type Bulk, type BulkOptions } from "./bulk.ts";
import type { Catalogue } from "./catalogue.ts";
import { approvalsOf, type Approvals } from "./approvals.ts";
import { RunHandle, type Run } from "./run.ts";
import { clientSchedules, type ClientSchedules } from "./schedules.ts";
import { splitTransaction, startRequest, type Hash, type StartOptions } from "./start.ts";
import { afterCommit } from "./after-commit.ts";
import { configInvalid } from "./check.ts";
import { notSupported } from "../core/not-supported.ts";
import type { TransactionStarts } from "../protocol/outbox.ts";

const noDatabase =
  "open the fleet with a PostgreSQL store in the database of the transaction; elsewhere start after your commit, with an idempotencyKey made of what you committed";

type Names<D extends readonly AnyCallable[]> = { [C in D[number] as C["name"]]: C };

/** Starts runs and finds them again. `start` and `run` take a definition, or its name as one of the fleet's. */
export interface Client<D extends readonly AnyCallable[], M = Names<D>> {
  /**
   * Resolves when the run is stored: from then on it is not lost, whatever dies. Starts made in one turn are one commit.
   *
   * ```ts
   * const run = await fleet.start(audit, { files }, { idempotencyKey: "audit:main:abc123" });
   * ```
   * @throws FLOTILLA_INPUT_INVALID with the path of the field, before anything is written; FLOTILLA_UNKNOWN_DEFINITION,
   * FLOTILLA_VALUE_NOT_JSON, FLOTILLA_TOO_LARGE (1 MiB), FLOTILLA_IDEMPOTENCY_CONFLICT, FLOTILLA_CONFIG_INVALID.
   */
  start<W, O, X>(target: Callable<string, W, O, X>, input: NoInfer<W>, o?: StartOptions): Promise<Run<O, X>>;
  start<N extends keyof M>(name: N, input: WireOf<M[N]>, o?: StartOptions): Promise<Run<OutOf<M[N]>, ErrorsOf<M[N]>>>;
  /** Starts and waits: `(await start(...)).result()`. @throws what `start` and `Run.result` throw. */
  run<W, O, X>(target: Callable<string, W, O, X>, input: NoInfer<W>, o?: StartOptions): Promise<O>;
  run<N extends keyof M>(name: N, input: WireOf<M[N]>, o?: StartOptions): Promise<OutOf<M[N]>>;
  /** A run that was started before, here or elsewhere. @throws FLOTILLA_NOT_FOUND */
  get(id: string): Promise<Run<unknown, unknown>>;
  /**
   * A new run that does again what did not succeed in a closed one: what succeeded there, by key and input, is taken over
   * and not done again. Outcomes are immutable, so the closed run stays as it is.
   * @throws FLOTILLA_NOT_FOUND, FLOTILLA_TOO_LATE for a run that goes on or has succeeded
   */
  repair(run: string): Promise<Run<unknown, unknown>>;
  /**
   * A new run that asks one task of another run again with another input, and takes over all that does not depend on it.
   * @throws FLOTILLA_NOT_FOUND, FLOTILLA_VALUE_NOT_JSON
   */
  fork(task: string, input: unknown): Promise<Run<unknown, unknown>>;
  /** A quarantined or failed task once more, as a run of its own. @throws FLOTILLA_NOT_FOUND, FLOTILLA_TOO_LATE */
  redrive(task: string): Promise<Run<unknown, unknown>>;
  /**
   * Deletes closed runs now, whatever `retention` says: one run, or all of a tenant's. Their inputs, results, journals and
   * idempotency keys go, and the artifacts that no other run uses; their bytes are overwritten in the file. What a tenant
   * has open is left and counted in `open`: cancel it and call again. Backups are not touched.
   *
   * ```ts
   * const { runs, open } = await fleet.purge({ tenant: "acme" });
   * ```
   * @throws FLOTILLA_STILL_OPEN when the run, or a detached task of it, is open; FLOTILLA_NOT_FOUND
   */
  purge(what: { run: string } | { tenant: string }): Promise<{ runs: number; tasks: number; open: number }>;
  /**
   * One operation on everything that a filter finds, done where the store is. This counts and changes nothing; `execute`
   * does it, and refuses when more fit by then.
   *
   * ```ts
   * const bulk = await fleet.bulk({ action: "redrive", where: { name: "parse", error: "FLOTILLA_QUARANTINED" } });
   * if (bulk.count < 100) await bulk.execute();
   * ```
   * @throws FLOTILLA_CONFIG_INVALID naming the filter that is unknown or does not go with the action; FLOTILLA_TOO_MANY
   */
  bulk(o: BulkOptions): Promise<Bulk>;
  /** Runs that start by the clock. */
  readonly schedules: ClientSchedules;
  /** What workflows ask of people with `ctx.approve`. */
  readonly approvals: Approvals;
}

/** What a client asks of an orchestrator. */
export type ClientApi = Pick<
  OrchestratorApi,
  | "start"
  | "outcome"
  | "cancel"
  | "run"
  | "events"
  | "send"
  | "query"
  | "approvals"
  | "approve"
  | "reject"
  | "repair"
  | "fork"
  | "redrive"
  | "purge"
  | "bulk"
  | "schedules"
>;

/** Speaks to an orchestrator, near or far. The catalogue may grow while the client lives. */
export function createClient<D extends readonly AnyCallable[]>(
  api: ClientApi,
  catalogue: Catalogue,
  hash: Hash | null,
  transactions: TransactionStarts | null = null,
): Client<D> {
  const submit = batchStarts(api);

  async function start(target: AnyCallable | string, input: unknown, o?: StartOptions): Promise<Run<unknown, unknown>> {
    const name = typeof target === "string" ? target : target.name;
    // Far from the fleet a definition comes with the call, or not at all.
    const given = typeof target === "string" || catalogue.complete ? undefined : target["~definition"];
    const definition = catalogue.find(name) ?? given;
    if (!definition && catalogue.complete)
      throw new FlotillaError(
        "FLOTILLA_UNKNOWN_DEFINITION",
        { name, known: catalogue.names() },
        { where: `start(${JSON.stringify(name)})` },
      );
    const { options, within } = splitTransaction(name, o);
    const made = startRequest(definition, name, input, options, hash);
    const request = made instanceof Promise ? await made : made;
    if (within) {
      if (!transactions) throw notSupported("start({ tx }) on this fleet", noDatabase);
      const { id } = await transactions.submit(request, within);
      return new RunHandle(id, afterCommit(api, transactions));
    }
    const { id, depth, pressure } = await submit(request);
    return new RunHandle(id, api, { depth, pressure });
  }

  const began = ({ id, depth, pressure }: StartReply) => new RunHandle(id, api, { depth, pressure });
  const client = {
    start,
    async run(target: AnyCallable | string, input: unknown, o?: StartOptions) {
      if (o?.tx !== undefined)
        throw configInvalid(
          "run().tx",
          "a run ends after the commit, and run() waits for its end",
          "use start(), commit, then result()",
        );
      return (await start(target, input, o)).result();
    },
    get: async (id: string) => new RunHandle((await api.run(id)).id, api),
    repair: async (id: string) => began(await api.repair(id)),
    fork: async (id: string, input: unknown) => began(await api.fork(id, toJson(input, "fork"))),
    redrive: async (id: string) => began(await api.redrive(id)),
    purge: (what: PurgeRequest) => api.purge(what),
    bulk: (o: BulkOptions) => countBulk(api, o),
    schedules: clientSchedules(api, catalogue),
    approvals: approvalsOf(api),
  };
  // One implementation behind both overloads; what a definition gives is known to the types alone.
  return client as unknown as Client<D>;
}
