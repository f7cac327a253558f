// An orchestrator in memory behind a real socket, and workers across it.
import { createServer } from "node:http";
import { connect as connectTcp, createServer as createTcpServer, type AddressInfo, type Socket } from "node:net";
import type { Definition } from "../../src/core/definition.ts";
import type { AnyCallable } from "../../src/core/definition.ts";
import { systemClock, type Clock } from "../../src/core/clock.ts";
import { FlotillaError } from "../../src/core/error.ts";
import { createRandom } from "../../src/core/random.ts";
import { createOrchestrator, type Orchestrator } from "../../src/orchestrator/orchestrator.ts";
import { startRemoteWorker, type RemoteWorker, type RemoteWorkerOptions } from "../../src/runtime/remote-worker.ts";
import { refuseUpgrade } from "../../src/server/access/upgrade.ts";
import type { Namespace } from "../../src/protocol/access.ts";
import { connectPath } from "../../src/protocol/wire/frames.ts";
import { createWorkerDoor, type WorkerDoor, type WorkerDoorOptions } from "../../src/server/workers/door.ts";
import { memoryArtifacts } from "../../src/store/artifacts/memory.ts";
import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import { dial, Refusal, type Dialed } from "../../src/worker/links/dial.ts";

export const token = "a-token-of-this-test";

