// A client of the workers' endpoint that keeps to no protocol.
import { once } from "node:events";
import { WebSocket } from "ws";
import { subprotocol } from "../../src/protocol/wire/frames.ts";
import { token } from "./world.ts";

export class Raw {
  readonly ws: WebSocket;
  readonly frames: { readonly t: string; readonly [field: string]: unknown }[] = [];
  readonly closed: Promise<number>;
  #wake = (): void => {};

  private constructor(ws: WebSocket) {
    this.ws = ws;
    ws.on("message", (data: Buffer) => {
      this.frames.push(JSON.parse(data.toString()) as { t: string });
      this.#wake();
    });
    ws.on("error", () => {});
    this.closed = new Promise((resolve) =>
      ws.once("close", (code: number) => {
        resolve(code);
        this.#wake();
      }),
    );
  }

  static async open(url: string): Promise<Raw> {
    const raw = new Raw(
      new WebSocket(url, [subprotocol], { headers: { authorization: `Bearer ${token}` }, perMessageDeflate: false }),
    );
    await once(raw.ws, "open");
    return raw;
  }

  send(frame: unknown): void {
    if (this.ws.readyState === WebSocket.OPEN)
      this.ws.send(typeof frame === "string" || Buffer.isBuffer(frame) ? frame : JSON.stringify(frame));
  }

  /** Resolves when a frame of that kind is there, or the link has closed. */
  async until(t: string): Promise<Raw["frames"][number] | undefined> {
    for (;;) {
      const found = this.frames.find((f) => f.t === t);
      if (found || this.ws.readyState >= WebSocket.CLOSING) return found;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  async begin(over: object = {}): Promise<void> {
    this.send({ t: "begin", fenceMs: 10_000, hello: { ...hello, ...over } });
    await this.until("begun");
  }

  close(): void {
    this.ws.terminate();
  }
}

export const hello = {
  t: "hello",
  protocol: 1,
  name: "raw",
  pid: 1,
  isolation: "remote",
  slots: 2,
  offers: [],
  build: "b",
  definitions: [],
};
