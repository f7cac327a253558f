import type { FleetConfig, FleetDefinition } from "../client/fleet-definition.ts";
import type { AnyCallable } from "../core/definition.ts";
import type { Orchestrator } from "../orchestrator/orchestrator.ts";
import type { TcpServer, UpgradeMount } from "../server/tcp-server.ts";
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
  const { fleet, orchestrator, settings, commits } = await openFleet(config, deps);
  try {
    const { serveTcp } = await import("../server/tcp-server.ts");
    const server = await serveTcp(orchestrator, settings.server, { ...deps, commits, upgrades });
    return {
      fleet,
      orchestrator,
      server,
      async close() {
        await server.close();
        await fleet.close();
      },
    };
  } catch (error) {
    await fleet.close();
    throw error;
  }
}

/** Endpoints that leave HTTP. */
const upgrades: readonly UpgradeMount[] = [];
