// Where workers on other machines come in: upgrades of `GET /api/v1/workers/connect` to the WebSocket protocol
// flotilla.v1. It binds nothing: a server hands it the upgrades of its sockets.
import { createHash, randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import { bounds } from "../../core/bounds.ts";
import type { Clock, Timer } from "../../core/clock.ts";
import { FlotillaError, isFlotillaError } from "../../core/error.ts";
import type { LogSink } from "../../core/log.ts";
import { connectPath, subprotocol, type Begin } from "../../protocol/wire/frames.ts";
import { protocolVersion, type DefinitionCard, type WorkerHost } from "../../protocol/worker.ts";
import { httpStatus } from "../status.ts";
import { closeCodes, Connection, told, type Sessions } from "./connection.ts";
import { RemoteSession } from "./session.ts";

/** Who comes in: by the request's token, and nothing else of it. */
export type Admission =
  | { readonly namespace: string }
  | { readonly refused: FlotillaError; readonly status: number; readonly retryAfterS?: number };

export interface WorkerDoorOptions {
  /** Where workers of that namespace are attached. */
  readonly hostOf: (namespace: string) => WorkerHost;
  readonly authenticate: (request: IncomingMessage) => Promise<Admission>;
  readonly clock: Clock;
  readonly log?: LogSink;
  /** How long attempts are kept after a link was closed, in ms, unless the worker asks for longer. @default 3_000 */
  readonly reconnectGraceMs?: number;
  /** Longest that a worker may ask for, in ms. @default 15_000 */
  readonly reconnectGraceMsMax?: number;
  /** A link on which nothing comes for so long, in ms, is dead. @default 15_000 */
  readonly silentMs?: number;
  /** Links at a time; one more is refused with Retry-After. @default 20_000 */
  readonly connectionsMax?: number;
  /** Names of sessions. @default 128 random bits */
  readonly secret?: () => string;
}

export interface WorkerDoor {
  /** Takes the upgrade of a worker's socket. @returns false when the path is another one: the request is not answered. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean;
  /** Workers whose session is not over. */
  readonly sessions: number;
  /** Closes all links as a restart does: workers keep what they run, and come back to whoever answers then. */
  close(): void;
}

/** A link that has not said which session it carries is closed after this. */
const beginMs = 10_000;
/** One look at all links, for silent ones. */
const sweepMs = 1_000;
const partCharsMax = bounds.messageBytes * 2;

export function createWorkerDoor(o: WorkerDoorOptions): WorkerDoor {
  return new Door(o);
}

class Door implements WorkerDoor, Sessions {
  readonly silentMs: number;
  readonly #o: WorkerDoorOptions;
  readonly #graceMs: number;
  readonly #graceMsMax: number;
  readonly #connectionsMax: number;
  readonly #secret: () => string;
  readonly #server: WebSocketServer;
  readonly #connections = new Set<Connection>();
  readonly #sessions = new Map<string, RemoteSession>();
  readonly #cards = new Cards();
  #sweep: Timer;
  #sweepDueAt: number;
  #closed = false;

  constructor(o: WorkerDoorOptions) {
    this.#o = o;
    this.silentMs = o.silentMs ?? 15_000;
    this.#graceMs = o.reconnectGraceMs ?? 3_000;
    this.#graceMsMax = o.reconnectGraceMsMax ?? 15_000;
    this.#connectionsMax = o.connectionsMax ?? 20_000;
    this.#secret = o.secret ?? (() => `s_${randomBytes(16).toString("hex")}`);
    this.#server = new WebSocketServer({
      noServer: true,
      // A window of zlib costs 300 KB a link, and a small frame can unpack to a large one.
      perMessageDeflate: false,
      maxPayload: bounds.frameBytes,
      clientTracking: false,
      handleProtocols: () => subprotocol,
    });
    this.#sweepDueAt = o.clock.elapsedMs() + sweepMs;
    this.#sweep = o.clock.after(sweepMs, () => this.#look());
  }

  get sessions(): number {
    return this.#sessions.size;
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    if ((request.url ?? "").split("?")[0] !== connectPath) return false;
    // The peer may hang up while it is looked at.
    const gone = (): void => void socket.destroy();
    socket.on("error", gone);
    void this.#admit(request).then(
      (admission) => {
        socket.off("error", gone);
        if (socket.destroyed) return;
        if ("refused" in admission) return refuse(socket, admission);
        this.#server.handleUpgrade(request, socket, head, (ws) => {
          const connection = new Connection(ws, {
            namespace: admission.namespace,
            sessions: this,
            elapsedMs: () => this.#o.clock.elapsedMs(),
            closed: (c) => this.#connections.delete(c),
          });
          this.#connections.add(connection);
          if (this.#closed) connection.close(closeCodes.restart, "restart");
        });
      },
      (thrown: unknown) => {
        const refused = new FlotillaError("FLOTILLA_UNREACHABLE", { target: "what checks tokens" }, { cause: thrown });
        refuse(socket, { refused, status: 503, retryAfterS: 5 });
      },
    );
    return true;
  }

  async #admit(request: IncomingMessage): Promise<Admission> {
    if (this.#closed)
      return { refused: new FlotillaError("FLOTILLA_CLOSED", { what: "the server" }), status: 503, retryAfterS: 1 };
    if (this.#connections.size >= this.#connectionsMax) {
      const count = this.#connections.size + 1;
      const refused = new FlotillaError("FLOTILLA_TOO_MANY", { what: "links of workers", count, max: this.#connectionsMax });
      return { refused, status: 503, retryAfterS: 5 };
    }
    // A page in somebody's browser must not speak for a worker on the same machine.
    if (request.headers.origin !== undefined)
      return {
        refused: new FlotillaError("FLOTILLA_REJECTED", { by: "the server", reason: "workers send no Origin" }),
        status: 403,
      };
    const offered = (request.headers["sec-websocket-protocol"] ?? "").split(",").map((p) => p.trim());
    if (!offered.includes(subprotocol)) return { refused: unknownProtocol(offered), status: 400 };
    return this.#o.authenticate(request);
  }

  begin({ hello, inventory, graceMs, fenceMs }: Begin, namespace: string): RemoteSession {
    if (hello.protocol !== protocolVersion)
      throw new FlotillaError("FLOTILLA_PROTOCOL_VERSION", { worker: hello.protocol, orchestrator: protocolVersion });
    // Its attempts are given to others after silentMs: by then it must have stopped them.
    if (fenceMs > this.silentMs)
      throw new FlotillaError("FLOTILLA_CONFIG_INVALID", {
        field: "fenceAfter",
        problem: `the worker would run on for ${fenceMs} ms without a link, and its tasks are given to others after ${this.silentMs} ms`,
        fix: `use at most ${this.silentMs} ms`,
      });
    const session = new RemoteSession({
      id: this.#secret(),
      namespace,
      hello: { ...hello, isolation: "remote", definitions: this.#cards.shared(hello.definitions) },
      inventory,
      graceMs: Math.min(this.#graceMsMax, Math.max(graceMs ?? 0, this.#graceMs)),
      host: this.#o.hostOf(namespace),
      clock: this.#o.clock,
      log: this.#o.log ?? (() => {}),
      forget: (s) => void this.#sessions.delete(s.id),
    });
    this.#sessions.set(session.id, session);
    return session;
  }

  /** A session is its namespace's: a token of another one cannot take it over. */
  find(id: string, namespace: string): RemoteSession | undefined {
    const session = this.#sessions.get(id);
    return session?.namespace === namespace ? session : undefined;
  }

  roomForParts(): boolean {
    let chars = 0;
    for (const { session } of this.#connections) chars += session?.partChars ?? 0;
    return chars <= partCharsMax;
  }

  #look(): void {
    const now = this.#o.clock.elapsedMs();
    // Late by more than a turn: this process itself stood still, and what came meanwhile is still to be read.
    const asleepMs = now - this.#sweepDueAt > sweepMs ? now - this.#sweepDueAt : 0;
    for (const connection of this.#connections) {
      connection.heardAt += asleepMs;
      const silentMs = now - connection.heardAt;
      const { session } = connection;
      if (session === undefined && silentMs >= beginMs) connection.terminate();
      else if (silentMs >= this.silentMs) {
        connection.terminate();
        session?.end(undefined, `was not heard of for ${Math.round(silentMs / 1_000)} s`);
      } else if (silentMs >= this.silentMs / 2) connection.ping();
    }
    this.#sweepDueAt = now + sweepMs;
    if (!this.#closed) this.#sweep = this.#o.clock.after(sweepMs, () => this.#look());
  }

  close(): void {
    this.#closed = true;
    this.#sweep.cancel();
    for (const session of this.#sessions.values()) session.abandon();
    for (const connection of this.#connections) connection.close(closeCodes.restart, "restart");
    this.#server.close();
  }
}

/** Ten thousand workers of one build bring the same schemas: they are kept once. */
class Cards {
  readonly #known = new Map<string, readonly DefinitionCard[]>();

  shared(cards: readonly DefinitionCard[]): readonly DefinitionCard[] {
    const hash = createHash("sha256").update(JSON.stringify(cards)).digest("base64");
    const known = this.#known.get(hash);
    if (known) return known;
    if (this.#known.size >= 1_000) this.#known.clear();
    this.#known.set(hash, cards);
    return cards;
  }
}

function unknownProtocol(offered: readonly string[]): FlotillaError {
  const theirs = Number(/^flotilla\.v(\d+)$/.exec(offered.find((p) => p.startsWith("flotilla.v")) ?? "")?.[1] ?? Number.NaN);
  if (Number.isSafeInteger(theirs))
    return new FlotillaError("FLOTILLA_PROTOCOL_VERSION", { worker: theirs, orchestrator: protocolVersion });
  return new FlotillaError("FLOTILLA_MESSAGE_INVALID", { problem: `the WebSocket offers no subprotocol ${subprotocol}` });
}

const texts: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  429: "Too Many Requests",
  503: "Service Unavailable",
};

function refuse(socket: Duplex, { refused, status, retryAfterS }: Exclude<Admission, { namespace: string }>): void {
  const body = JSON.stringify(told(refused));
  const code = status in texts ? status : isFlotillaError(refused) ? httpStatus(refused) : 500;
  const headers = [
    `HTTP/1.1 ${code} ${texts[code] ?? "Error"}`,
    "Connection: close",
    "Content-Type: application/json; charset=utf-8",
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...(retryAfterS === undefined ? [] : [`Retry-After: ${retryAfterS}`]),
    ...(code === 401 ? ['WWW-Authenticate: Bearer realm="flotilla"'] : []),
  ];
  socket.once("finish", () => socket.destroy());
  socket.end(`${headers.join("\r\n")}\r\n\r\n${body}`);
}
