// In each worker process of the load: writes down what arrives, and turns the process deaf or mute when it is ordered to.
// It sits on the process's own channel, so nothing of the product knows of it.
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { ToWorker } from "../../../src/protocol/worker.ts";
import { note } from "./history.ts";

/** Written into `order-<pid>` in the load's folder, and announced by SIGUSR2. */
export type Order = "deaf" | "mute" | "block";

export interface Tap {
  readonly log: string;
  /** The newest lease under which a task was assigned to this process. */
  fenceOf(publicId: string): { readonly task: number; readonly leaseNo: number };
  /** The main loop is to be blocked by the next attempt that begins: true once. */
  mustBlock(): boolean;
}

/** @returns undefined in a process that is no worker. */
export function installTap(folder: string | undefined): Tap | undefined {
  if (folder === undefined || !process.send) return undefined;
  const log = join(folder, "history.jsonl");
  const fences = new Map<string, { task: number; leaseNo: number }>();
  const orders = new Set<Order>();
  note(log, { e: "hello", pid: process.pid, parent: process.ppid });

  process.on("SIGUSR2", () => {
    const file = join(folder, `order-${process.pid}`);
    orders.add(readFileSync(file, "utf8") as Order);
    rmSync(file);
  });

  const emit = process.emit.bind(process) as (event: string, ...rest: unknown[]) => boolean;
  process.emit = ((event: string, ...rest: unknown[]) => {
    if (event !== "message" || !Array.isArray(rest[0])) return emit(event, ...rest);
    const heard = (rest[0] as ToWorker[]).filter((m) => {
      if (m.t !== "assign") return true;
      for (const { fence, publicId } of m.tasks) {
        const { task, boot, leaseNo } = fence;
        if (!orders.has("deaf")) fences.set(publicId, { task, leaseNo });
        note(log, { e: orders.has("deaf") ? "swallowed" : "assigned", pid: process.pid, task, boot, leaseNo });
      }
      return !orders.has("deaf");
    });
    return emit(event, heard, ...rest.slice(1));
  }) as typeof process.emit;

  const send = process.send.bind(process) as (message: unknown, ...rest: unknown[]) => boolean;
  process.send = ((sent: { message?: unknown }, ...rest: unknown[]) => {
    if (!orders.has("mute") || !Array.isArray(sent.message)) return send(sent, ...rest);
    // Pings are answered; results get lost.
    return send({ ...sent, message: (sent.message as { t: string }[]).filter((m) => m.t !== "settle") }, ...rest);
  }) as typeof process.send;

  return {
    log,
    fenceOf(publicId) {
      const fence = fences.get(publicId);
      if (!fence) throw new Error(`task ${publicId} runs here and was never assigned`);
      return fence;
    },
    mustBlock: () => orders.delete("block"),
  };
}
