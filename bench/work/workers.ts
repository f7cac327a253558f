// An orchestrator with workers that have nothing to do, their sockets held by another process.
import { fork } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { systemClock } from "../../src/core/clock.ts";
import { createOrchestrator } from "../../src/orchestrator/orchestrator.ts";
import { createWorkerDoor } from "../../src/server/workers/door.ts";
import { memoryArtifacts } from "../../src/store/artifacts/memory.ts";
import { openSqliteStore } from "../../src/store/sqlite/open.ts";

export interface IdleWorkers {
  /** MB before the first one came, and with all of them. */
  readonly emptyMB: number;
  readonly settledMB: number;
  readonly heapMB: number;
  /** Until all were attached. */
  readonly joinS: number;
  /** Of one core, while nothing happens but pings. */
  readonly corePercent: number;
}

export async function work(o: { path: string; workers: number; windowMs: number }): Promise<IdleWorkers> {
  const store = openSqliteStore({ path: o.path, durability: "process" });
  const orchestrator = await createOrchestrator({ store, artifacts: memoryArtifacts(), clock: systemClock, random: Math.random });
  const door = createWorkerDoor({ host: orchestrator, clock: systemClock });
  const server = createServer();
  server.on("upgrade", (request, socket, head) =>
    door.take(request, socket, head, { id: "bench", role: "worker", namespace: null }),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const empty = settled();
  const beganAt = performance.now();
  const holder = fork(fileURLToPath(new URL("idle-sockets.ts", import.meta.url)), {
    stdio: ["ignore", 2, 2, "ipc"],
  });
  try {
    const joined = new Promise<void>((resolve, reject) => {
      holder.once("message", () => resolve());
      holder.once("exit", (code) => reject(new Error(`the holder of the sockets ended with ${code}`)));
    });
    holder.send({ port: (server.address() as AddressInfo).port, workers: o.workers });
    await joined;
    const joinS = (performance.now() - beganAt) / 1_000;
    // Names of workers are written; then it is quiet.
    await pause(Math.min(3_000, o.windowMs));
    globalThis.gc?.();
    const before = process.cpuUsage();
    await pause(o.windowMs);
    const { user, system } = process.cpuUsage(before);
    const { rss, heapUsed } = settled();
    if (door.sessions !== o.workers) throw new Error(`${door.sessions} of ${o.workers} workers are there`);
    return {
      emptyMB: empty.rss / 1_000_000,
      settledMB: rss / 1_000_000,
      heapMB: heapUsed / 1_000_000,
      joinS,
      corePercent: ((user + system) / 1_000 / o.windowMs) * 100,
    };
  } finally {
    holder.kill("SIGKILL");
  }
}

function settled(): NodeJS.MemoryUsage {
  globalThis.gc?.();
  return process.memoryUsage();
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
