// A worker that serves a fleet on another machine: the rooms of a worker, wired to a link that comes back.
import type { Definition } from "../core/definition.ts";
import type { FromWorker } from "../protocol/worker.ts";
import { dial, type Dialed } from "../worker/links/dial.ts";
import { RemoteLink } from "../worker/links/websocket.ts";
import { createWorker } from "../worker/worker.ts";
import { workerLog, type Deps } from "./deps.ts";
import { createKeepAlive } from "./keep-alive.ts";

export interface RemoteWorkerOptions {
  readonly name: string;
  readonly definitions: readonly Definition[];
  readonly urls: readonly string[];
  readonly token: string;
  readonly slots: number;
  readonly offers: readonly string[];
  readonly pool: string | undefined;
  readonly build: string;
  /** Asked for, in ms; the orchestrator grants it up to its own limit. */
  readonly graceMs: number | undefined;
  readonly fenceMs: number;
  /** The orchestrator has ended it, and why. It connects again by itself. */
  readonly ended?: (error: Error) => void;
  /** An operator has drained it: it has left, and connects no more. */
  readonly dismissed?: () => void;
  /** @default a WebSocket */
  readonly dial?: (url: string) => Promise<Dialed>;
}

export interface RemoteWorker {
  /** Its public id; another one after a session that was not resumed. */
  readonly id: string;
  drain(withinMs: number | undefined): Promise<void>;
  /** Aborts what runs, says goodbye and connects no more. */
  stop(): Promise<void>;
}

/** How long a goodbye may take to arrive. */
export const leaveMs = 5_000;

/** @throws what refuses it for good: a token, a version, a definition */
export async function startRemoteWorker(o: RemoteWorkerOptions, deps: Deps): Promise<RemoteWorker> {
  const { clock, random, log } = deps;
  const alive = createKeepAlive();
  alive.hold();
  let over: Promise<void> | undefined;
  const worker = createWorker(
    { name: o.name, slots: o.slots, offers: o.offers, build: o.build, isolation: "remote", definitions: o.definitions },
    { clock, log: workerLog(log) },
    (message: FromWorker) => link.send(message),
  );
  const link = new RemoteLink({
    urls: o.urls,
    dial: o.dial ?? ((url) => dial(url, o.token)),
    hello: () => ({ ...worker.hello(), ...(o.pool === undefined ? {} : { pool: o.pool }) }),
    graceMs: o.graceMs,
    fenceMs: o.fenceMs,
    clock,
    random,
    receive: (message) => (message.t === "drain" && message.leave ? void dismissed() : worker.receive(message)),
    ended: (error) => o.ended?.(error),
    log: (level, message) => log(level, message, { worker: o.name }),
  });
  try {
    await link.start();
  } catch (error) {
    await worker.stop();
    alive.close();
    throw error;
  }
  const leave = async (): Promise<void> => {
    await worker.stop();
    await link.stop(leaveMs);
    alive.close();
  };
  const drain = async (withinMs: number | undefined): Promise<void> => {
    await worker.drain(withinMs);
    await (over ??= leave());
  };
  async function dismissed(): Promise<void> {
    log("info", "an operator drains this worker: it takes nothing new, and leaves", { worker: o.name });
    await drain(undefined);
    o.dismissed?.();
  }
  return {
    get id() {
      return link.worker ?? "";
    },
    drain,
    stop: () => (over ??= leave()),
  };
}
