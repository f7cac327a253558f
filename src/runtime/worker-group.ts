import type { AnyCallable } from "../core/definition.ts";
import type { WorkerHost } from "../protocol/worker.ts";
import type { FleetSettings } from "./config.ts";
import type { Deps } from "./deps.ts";
import { startInProcess } from "./in-process.ts";
import type { KeepAlive } from "./keep-alive.ts";

export interface RunningWorker {
  stop(): Promise<void>;
}
export type WorkerGroup = RunningWorker;

/** What a worker is built from. */
export interface WorkerParts extends Deps {
  readonly orchestrator: WorkerHost;
  readonly alive: KeepAlive;
  /** 1, 2, 3 ...: names of workers do not repeat within a fleet's life. */
  readonly nextNumber: () => number;
}

/** Starts `workers.count` workers with the same definitions. */
export async function startWorkers(
  settings: FleetSettings,
  callables: readonly AnyCallable[],
  parts: WorkerParts,
): Promise<WorkerGroup> {
  const { count, slots, continuations, offers, isolation, passEnv } = settings.workers;
  const definitions = callables.map((callable) => callable["~definition"]);
  const build = process.env["FLOTILLA_BUILD"] ?? "local";
  const start = async (): Promise<RunningWorker> => {
    const place = isolation === "in-process" ? "local" : "child";
    const options = { name: `${place}-${parts.nextNumber()}`, slots, continuations, offers, build, isolation, definitions };
    if (isolation === "in-process") return startInProcess(options, parts);
    // Most fleets have no children: what starts and explains them is loaded for those that do.
    const { startChild } = await import("./child.ts");
    return startChild(options, { modules: settings.modules, passEnv }, parts);
  };
  const results = await Promise.allSettled(Array.from({ length: count }, start));
  const workers = results.flatMap((r) => (r.status === "fulfilled" ? [r.value] : []));
  const stop = async () => void (await Promise.all(workers.map((worker) => worker.stop())));
  const failed = results.find((r) => r.status === "rejected");
  if (failed) {
    await stop();
    throw failed.reason;
  }
  return { stop };
}
