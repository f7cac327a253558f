// Where workers on other machines come in: upgrades of `GET /api/v1/workers/connect` to the WebSocket protocol
// flotilla.v1. It binds nothing and looks at no token: a server hands it what has passed its gate.
import { createHash, randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { WebSocketServer } from "ws";
import { bounds } from "../../core/bounds.ts";
import type { Clock, Timer } from "../../core/clock.ts";
import { FlotillaError } from "../../core/error.ts";
import type { LogSink } from "../../core/log.ts";
import { subprotocol, type Begin } from "../../protocol/wire/frames.ts";
import { protocolVersion, type DefinitionCard, type WorkerHost } from "../../protocol/worker.ts";
import type { Namespace } from "../../protocol/access.ts";
import { refuseUpgrade } from "../access/upgrade.ts";
import type { TakeUpgrade } from "../tcp-server.ts";
import { closeCodes } from "./close-codes.ts";
import { Connection, type Sessions } from "./connection.ts";
import { RemoteSession } from "./session.ts";

export interface WorkerDoorOptions {
  readonly host: WorkerHost;
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
  /** Takes over a connection that has passed the gate with the role of a worker. */
  readonly take: TakeUpgrade;
  /** Workers whose session is not over. */
  readonly sessions: number;
  /** Closes all links as a restart does: workers keep what they run, and come back to whoever answers then. */
  close(): void;
}

/** A link that has not said which session it carries is closed after this. */
const beginMs = 10_000;
/** One look at all links, for silent ones. */
const sweepMs = 1_000;
/** When all places are taken. */
const fullMs = 5_000;
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

  readonly take: TakeUpgrade = (request, socket, head, who) => {
    const refused = this.#refusal(request);
    if (refused) return refuseUpgrade(socket, refused);
    this.#server.handleUpgrade(request, socket, head, (ws) => {
      const connection = new Connection(ws, {
        namespace: who.namespace,
        sessions: this,
        elapsedMs: () => this.#o.clock.elapsedMs(),
        closed: (c) => this.#connections.delete(c),
      });
      this.#connections.add(connection);
    });
  };

  #refusal(request: IncomingMessage): FlotillaError | undefined {
    if (this.#closed) return new FlotillaError("FLOTILLA_CLOSED", { what: "the orchestrator" });
    if (this.#connections.size >= this.#connectionsMax) {
      const what = `${this.#connectionsMax.toLocaleString("en")} workers are connected, as many as this orchestrator takes`;
      return new FlotillaError("FLOTILLA_RATE_LIMITED", { what, retryAfterMs: fullMs });
    }
    const offered = (request.headers["sec-websocket-protocol"] ?? "").split(",").map((p) => p.trim());
    return offered.includes(subprotocol) ? undefined : unknownProtocol(offered);
  }

  begin({ hello, inventory, graceMs, fenceMs }: Begin, namespace: Namespace | null): RemoteSession {
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
      fenceMs,
      graceMs: Math.min(this.#graceMsMax, Math.max(graceMs ?? 0, this.#graceMs)),
      host: this.#o.host,
      clock: this.#o.clock,
      log: this.#o.log ?? (() => {}),
      forget: (s) => void this.#sessions.delete(s.id),
    });
    this.#sessions.set(session.id, session);
    return session;
  }

  /** A session is its namespace's: a token of another one cannot take it over. */
  find(id: string, namespace: Namespace | null): RemoteSession | undefined {
    const session = this.#sessions.get(id);
    return session?.namespace?.id === namespace?.id ? session : undefined;
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
        session?.silent(connection, silentMs);
      } else if (now - Math.min(connection.heardAt, connection.saidAt) >= pingAfterMs(session?.fenceMs ?? this.silentMs))
        connection.ping();
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

/**
 * How long a link may be quiet in one direction before it is asked: its worker gives it up after seven tenths of its fence
 * time, a look comes once a second, and the orchestrator's own pings, every five, should be enough for a worker that idles.
 */
function pingAfterMs(fenceMs: number): number {
  return fenceMs * 0.7 - 1.5 * sweepMs;
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
