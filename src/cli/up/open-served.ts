import type { AnyCallable } from "../../core/definition.ts";
import type { OrchestratorApi } from "../../protocol/views.ts";
import type { Fleet } from "../../runtime/create-fleet.ts";
import type { Context } from "../context.ts";
import type { StorePlace } from "../store-place.ts";
import type { FleetPlan } from "./definitions.ts";

export interface Served {
  readonly fleet: Fleet<readonly AnyCallable[]>;
  readonly api: OrchestratorApi;
  readonly close: () => Promise<void>;
}

/** The fleet, and its control socket for the commands of other terminals. */
export async function openServed(c: Context, plan: FleetPlan, place: StorePlace): Promise<Served> {
  const [{ openFleet }, { systemDeps }, { serveControlSocket }] = await Promise.all([
    import("../../runtime/create-fleet.ts"),
    import("../../runtime/deps.ts"),
    import("../../server/control-socket.ts"),
  ]);
  const { fleet, orchestrator } = await openFleet(plan.config, { ...systemDeps, clock: c.io.clock, log: logTo(c) });
  try {
    const control = await serveControlSocket(orchestrator, { database: place.path });
    return {
      fleet,
      api: orchestrator,
      async close() {
        await control.close();
        await fleet.close();
      },
    };
  } catch (error) {
    await fleet.close();
    throw error;
  }
}

/** Above whatever is drawn, so that neither spoils the other. */
function logTo(c: Context): (level: "debug" | "info" | "warn" | "error", message: string) => void {
  const { paint, glyphs } = c.err.theme;
  return (level, message) => {
    if (level === "error") c.err.line(`${paint("red", glyphs.fail)} ${message}`);
    if (level === "warn") c.err.line(`${paint("yellow", glyphs.warn)} ${message}`);
    if (level === "info" && !c.globals.quiet) c.err.line(`${paint("dim", glyphs.dot)} ${message}`);
  };
}
