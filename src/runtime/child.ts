import { FlotillaError } from "../core/error.ts";
import type { WorkerOptions } from "../worker/worker.ts";
import type { RunningWorker, WorkerParts } from "./worker-group.ts";

export async function startChild(
  _options: WorkerOptions,
  _modules: readonly string[],
  _parts: WorkerParts,
): Promise<RunningWorker> {
  throw new FlotillaError("FLOTILLA_NOT_SUPPORTED", {
    what: "child processes are not wired yet",
    instead: 'use isolation: "in-process"',
  });
}
