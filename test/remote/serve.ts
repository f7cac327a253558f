// The HTTP API of an orchestrator on a port of this machine, and a wire to it that a test can cut.
import { createServer } from "node:http";
import { connect as dial, createServer as createRelay, type AddressInfo, type Server, type Socket } from "node:net";
import { getRequestListener } from "@hono/node-server";
import type { OrchestratorApi } from "../../src/protocol/views.ts";
import { createApp } from "../../src/server/app.ts";

export interface Served extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
}

/** @param page answers what is not the API's: a page of the same origin */
export async function serveHttp(api: OrchestratorApi, page?: (path: string) => Response | undefined, port = 0): Promise<Served> {
  const closing = new AbortController();
  const app = createApp(api, { closing: closing.signal });
  const answer = (request: Request): Response | Promise<Response> => page?.(new URL(request.url).pathname) ?? app.fetch(request);
  const listener = getRequestListener(answer, { overrideGlobalObjects: false });
  const server = createServer((req, res) => void listener(req, res));
  const at = await listen(server, port);
  return {
    url: `http://127.0.0.1:${at}`,
    port: at,
    async [Symbol.asyncDispose]() {
      closing.abort();
      await closeServer(server, () => server.closeAllConnections());
    },
  };
}

export interface Wire extends Served {
  /** Connections that were made so far. */
  readonly made: number;
  /** Cuts every connection now. */
  cut(): void;
  /** Each further connection is cut after so many bytes from the server; undefined: none is. */
  limit(bytes: (() => number) | undefined): void;
  /** Drops further replies, the requests arrive: half of a cut wire. */
  swallow(replies: boolean): void;
  /** Refuses to be connected to. */
  refuse(on: boolean): void;
}

/** A TCP relay to a port. */
export async function openWire(port: number): Promise<Wire> {
  const open = new Set<Socket>();
  let made = 0;
  let draw: (() => number) | undefined;
  let swallows = false;
  let refuses = false;
  const relay = createRelay((near) => {
    if (refuses) return void near.destroy();
    made++;
    const far = dial(port, "127.0.0.1");
    const both = [near, far];
    const end = (): void => both.forEach((s) => s.destroy());
    let left = draw?.() ?? Infinity;
    for (const socket of both) {
      open.add(socket);
      socket.setNoDelay(true);
      socket.on("close", () => {
        open.delete(socket);
        end();
      });
      socket.on("error", () => {});
    }
    near.pipe(far);
    far.on("data", (chunk: Buffer) => {
      // The server has done what it was asked for, and nobody hears of it.
      if (swallows) return end();
      const part = chunk.subarray(0, left);
      left -= chunk.length;
      if (left > 0) near.write(part);
      else near.end(part, end);
    });
  });
  const at = await listen(relay, 0);
  return {
    url: `http://127.0.0.1:${at}`,
    port: at,
    get made() {
      return made;
    },
    cut: () => open.forEach((s) => s.destroy()),
    limit: (bytes) => void (draw = bytes),
    swallow: (replies) => void (swallows = replies),
    refuse: (on) => void (refuses = on),
    [Symbol.asyncDispose]: () => closeServer(relay, () => open.forEach((s) => s.destroy())),
  };
}

async function listen(server: Server, port: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject).listen(port, "127.0.0.1", resolve);
  await promise;
  return (server.address() as AddressInfo).port;
}

async function closeServer(server: Server, drop: () => void): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  drop();
  await promise;
}
