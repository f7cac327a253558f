// Plays the orchestrator's side of the wire, frame by frame.
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocketServer, type WebSocket } from "ws";
import { bounds } from "../../src/core/bounds.ts";
import {
  connectPath,
  fromWorkerFrame,
  parsed,
  subprotocol,
  type Begin,
  type FromWorkerFrame,
} from "../../src/protocol/wire/frames.ts";
import type { Assignment, Fence, FromWorker, ToWorker } from "../../src/protocol/worker.ts";

export interface Driver {
  readonly url: string;
  /** The next link that a worker makes. */
  link(): Promise<Link>;
  close(): Promise<void>;
}

export class Link {
  readonly request: IncomingMessage;
  readonly #ws: WebSocket;
  readonly #frames: FromWorkerFrame[] = [];
  readonly #waiting: (() => void)[] = [];
  readonly messages: FromWorker[] = [];
  closed = false;
  /** Resolves when it has closed. */
  readonly ended: Promise<void>;
  longest = 0;
  /** The last number that came. */
  received = 0;
  #sent = 0;
  /** Acknowledge what comes. */
  acks = true;
  problem: Error | undefined;
  #parts = "";

  constructor(ws: WebSocket, request: IncomingMessage) {
    this.#ws = ws;
    this.request = request;
    ws.on("message", (data: Buffer) => {
      this.longest = Math.max(this.longest, data.length);
      try {
        // The orchestrator's own schema: what a worker sends must pass it.
        this.#frames.push(parsed(fromWorkerFrame, data.toString("utf8")));
      } catch (e) {
        this.problem = e as Error;
      }
      this.#wake();
    });
    this.ended = new Promise((resolve) => void ws.once("close", () => resolve()));
    ws.on("close", () => {
      this.closed = true;
      this.#wake();
    });
  }

  #wake(): void {
    for (const go of this.#waiting.splice(0)) go();
  }

  /** The next frame as it came. */
  async frame(): Promise<FromWorkerFrame> {
    for (;;) {
      if (this.problem) throw this.problem;
      const next = this.#frames.shift();
      if (next) return next;
      if (this.closed) throw new Error("the link has closed");
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** The next message of that kind; others on the way are kept in `messages`. */
  async next<T extends FromWorker["t"]>(t: T): Promise<Extract<FromWorker, { t: T }>> {
    for (;;) {
      const at = this.messages.findIndex((m) => m.t === t);
      if (at >= 0) return this.messages.splice(at, 1)[0] as Extract<FromWorker, { t: T }>;
      await this.#read();
    }
  }

  /** Nothing of that kind comes before the answer to a ping. */
  async without(t: FromWorker["t"]): Promise<void> {
    this.say({ t: "ping", n: 999 });
    await this.next("pong");
    const found = this.messages.find((m) => m.t === t);
    if (found) throw new Error(`it said ${JSON.stringify(found)}`);
  }

  async #read(): Promise<void> {
    const frame = await this.frame();
    if (frame.t === "begin" || frame.t === "resume") throw new Error(`${frame.t} in the middle of a session`);
    if (frame.t === "ack" || frame.n <= this.received) return;
    if (frame.n !== this.received + 1) throw new Error(`frame ${frame.n} after frame ${this.received}`);
    this.received = frame.n;
    if (frame.t === "messages") this.messages.push(...(frame.m as FromWorker[]));
    else {
      this.#parts += frame.text;
      if (frame.last) {
        this.messages.push(...(JSON.parse(this.#parts) as FromWorker[]));
        this.#parts = "";
      }
    }
  }

  raw(frame: unknown): void {
    this.#ws.send(typeof frame === "string" ? frame : JSON.stringify(frame));
  }
  /** In a numbered frame, with a field that nobody knows. */
  say(...m: readonly (ToWorker | (ToWorker & { later?: unknown }))[]): void {
    this.raw({ t: "messages", n: ++this.#sent, a: this.acks ? this.received : 0, m, later: { version: 2 } });
  }
  /** The frame that was sent last, again. */
  again(...m: readonly ToWorker[]): void {
    this.raw({ t: "messages", n: this.#sent, a: this.acks ? this.received : 0, m });
  }
  inParts(m: ToWorker, chars: number): void {
    const text = JSON.stringify([m]);
    for (let at = 0; at < text.length; at += chars) {
      const piece = {
        t: "part",
        n: ++this.#sent,
        a: this.received,
        text: text.slice(at, at + chars),
        last: at + chars >= text.length,
      };
      this.raw(piece);
    }
  }
  /** Breaks without a word. */
  cut(): void {
    this.#ws.terminate();
  }
  close(code: number): void {
    this.#ws.close(code);
  }

  /** The beginning of a new session. */
  async begin(o: { session?: string; graceMs?: number } = {}): Promise<Begin> {
    const frame = await this.frame();
    if (frame.t !== "begin") throw new Error(`${frame.t} in place of begin`);
    this.#greet(o);
    return frame;
  }
  #greet({ session = "s_1", graceMs = 3_000 }: { session?: string; graceMs?: number }): void {
    this.raw({ t: "begun", session, worker: "w_1", graceMs, silentMs: 15_000, later: true });
    this.say({ t: "welcome", worker: "w_1" });
  }
  /** The same session on this link: the other side's frames after `received` come again. */
  async resume(before: Link): Promise<Extract<FromWorkerFrame, { t: "resume" }>> {
    const frame = await this.frame();
    if (frame.t !== "resume") throw new Error(`${frame.t} in place of resume`);
    this.received = before.received;
    this.#sent = before.#sent;
    this.raw({ t: "resumed", received: before.received });
    return frame;
  }
}

export async function openDriver(): Promise<Driver> {
  const server = createServer();
  const sockets = new WebSocketServer({ noServer: true, maxPayload: bounds.frameBytes, handleProtocols: () => subprotocol });
  const links: Link[] = [];
  const waiting: ((link: Link) => void)[] = [];
  server.on("upgrade", (request, socket, head) => {
    if (request.url !== connectPath) return void socket.destroy();
    sockets.handleUpgrade(request, socket, head, (ws) => {
      const link = new Link(ws, request);
      const wanted = waiting.shift();
      if (wanted) wanted(link);
      else links.push(link);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    link: () => new Promise((resolve) => (links.length > 0 ? resolve(links.shift() as Link) : waiting.push(resolve))),
    async close() {
      for (const ws of sockets.clients) ws.terminate();
      sockets.close();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export const fence = (task: number, leaseNo = 1, boot = 7): Fence => ({ task, boot, leaseNo });

export function task(n: number, definition: string, input: unknown): Assignment {
  return {
    fence: fence(n),
    publicId: `t_${n}`,
    definition,
    tenant: "default",
    attempt: 1,
    input: JSON.stringify(input),
    startedAt: 1_700_000_000_000,
    acts: 0,
    journal: [],
    journalLeft: 0,
    baseSeq: 0,
    lastSeq: 0,
    deliveries: [],
  };
}