export interface RemoteWorld {
  readonly orchestrator: Orchestrator;
  readonly door: WorkerDoor;
  readonly url: string;
  /** What both sides logged. */
  readonly logged: string[];
  worker(definitions: readonly AnyCallable[], over?: Partial<RemoteWorkerOptions>): Promise<RemoteWorker>;
  /** Starts a run and gives its outcome. */
  run(name: string, input: unknown): Promise<{ readonly status: string; readonly value: unknown }>;
  start(name: string, input: unknown): Promise<string>;
  outcome(id: string): Promise<{ readonly status: string; readonly value: unknown }>;
  /** Nobody listens at its address any more. */
  unlisten(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function openWorld(
  o: Partial<WorkerDoorOptions> & {
    clock?: Clock;
    path?: string;
    port?: number;
    namespace?: Namespace | null;
    answeringMs?: () => number;
  } = {},
): Promise<RemoteWorld> {
  const { clock = systemClock, path = ":memory:", port = 0, namespace = null, answeringMs, ...door } = o;
  const logged: string[] = [];
  const log = (_level: string, message: string): void => void logged.push(message);
  const orchestrator = await createOrchestrator({
    store: openSqliteStore({ path }),
    artifacts: memoryArtifacts(),
    clock,
    random: createRandom(5),
    log,
  });
  const opened = createWorkerDoor({
    host: answeringMs ? { attach: (...as) => orchestrator.attach(...as), answeringMs } : orchestrator,
    clock,
    log,
    ...door,
  });
  const server = createServer((_, res) => res.writeHead(404).end());
  server.on("upgrade", (request, socket, head) => {
    if (request.headers.authorization === `Bearer ${token}`)
      return opened.take(request, socket, head, { id: "test", role: "worker", namespace });
    refuseUpgrade(socket, new FlotillaError("FLOTILLA_UNAUTHENTICATED", { why: "the token is not known" }));
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}${connectPath}`;
  const workers: RemoteWorker[] = [];
  let unlistened: Promise<void> | undefined;
  const unlisten = (): Promise<void> =>
    (unlistened ??= new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    }));
  const start = async (name: string, input: unknown): Promise<string> =>
    ((await orchestrator.start([{ name, input: JSON.stringify(input) }])[0]) as { id: string }).id;
  const outcome = async (id: string): Promise<{ status: string; value: unknown }> => {
    const reply = await orchestrator.outcome(id);
    const value = (reply as { value?: string | null }).value;
    return { status: reply.status, value: typeof value === "string" ? (JSON.parse(value) as unknown) : null };
  };
  return {
    orchestrator,
    door: opened,
    url,
    logged,
    async worker(definitions, over = {}) {
      const worker = await startRemoteWorker(remote(definitions, url, over), {
        clock,
        random: createRandom(workers.length + 11),
        log: (_level, message) => void logged.push(`worker: ${message}`),
      });
      workers.push(worker);
      return worker;
    },
    start,
    outcome,
    run: async (name, input) => outcome(await start(name, input)),
    unlisten,
    async [Symbol.asyncDispose]() {
      await Promise.all(workers.map((w) => w.stop()));
      opened.close();
      await unlisten();
      await orchestrator.close();
    },
  };
}

function remote(definitions: readonly AnyCallable[], url: string, over: Partial<RemoteWorkerOptions>): RemoteWorkerOptions {
  return {
    name: "far",
    definitions: definitions.map((d): Definition => d["~definition"]),
    urls: [url],
    token,
    slots: 4,
    offers: [],
    pool: undefined,
    build: "b",
    graceMs: undefined,
    fenceMs: 10_000,
    ...over,
  };
}

/** Links that a test breaks. */
export interface Cutter {
  readonly dial: (url: string) => Promise<Dialed>;
  /** Breaks the link that is up; nothing of what is under way arrives. */
  cut(): void;
  /** What the orchestrator says does not arrive, until the link is another one. */
  deaf(yes: boolean): void;
  /** Refuses new links until it is called with false. `as`: by the orchestrator, in these words. */
  block(yes: boolean, as?: Error): void;
  readonly links: number;
  /** A link is being made: time must not pass meanwhile, because sockets know nothing of the test's clock. */
  readonly making: boolean;
  /** Called for each frame before it passes, in either direction. */
  onFrame: (() => void) | undefined;
}

export function cutter(as = token): Cutter {
  let current: { link: Dialed; dead: boolean; deaf: boolean } | undefined;
  let blocked = false;
  let words: Error | undefined;
  const made: Cutter & { links: number; making: boolean } = {
    links: 0,
    making: false,
    onFrame: undefined,
    cut() {
      if (!current) return;
      current.dead = true;
      current.link.terminate();
    },
    deaf: (yes) => void (current && (current.deaf = yes)),
    block(yes, as) {
      blocked = yes;
      words = as;
    },
    async dial(url) {
      if (blocked && words) throw new Refusal(words, { final: false });
      if (blocked) throw new FlotillaError("FLOTILLA_UNREACHABLE", { target: "a network that is cut" });
      made.making = true;
      const link = await dial(url, as).catch((e: unknown) => {
        made.making = false;
        throw e;
      });
      const mine = { link, dead: false, deaf: false };
      current = mine;
      made.links += 1;
      return {
        write(text) {
          made.onFrame?.();
          if (!mine.dead) link.write(text);
        },
        buffered: () => link.buffered(),
        close: (code) => link.close(code),
        terminate: () => link.terminate(),
        listen: (on) =>
          link.listen({
            text(text) {
              made.onFrame?.();
              if (mine.dead || mine.deaf) return;
              made.making = false;
              on.text(text);
            },
            alive: () => (mine.dead || mine.deaf ? undefined : on.alive()),
            room: on.room,
            closed(code) {
              made.making = false;
              on.closed(code);
            },
          }),
      };
    },
  };
  return made;
}

/** Between a worker and its orchestrator, as a network is. */
export interface Network {
  readonly url: string;
  /** From now on nothing passes and nothing is closed: both ends believe in their link. */
  stall(): void;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function network(to: string): Promise<Network> {
  const { hostname: host, port, pathname } = new URL(to);
  const sockets = new Set<Socket>();
  let stalled = false;
  const server = createTcpServer((near) => {
    if (stalled) return void near.destroy();
    const far = connectTcp(Number(port), host);
    for (const [from, into] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on("data", (data) => void (stalled ? undefined : into.write(data)));
      from.on("error", () => {});
      from.on("close", () => void (stalled ? undefined : into.destroy()));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}${pathname}`,
    stall: () => void (stalled = true),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
