import type { ServerConfig } from "../../client/server-config.ts";
import type { ServedFleet } from "../../runtime/serve.ts";
import type { Context } from "../context.ts";
import { exitCodes } from "../exit-code.ts";
import type { ExitCode } from "../exit-code.ts";
import { anyPlace } from "../store-place.ts";
import { plural } from "../text/format.ts";
import { nearPath } from "../text/near-path.ts";
import { planFleet, type FleetPlan } from "../up/definitions.ts";
import { drain } from "../up/drain.ts";
import { logTo } from "../up/open-served.ts";
import { listenForStops, type Stops } from "../up/stop.ts";
import { UsageError } from "../usage-error.ts";

export interface OrchestratorOptions {
  readonly listen?: string;
  readonly workers: number;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
}

/** Serves a fleet from start to stop. Everything that can be wrong with the command line is found before it is opened. */
export async function runOrchestrator(c: Context, o: OrchestratorOptions): Promise<ExitCode> {
  const place = await anyPlace(c);
  const plan = await planFleet(c, place, { workers: o.workers }, { required: false });
  const config = { ...plan.config, server: serverOf(c, o, plan) };
  const stops = listenForStops(c);
  try {
    const [{ serveFleet }, { systemDeps }] = await Promise.all([
      import("../../runtime/serve.ts"),
      import("../../runtime/deps.ts"),
    ]);
    const served = await serveFleet(config, { ...systemDeps, clock: c.io.clock, log: logTo(c) });
    try {
      await announce(c, served, "settings" in place ? place.name : nearPath(place.path, c.io.cwd));
      return (await serveUntilStopped(c, served, stops)) ? exitCodes.ok : exitCodes.interrupted;
    } finally {
      await served.close();
    }
  } finally {
    stops.end();
  }
}

/** What is typed goes over the environment, and that over the config. */
function serverOf(c: Context, o: OrchestratorOptions, plan: FleetPlan): ServerConfig {
  const { env } = c.io;
  const listen = o.listen ?? (env["FLOTILLA_LISTEN"] || undefined);
  const cert = o.tlsCert ?? (env["FLOTILLA_TLS_CERT"] || undefined);
  const key = o.tlsKey ?? (env["FLOTILLA_TLS_KEY"] || undefined);
  if ((cert === undefined) !== (key === undefined))
    throw new UsageError("A certificate and its key go together", {
      why: `only ${cert === undefined ? "the key" : "the certificate"} is named`,
      fix: ["name both: --tls-cert FILE --tls-key FILE"],
    });
  return {
    ...plan.config.server,
    ...(listen === undefined ? {} : { listen }),
    ...(cert === undefined || key === undefined ? {} : { tls: { cert, key } }),
  };
}

async function announce(c: Context, { server, orchestrator }: ServedFleet, store: string): Promise<void> {
  // For whoever started it with port 0.
  if (c.asJson) c.out.json({ url: server.url, pid: process.pid });
  if (c.globals.quiet) return;
  const { glyphs, paint } = c.err.theme;
  c.err.line(`${glyphs.ok} serving ${store} at ${paint("bold", server.url)}`);
  if (!(await orchestrator.access.any()))
    c.err.line(paint("dim", "nobody has a token yet: flotilla tokens create admin --role admin --namespace '*'"));
}

/** True when it drained, false when it was stopped. */
async function serveUntilStopped(c: Context, served: ServedFleet, stops: Stops): Promise<boolean> {
  // Its sockets keep the process, and a second signal must find it.
  await stops.asked;
  const { connections } = served.server;
  if (connections > 0) c.err.line(`draining: ${plural(connections, "connection")} may end`);
  const [drained] = await Promise.all([
    drain(c, { api: served.orchestrator, fleet: served.fleet }, stops),
    Promise.race([served.server.drain(), aborted(stops.now)]),
  ]);
  return drained;
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
