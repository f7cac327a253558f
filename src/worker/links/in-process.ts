import type { FromWorker, WorkerLink } from "../../protocol/worker.ts";
import { createWorker, type Worker, type WorkerDeps, type WorkerOptions } from "../worker.ts";

/** A worker in this thread: a link is two function calls. `receive` and `onMessage` run no user code of the other side. */
export function connectInProcess(
  o: Omit<WorkerOptions, "isolation">,
  deps: WorkerDeps,
  onMessage: (message: FromWorker) => void,
): { worker: Worker; link: WorkerLink } {
  const worker = createWorker({ ...o, isolation: "in-process" }, deps, onMessage);
  return { worker, link: { send: (message) => worker.receive(message), kill: () => void worker.stop() } };
}
