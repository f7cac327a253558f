import type { AnyCallable } from "../../core/definition.ts";
import type { LogSink } from "../../core/log.ts";
import type { OrchestratorApi } from "../../protocol/views.ts";
import type { Fleet } from "../../runtime/create-fleet.ts";
import type { Context } from "../context.ts";
import type { FleetPlan } from "./definitions.ts";

export interface Served {
  readonly fleet: Fleet<readonly AnyCallable[]>;
  readonly api: OrchestratorApi;
  readonly close: () => Promise<void>;
}

/** The fleet, which answers the commands of other terminals through its control socket. */
export async function openServed(c: Context, plan: FleetPlan): Promise<Served> {
  const [{ openFleet }, { systemDeps }] = await Promise.all([
    import("../../runtime/create-fleet.ts"),
    import("../../runtime/deps.ts"),
  ]);
  const { fleet, orchestrator } = await openFleet(plan.config, { ...systemDeps, clock: c.io.clock, log: logTo(c) });
  return { fleet, api: orchestrator, close: () => fleet.close() };
}

/** Above whatever is drawn, so that neither spoils the other. */
export function logTo(c: Context): LogSink {
  const { paint, glyphs } = c.err.theme;
  return (level, message, fields) => {
    // What went wrong is in the fields; without it nobody could act on the line.
    const text = fields?.["error"] === undefined ? message : `${message}: ${String(fields["error"])}`;
    if (level === "error") c.err.line(`${paint("red", glyphs.fail)} ${text}`);
    if (level === "warn") c.err.line(`${paint("yellow", glyphs.warn)} ${text}`);
    if (level === "info" && !c.globals.quiet) c.err.line(`${paint("dim", glyphs.dot)} ${message}`);
  };
}
