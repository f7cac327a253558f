// The HTTP API on a TCP port, for whoever has a token. Loopback unless the config says otherwise.
import { readFileSync } from "node:fs";
import { createServer as createHttp, type IncomingMessage, type RequestListener, type Server } from "node:http";
import { createServer as createHttps } from "node:https";
import { isIP, type AddressInfo, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { getRequestListener } from "@hono/node-server";
import type { Clock } from "../core/clock.ts";
import { FlotillaError } from "../core/error.ts";
import type { LogSink } from "../core/log.ts";
import type { Role } from "../core/role.ts";
import type { ServedOrchestrator } from "../protocol/access.ts";
import { knockOf } from "./access/knock.ts";
import { connectionLookMs, watch } from "./access/watch.ts";
import { authorizeUpgrade, refuseUpgrade, type Upgraded } from "./access/upgrade.ts";
import { base } from "./base.ts";
import { openEntrance } from "./entrance.ts";
import { withoutBase } from "./mounted.ts";
import { createApp } from "./app.ts";
import type { HookSettings } from "./hooks/settings.ts";
import { AnswerCounts, metricsText, type CommitTimes } from "./metrics.ts";
import type { ServerSettings } from "./settings.ts";

/** Takes a connection over that has passed the gate. */
export type TakeUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer, who: Upgraded) => void;

/** An endpoint that leaves HTTP. */
export interface UpgradeMount {
  /** Under the base of the API, such as "/workers/connect". */
  readonly path: string;
  readonly least: Role;
  readonly take: TakeUpgrade;
}

export interface TcpServerDeps {
  readonly clock: Clock;
  readonly log: LogSink;
  readonly commits: () => CommitTimes;
  readonly upgrades?: readonly UpgradeMount[];
  /** @default as below */
  readonly patience?: Patience;
  /** What signed requests start. @default nothing */
  readonly hooks?: readonly HookSettings[];
}

export interface TcpServer {
  /** As a client names it, such as http://127.0.0.1:4700. */
  readonly url: string;
  /** Open ones. */
  readonly connections: number;
  /**
   * Says that it is not ready, takes no new connection, and ends long polls and event streams so that their clients go
   * elsewhere. Requests under way are answered, and what has left HTTP goes on.
   */
  drain(): Promise<void>;
  /** Ends what is left at once. Safe to call twice. */
  close(): Promise<void>;
}

/** Time in which a client must have done its part, in ms. */
export interface Patience {
  readonly headersMs: number;
  readonly requestMs: number;
  /** Above the heartbeat of event streams and the longest long poll. */
  readonly silentMs: number;
  /** How often it is looked at. */
  readonly lookMs: number;
}
const patienceDefault: Patience = { headersMs: 10_000, requestMs: 60_000, silentMs: 120_000, lookMs: 5_000 };
const headerBytesMax = 16_384;
const headersMax = 100;
/** How long requests under way may take to end once it drains, in ms. */
const graceMs = 5_000;

/**
 * @throws FLOTILLA_CONFIG_INVALID when the address cannot be bound, the TLS files cannot be read, or an address that others
 * can reach would be served although nobody has a token.
 */
