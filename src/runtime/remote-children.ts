// Workers in processes of their own that serve a fleet on another machine. This process holds the links: they live while
// a child's code computes, and a child that dies is told of at once, as a crash.
//
//   orchestrator ◀── session ──▶ this process ◀── IPC ──▶ child, replaced when it dies
import { errorJson, FlotillaError } from "../core/error.ts";
import type { FromWorker, WorkerHost, WorkerLink } from "../protocol/worker.ts";
import { dial } from "../worker/links/dial.ts";
import { RemoteLink } from "../worker/links/websocket.ts";
import { startChild } from "./child.ts";
import type { Deps } from "./deps.ts";
import { createKeepAlive } from "./keep-alive.ts";
import { leaveMs, type RemoteWorker, type RemoteWorkerOptions } from "./remote-worker.ts";

export interface RemoteChildrenOptions extends RemoteWorkerOptions {
  readonly count: number;
  /** file: URLs of what exports the definitions. */
  readonly modules: readonly string[];
}

/** One life of a child, with its session. */
interface Relay {
  readonly remote: RemoteLink;
  drain(withinMs: number | undefined): Promise<void>;
}

/** @throws as `startRemoteWorker` and `startChild` do; then nothing is left running */
export async function startRemoteChildren(o: RemoteChildrenOptions, deps: Deps): Promise<RemoteWorker> {
  const alive = createKeepAlive();
  alive.hold();
  const relays = new Set<Relay>();
  let leaving = false;
  /** An operator drains one of them: they are one command, and leave together. */
  const dismissed = (): void => {
    if (leaving) return;
    leaving = true;
    deps.log("info", "an operator drains this worker: it takes nothing new, and leaves", { worker: o.name });
    void drain(undefined).then(() => o.dismissed?.());
  };
  const starts: Promise<void>[] = [];
  const orchestrator: WorkerHost = {
    attach(link, hello) {
      const relay = relayTo(
        link,
        o,
        { ...hello, isolation: "remote", ...(o.pool === undefined ? {} : { pool: o.pool }) },
        deps,
        dismissed,
      );
      relays.add(relay);
      starts.push(relay.remote.start());
      return {
        id: hello.name,
        receive: (m) => relay.receive(m),
        reachable: () => {},
        lost(how, { observed }) {
          relays.delete(relay);
          relay.remote.send({ t: "goodbye", reason: how, ...(observed ? { crashed: true as const } : {}) });
          void relay.remote.stop(leaveMs);
        },
      };
    },
  };
  const parts = { ...deps, orchestrator, alive, nextNumber: () => 0 };
  const { slots, offers, build, definitions, modules } = o;
  const results = await Promise.allSettled(
    Array.from({ length: o.count }, (_, i) =>
      startChild(
        { name: `${o.name}-${i + 1}`, slots, offers, build, isolation: "child-process", definitions },
        { modules, passEnv: [] },
        parts,
      ),
    ),
  );
  const workers = results.flatMap((r) => (r.status === "fulfilled" ? [r.value] : []));
  let over: Promise<void> | undefined;
  const stop = (): Promise<void> =>
    (over ??= (async () => {
      const links = [...relays].map((relay) => relay.remote);
      await Promise.all(workers.map((worker) => worker.stop()));
      await Promise.all(links.map((remote) => remote.stop(leaveMs)));
      alive.close();
    })());
  try {
    for (const result of results) if (result.status === "rejected") throw result.reason;
    await Promise.all(starts.splice(0));
  } catch (error) {
    await stop();
    throw error;
  }
  async function drain(withinMs: number | undefined): Promise<void> {
    await Promise.all([...relays].map((relay) => relay.drain(withinMs)));
    await stop();
  }
  return {
    get id() {
      return [...relays].map((relay) => relay.remote.worker).join(", ");
    },
    drain,
    stop,
  };
}

function relayTo(
  link: WorkerLink,
  o: RemoteChildrenOptions,
  hello: ReturnType<ConstructorParameters<typeof RemoteLink>[0]["hello"]>,
  { clock, random, log }: Deps,
  dismissed: () => void,
): Relay & { receive(m: FromWorker): void } {
  const drained = Promise.withResolvers<void>();
  const remote = new RemoteLink({
    urls: o.urls,
    dial: o.dial ?? ((url) => dial(url, o.token)),
    hello: () => hello,
    graceMs: o.graceMs,
    fenceMs: o.fenceMs,
    clock,
    random,
    receive: (message) => (message.t === "drain" && message.leave ? dismissed() : link.send(message)),
    // Code that did not stop when it was told to: another child takes its place.
    ended: (error) => link.kill(error.message),
    log: (level, message) => log(level, message, { worker: hello.name }),
  });
  const receive = (m: FromWorker): void => {
    try {
      remote.send(m);
    } catch (thrown) {
      tooLarge(m, thrown);
    }
    if (m.t === "goodbye") drained.resolve();
  };
  /** No link carries it: the attempt that said it ends by it. */
  function tooLarge(m: FromWorker, thrown: unknown): void {
    const error = errorJson(thrown);
    if (m.t === "put") return link.send({ t: "reply", fence: m.fence, request: m.request, value: null, error });
    if (m.t !== "settle" && m.t !== "acts") return;
    if (m.t === "acts") link.send({ t: "cancel", fence: m.fence, reason: error.message });
    remote.send({ t: "settle", fence: m.fence, result: { status: "failed", error, terminal: true }, spent: null });
  }
  function giveBack(): void {
    const error = errorJson(new FlotillaError("FLOTILLA_CLOSED", { what: `worker ${hello.name} drains and` }));
    for (const fence of remote.running()) {
      remote.send({ t: "settle", fence, result: { status: "returned", error }, spent: null });
      link.send({ t: "cancel", fence, reason: "its worker drains" });
    }
  }
  return {
    remote,
    receive,
    async drain(withinMs) {
      remote.send({ t: "draining" });
      link.send({ t: "drain" });
      const late = withinMs === undefined ? undefined : clock.after(withinMs, giveBack);
      await drained.promise;
      late?.cancel();
    },
  };
}
