import type { FromWorker } from "../protocol/worker.ts";
import { createWorker, type WorkerOptions } from "../worker/worker.ts";
import { logOf } from "./deps.ts";
import type { Attached, WorkerParts, RunningWorker } from "./worker-group.ts";

/** A worker in this process: the link is a function call. */
export function startInProcess(options: WorkerOptions, { orchestrator, clock, log }: WorkerParts): RunningWorker {
  let attached: Attached | undefined;
  // What it says before it is attached: an orchestrator may greet it inside `attach`.
  const early: FromWorker[] = [];
  const worker = createWorker(options, { clock, log: logOf(log) }, (message) => {
    if (attached) attached.receive(message);
    else early.push(message);
  });
  attached = orchestrator.attach(
    {
      send: (message) => worker.receive(message),
      // The code cannot be ended from outside in its own process: it is aborted, and its slots stay its own.
      kill: () => void worker.stop(),
    },
    worker.hello(),
  );
  for (const message of early) attached.receive(message);
  return {
    async stop() {
      await worker.stop();
      attached.lost("stopped", { observed: false });
    },
  };
}