export async function serveTcp(
  orchestrator: ServedOrchestrator,
  settings: ServerSettings,
  deps: TcpServerDeps,
): Promise<TcpServer> {
  await refuseOpenDoor(orchestrator, settings);
  const { patience = patienceDefault } = deps;
  const closing = new AbortController();
  const { gate, entrance } = await openEntrance(orchestrator, settings, deps.clock);
  const answers = new AnswerCounts();
  const sockets = new Set<Socket>();
  const upgraded = new Set<Duplex>();
  let onlyUpgraded = (): void => {};
  const app = createApp(orchestrator, {
    closing: closing.signal,
    clock: deps.clock,
    log: deps.log,
    entrance,
    basePath: settings.basePath,
    hooks: deps.hooks ?? [],
    answered: (status) => answers.add(status),
    metrics: async () =>
      metricsText({
        health: await orchestrator.health(),
        workers: await orchestrator.workers(),
        commits: deps.commits(),
        answers,
        connections: sockets.size,
        residentBytes: process.memoryUsage.rss(),
      }),
  });
  const listener = getRequestListener((request, env) => app.fetch(withoutBase(request, settings.basePath), env), {
    overrideGlobalObjects: false,
  });
  const server = createServer(settings, patience, (req, res) => {
    // One that answers its last request while the server drains is idle only after it.
    res.once("close", () => closing.signal.aborted && setImmediate(() => server.closeIdleConnections()));
    void listener(req, res);
  });
  server.maxConnections = settings.connectionsMax;
  server.maxHeadersCount = headersMax;
  server.setTimeout(patience.silentMs);
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => {
      sockets.delete(socket);
      upgraded.delete(socket);
      onlyUpgraded();
    });
  });
  const proxy = { hops: settings.proxyHops };
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    void upgrade(request, socket, head).catch((error: unknown) => refuseUpgrade(socket, error));
  });
  async function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    // It may reset the connection while it is being looked at.
    const ignore = (): void => {};
    socket.on("error", ignore);
    const path = (request.url ?? "").split("?")[0] ?? "";
    const mount = deps.upgrades?.find((m) => path === settings.basePath + base + m.path);
    if (!mount) throw new FlotillaError("FLOTILLA_NOT_FOUND", { what: "endpoint", id: path.slice(0, 100) });
    if (closing.signal.aborted) throw new FlotillaError("FLOTILLA_CLOSED", { what: "the orchestrator" });
    const who = await authorizeUpgrade(gate, request, { least: mount.least, proxy });
    upgraded.add(socket);
    const watching = { gate, knock: knockOf(request, proxy), clock: deps.clock, hangUp: () => socket.destroy() };
    const watcher = watch(watching, connectionLookMs);
    socket.once("close", () => watcher.stop());
    (socket as Socket).setTimeout(0);
    socket.off("error", ignore);
    mount.take(request, socket, head, who);
  }
  await listen(server, settings);
  server.on("error", (error) => deps.log("warn", "a connection could not be accepted", { error: String(error) }));

  const closed = new Promise<void>((resolve) => server.once("close", () => resolve()));
  let drained: Promise<void> | undefined;
  const drain = (): Promise<void> =>
    (drained ??= new Promise((resolve) => {
      const grace = deps.clock.after(graceMs, () => server.closeAllConnections());
      onlyUpgraded = () => {
        if (sockets.size > upgraded.size) return;
        grace.cancel();
        resolve();
      };
      server.close();
      closing.abort();
      server.closeIdleConnections();
      onlyUpgraded();
    }));
  return {
    url: urlOf(server, settings),
    get connections() {
      return sockets.size;
    },
    drain,
    async close() {
      const ended = drain();
      server.closeAllConnections();
      // Those that were upgraded are nobody's any more.
      for (const socket of sockets) socket.destroy();
      await ended;
      await closed;
    },
  };
}

function createServer({ tls }: ServerSettings, patience: Patience, listener: RequestListener): Server {
  const limits = {
    headersTimeout: patience.headersMs,
    requestTimeout: patience.requestMs,
    connectionsCheckingInterval: patience.lookMs,
    keepAliveTimeout: 60_000,
    maxHeaderSize: headerBytesMax,
  };
  if (tls === null) return createHttp(limits, listener);
  const [cert, key] = [readTls("cert", tls.cert), readTls("key", tls.key)];
  return createHttps({ ...limits, cert, key, minVersion: "TLSv1.2" }, listener);
}

function readTls(which: "cert" | "key", file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new FlotillaError("FLOTILLA_CONFIG_INVALID", {
      field: `server.tls.${which}`,
      problem: `${file} cannot be read: ${(error as Error).message}`,
      fix: "name a PEM file that this user may read",
    });
  }
}

/** An address that others can reach opens to nobody, or by mistake to everybody: neither is what was meant. */
async function refuseOpenDoor({ access }: ServedOrchestrator, { listen: at, oidc }: ServerSettings): Promise<void> {
  if (isLoopback(at.host) || oidc !== null || (await access.any())) return;
  throw new FlotillaError("FLOTILLA_CONFIG_INVALID", {
    field: "server.listen",
    problem: `${at.host} can be reached by others, and there is neither a token nor an issuer of JWTs`,
    fix: "make a token first, on loopback: flotilla tokens create admin --role admin --namespace '*'; or configure server.oidc",
  });
}

export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

async function listen(server: Server, { listen: { host, port } }: ServerSettings): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject).once("listening", resolve);
  server.listen({ host, port });
  try {
    await promise;
  } catch (error) {
    throw new FlotillaError("FLOTILLA_CONFIG_INVALID", {
      field: "server.listen",
      problem: `${host}:${port} cannot be bound: ${(error as Error).message}`,
      fix: "name another address, or port 0 for any free one",
    });
  } finally {
    server.off("error", reject).off("listening", resolve);
  }
}

function urlOf(server: Server, { tls, basePath }: ServerSettings): string {
  const { address, family, port } = server.address() as AddressInfo;
  const host = family === "IPv6" ? `[${address}]` : address;
  return `${tls === null ? "http" : "https"}://${host}:${port}${basePath}`;
}
