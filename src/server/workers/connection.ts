// One socket of a worker: its first frame says which session it carries, every later one belongs to that session. What
// does not follow the protocol is refused with a typed error and closes this socket, nothing else.
import type { RawData, WebSocket } from "ws";
import { bounds } from "../../core/bounds.ts";
import { FlotillaError, isFlotillaError } from "../../core/error.ts";
import type { Namespace } from "../../protocol/access.ts";
import { protocolVersion } from "../../protocol/worker.ts";
import { fromWorkerFrame, invalid, parsed, type Begin, type ToWorkerFrame } from "../../protocol/wire/frames.ts";
import { jsonForStrangers } from "../for-strangers.ts";
import { closeCodes } from "./close-codes.ts";
import type { Carrying, RemoteSession } from "./session.ts";

/** What a connection asks of the door that let it in. */
export interface Sessions {
  /** @throws what refuses it */
  begin(frame: Begin, namespace: Namespace | null): RemoteSession;
  find(id: string, namespace: Namespace | null): RemoteSession | undefined;
  readonly silentMs: number;
  /** Characters of messages in parts, of all connections together, beyond which a connection is closed. */
  roomForParts(): boolean;
}

export class Connection implements Carrying {
  readonly namespace: Namespace | null;
  /** When something was last heard, on the monotonic clock. */
  heardAt: number;
  /** When something was last said. */
  saidAt: number;
  session: RemoteSession | undefined;
  readonly #ws: WebSocket;
  readonly #sessions: Sessions;
  readonly #elapsedMs: () => number;
  #ended = false;

  constructor(
    ws: WebSocket,
    o: { namespace: Namespace | null; sessions: Sessions; elapsedMs: () => number; closed: (c: Connection) => void },
  ) {
    this.#ws = ws;
    this.namespace = o.namespace;
    this.#sessions = o.sessions;
    this.#elapsedMs = o.elapsedMs;
    this.heardAt = this.saidAt = o.elapsedMs();
    ws.on("message", (data, binary) => this.#message(data, binary));
    ws.on("pong", () => void (this.heardAt = this.#elapsedMs()));
    ws.on("ping", () => void (this.heardAt = this.#elapsedMs()));
    // ws closes the socket itself: an oversized frame, text that is no UTF-8, a broken frame. 'close' follows.
    ws.on("error", () => {});
    ws.on("close", () => {
      this.#ended = true;
      o.closed(this);
      this.session?.closed(this);
    });
  }

  write(text: string): void {
    if (this.#ended) return;
    this.saidAt = this.#elapsedMs();
    this.#ws.send(text, this.#written);
  }
  buffered(): number {
    return this.#ws.bufferedAmount;
  }
  ping(): void {
    if (this.#ended) return;
    this.saidAt = this.#elapsedMs();
    this.#ws.ping();
  }

  end(error: FlotillaError, { over }: { readonly over: boolean }): void {
    this.#say(over ? { t: "over", error: jsonForStrangers(error) } : { t: "refused", error: jsonForStrangers(error) });
    this.close(over ? closeCodes.over : closeCodes.refused, error.code);
  }

  close(code: number, reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#ws.close(code, reason);
  }

  /** Without a word: whoever is silent reads no word. */
  terminate(): void {
    this.#ended = true;
    this.#ws.terminate();
  }

  readonly #written = (error?: Error | null): void => {
    if (!error && !this.#ended && this.#ws.bufferedAmount === 0) this.session?.pump();
  };

  #say(frame: ToWorkerFrame): void {
    if (!this.#ended) this.#ws.send(JSON.stringify(frame), noop);
  }

  #message(data: RawData, binary: boolean): void {
    this.heardAt = this.#elapsedMs();
    if (this.#ended) return;
    try {
      if (binary) throw invalid("it is a binary frame; frames are text");
      const text = (data as Buffer).toString("utf8");
      const frame = parsed(fromWorkerFrame, text);
      if (frame.t === "begin" || frame.t === "resume") {
        if (this.session) throw invalid(`${frame.t} came on a link that carries a session already`);
        if (frame.t === "begin") this.#begin(frame);
        else this.#resume(frame);
        return;
      }
      if (!this.session) throw invalid(`${frame.t} came before begin or resume`);
      this.session.receive(frame, text.length);
      if (this.session.partChars > 0 && !this.#sessions.roomForParts())
        throw new FlotillaError("FLOTILLA_TOO_LARGE", {
          what: "what is being sent in parts by all workers",
          bytes: this.session.partChars,
          max: bounds.messageBytes * 2,
        });
    } catch (thrown) {
      this.end(isFlotillaError(thrown) ? (thrown as FlotillaError) : invalid("it could not be handled"), { over: false });
    }
  }

  #begin(frame: Begin): void {
    const session = this.#sessions.begin(frame, this.namespace);
    this.session = session;
    const { silentMs } = this.#sessions;
    this.#say({ t: "begun", session: session.id, worker: session.worker, graceMs: session.graceMs, silentMs });
    session.open(this, 0);
  }

  #resume(frame: { readonly protocol: number; readonly session: string; readonly received: number }): void {
    if (frame.protocol !== protocolVersion)
      throw new FlotillaError("FLOTILLA_PROTOCOL_VERSION", { worker: frame.protocol, orchestrator: protocolVersion });
    const session = this.#sessions.find(frame.session, this.namespace);
    if (!session) return this.#say({ t: "unknown" });
    this.session = session;
    this.#say({ t: "resumed", received: session.received });
    session.open(this, frame.received);
  }
}

function noop(): void {}
