import type { TokensApi } from "../protocol/tokens.ts";
import type { FetchHandler } from "../server/mounted.ts";
import { createClient, type Client } from "../client/client.ts";
import type { FleetConfig, FleetDefinition } from "../client/fleet-definition.ts";
import type { AnyCallable } from "../core/definition.ts";
import { shortHash } from "../core/hash.ts";
import type { Orchestrator } from "../orchestrator/orchestrator.ts";
import { refuseInChild } from "./child-mark.ts";
import { resolveFleet, type FleetSettings } from "./config.ts";
import type { Engine } from "./engine.ts";
import { systemDeps, type Deps } from "./deps.ts";
import { handleApi } from "./fleet-api.ts";
import { shareEngine } from "./shared.ts";

export interface Fleet<D extends readonly AnyCallable[]> extends Client<D>, AsyncDisposable {
  /**
   * The fleet's HTTP API as one function, for a server that is already there: Hono, Next, Deno, or Express by way of
   * `@hono/node-server`. It answers what `flotilla orchestrator` answers, below `/api/v1`, to whoever has a token
   * (`fleet.tokens`) or a JWT of `server.oidc`. Under a path of its own set `server: { basePath }`.
   *
   * ```ts
   * app.all("/flotilla/*", (c) => fleet.fetch(c.req.raw, c.env));
   * ```
   */
  fetch(request: Request, env?: unknown): Promise<Response>;
  /** Who may use the fleet over HTTP. */
  readonly tokens: TokensApi;
  /** Where a server of this fleet listens; undefined: it is embedded. */
  readonly url: string | undefined;
  /**
   * Takes no further start, gives out no further task and waits until those that run have ended; what is left stays in the
   * store. While other handles of this process have the same store open, the fleet stays up for them: then it takes no
   * further start through this handle and waits for the calls under way on it, and the last handle's `drain()` drains all.
   */
  drain(): Promise<void>;
  /**
   * Stops the running attempts, which a durable store takes up again when it is next opened, ends child processes and
   * closes the store. `drain()` first to let them finish. Again is harmless.
   */
  close(): Promise<void>;
}

/**
 * Opens a fleet: its store, its orchestrator and its workers, in this process or in child processes.
 *
 * Without `close()` a process that waits for nothing of the fleet may end: what runs then is taken up when the store is
 * next opened, except in memory. The same store opened twice in one process is one fleet: the second handle adds what it
 * defines, with workers for that, and the store is closed with the last handle.
 *
 * ```ts
 * await using fleet = await createFleet({ definitions: [greet], store: "sqlite:.flotilla/flotilla.db" });
 * const { text } = await fleet.run(greet, { who: "Ada" });
 * ```
 * @throws FLOTILLA_CONFIG_INVALID naming the field; FLOTILLA_DUPLICATE_NAME; FLOTILLA_NOT_SUPPORTED for what this version
 * cannot enforce; FLOTILLA_STORE_LOCKED, FLOTILLA_STORE_UNUSABLE, FLOTILLA_STORE_NEWER; FLOTILLA_DEFINITION_UNREADABLE
 * when a child process cannot import `modules`.
 */
export async function createFleet<const D extends readonly AnyCallable[]>(
  c: FleetConfig<D> | FleetDefinition<D>,
): Promise<Fleet<D>> {
  return (await openFleet(c)).fleet;
}

/** A fleet with the whole of its orchestrator: what a server and the command line stand on. */
export interface OpenFleet<D extends readonly AnyCallable[]> {
  readonly fleet: Fleet<D>;
  readonly orchestrator: Orchestrator;
  readonly settings: FleetSettings;
  readonly commits: Engine["commits"];
  readonly reachable: Engine["reachable"];
}

export async function openFleet<const D extends readonly AnyCallable[]>(
  c: FleetConfig<D> | FleetDefinition<D>,
  deps: Deps = systemDeps,
): Promise<OpenFleet<D>> {
  refuseInChild();
  const settings = resolveFleet(c, { cwd: process.cwd(), environment: process.env["FLOTILLA_ENV"] });
  const { engine, drain, release } = await shareEngine(settings, deps);
  let closed: Promise<void> | undefined;
  const closing = new AbortController();
  let handler: Promise<FetchHandler> | undefined;
  const served = (): Promise<FetchHandler> =>
    (handler ??= import("../server/mounted.ts").then(({ mountedFetch }) =>
      mountedFetch(engine.orchestrator, settings.server, {
        ...deps,
        commits: engine.commits,
        hooks: settings.hooks,
        closing: closing.signal,
      }),
    ));
  const api = handleApi(engine.orchestrator, engine.alive);
  const close = () => {
    api.close();
    closing.abort();
    return (closed ??= release());
  };
  const fleet: Fleet<D> = {
    ...createClient<D>(api, engine.catalogue, shortHash, api.transactions),
    url: undefined,
    async fetch(request, env) {
      return (await served())(request, env);
    },
    tokens: engine.orchestrator.tokens,
    drain() {
      api.drain();
      return drain(() => api.idle());
    },
    close,
    [Symbol.asyncDispose]: close,
  };
  return { fleet, orchestrator: engine.orchestrator, settings, commits: engine.commits, reachable: engine.reachable };
}
