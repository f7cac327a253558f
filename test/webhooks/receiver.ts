// Somebody who is told: an HTTP server on loopback that answers as the test says, and checks what it got with the
// specification's own library, not with ours.
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Webhook } from "standardwebhooks";

export const secret = `whsec_${Buffer.from("0123456789abcdef0123456789abcdef").toString("base64")}`;

export interface Received {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly json: Readonly<Record<string, unknown>>;
}

export interface Receiver extends AsyncDisposable {
  readonly url: string;
  readonly received: readonly Received[];
  /** Requests that hang: nobody has answered them. */
  readonly hanging: number;
  /** The answer to each request from now on, by its number from 0; "hang" leaves it open, "cut" breaks the connection. */
  answer: (n: number, r: Received) => number | "hang" | "cut" | { status: number; headers: Record<string, string> };
  /** Resolves when that many requests have come. */
  count(n: number): Promise<void>;
  /** Answers what hangs. */
  release(): void;
}

export async function openReceiver(port = 0): Promise<Receiver> {
  const received: Received[] = [];
  const waiting: { n: number; resolve: () => void }[] = [];
  const open = new Set<ServerResponse>();
  const server = createServer((req, res) => void take(req, res));
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const receiver: Receiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    get hanging() {
      return open.size;
    },
    answer: () => 204,
    count: (n) =>
      new Promise((resolve) => {
        if (received.length >= n) resolve();
        else waiting.push({ n, resolve });
      }),
    release() {
      for (const res of open) res.writeHead(204).end();
      open.clear();
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };

  async function take(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    const headers = req.headers as Record<string, string>;
    const r = { path: req.url ?? "", headers, body, json: JSON.parse(body) as Received["json"] };
    const answer = receiver.answer(received.length, r);
    received.push(r);
    res.once("close", () => open.delete(res));
    if (answer === "hang") open.add(res);
    else if (answer === "cut") req.socket.destroy();
    else if (typeof answer === "number") res.writeHead(answer).end();
    else res.writeHead(answer.status, answer.headers).end();
    for (const w of waiting) if (received.length >= w.n) w.resolve();
  }
  return receiver;
}

/** Throws when the signature is not right, by the specification's library. It checks the time too, against this machine's clock. */
export function verify(r: Received, key = secret): void {
  new Webhook(key).verify(r.body, { ...r.headers });
}
