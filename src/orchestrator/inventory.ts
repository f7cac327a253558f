// What becomes of attempts that a worker brings along: its orchestrator has died or restarted, or had given it up.
import type { Inventory } from "../protocol/worker.ts";
import type { WorkerState } from "./workers.ts";

/**
 * Answers each of them once, by `adopted` or `cancel`; a finished one that does not count is `settled`. The rows of an
 * SQLite store were taken up again when this life began, so none of them counts any more.
 */
export function answerInventory(worker: WorkerState, { held }: Inventory): void {
  for (const { fence, finished } of held) {
    worker.link.send(finished ? { t: "settled", fence } : { t: "cancel", fence, reason: "its task was taken up again" });
  }
}
