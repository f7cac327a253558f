import type { FleetConfig, FleetDefinition } from "../client/fleet-definition.ts";
import type { AnyCallable } from "../core/definition.ts";
import type { Orchestrator } from "../orchestrator/orchestrator.ts";
import type { TcpServer } from "../server/tcp-server.ts";
import { openFleet, type Fleet } from "./create-fleet.ts";
import type { Deps } from "./deps.ts";

/** A fleet with a server in front of it. */
export interface ServedFleet {
  readonly fleet: Fleet<readonly AnyCallable[]>;
  readonly orchestrator: Orchestrator;
  readonly server: TcpServer;
  /** The server first: whoever asks meanwhile must not meet a fleet that is half closed. */
  close(): Promise<void>;
}

/** Opens a fleet and serves it as its config says. @throws as `createFleet` and `serveTcp` do; then nothing is left open. */
export async function serveFleet(
  config: FleetConfig<readonly AnyCallable[]> | FleetDefinition<readonly AnyCallable[]>,
  deps: Deps,
): Promise<ServedFleet> {
  const { fleet, orchestrator, settings, commits, reachable } = await openFleet(config, deps);
  try {
    const [{ serveTcp }, { createWorkerDoor }] = await Promise.all([
      import("../server/tcp-server.ts"),
      import("../server/workers/door.ts"),
    ]);
    const workers = createWorkerDoor({ host: orchestrator, clock: deps.clock, log: deps.log });
    const upgrades = [{ path: "/workers/connect", least: "worker" as const, take: workers.take }];
    const { hooks } = settings;
    const server = await serveTcp(orchestrator, settings.server, { ...deps, commits, upgrades, hooks });
    // Whoever reads that it serves makes a token next, from another terminal.
    await reachable;
    return {
      fleet,
      orchestrator,
      server,
      async close() {
        // Workers hear that it restarts, and keep what they run for whoever answers then.
        workers.close();
        await server.close();
        await fleet.close();
      },
    };
  } catch (error) {
    await fleet.close();
    throw error;
  }
}
