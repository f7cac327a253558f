import type { FromWorker } from "../protocol/worker.ts";
import { connectInProcess } from "../worker/links/in-process.ts";
import type { WorkerOptions } from "../worker/worker.ts";
import { workerLog } from "./deps.ts";
import type { RunningWorker, WorkerParts } from "./worker-group.ts";

/** A worker in this process: the link is a function call. */
export function startInProcess(options: WorkerOptions, { orchestrator, clock, log }: WorkerParts): RunningWorker {
  // What it says before it is attached: an orchestrator may greet it inside `attach`.
  const early: FromWorker[] = [];
  let receive = (message: FromWorker): void => void early.push(message);
  const { worker, link } = connectInProcess(options, { clock, log: workerLog(log) }, (message) => receive(message));
  const attached = orchestrator.attach(link, worker.hello());
  receive = attached.receive.bind(attached);
  early.forEach(receive);
  return {
    async stop() {
      await worker.stop();
      attached.lost("stopped", { observed: false });
    },
  };
}
