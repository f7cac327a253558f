// Requests over the control socket, as replies that a `fetch` would give.
import { Agent, request } from "node:http";
import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { FlotillaError } from "../core/error.ts";
import { base, type HttpRequest, type Transport } from "../protocol/http.ts";

export interface SocketTransport extends Transport {
  /** Drops the connections; requests under way fail. */
  close(): void;
}

export function socketTransport(socketPath: string): SocketTransport {
  const agent = new Agent({ keepAlive: true });
  return {
    target: socketPath,
    send: async (path, o) => responseOf(await send({ socketPath, agent, path: base + path }, o)),
    close: () => agent.destroy(),
  };
}

interface Target {
  readonly socketPath: string;
  readonly agent: Agent;
  readonly path: string;
}

async function send(target: Target, o: HttpRequest): Promise<IncomingMessage> {
  for (let tries = 0; ; tries++) {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const length = o.body === undefined ? {} : { "content-length": Buffer.byteLength(o.body) };
    const options = { ...target, method: o.method, headers: { ...o.headers, ...length } };
    const outgoing = request({ ...options, ...(o.signal ? { signal: o.signal } : {}) });
    outgoing.once("response", resolve).once("error", reject).end(o.body);
    try {
      return await promise;
    } catch (error) {
      if (o.signal?.aborted === true) throw error;
      // An idle connection that the server closed while we picked it: nothing was read there, one more try is safe to ask.
      if (outgoing.reusedSocket && o.method === "GET" && tries === 0) continue;
      throw refused(target.socketPath, error);
    }
  }
}

function refused(path: string, error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== "EACCES" && code !== "EPERM") return error;
  const details = { path, problem: "this user may not open it", fix: "run this as the user who owns the fleet and its folder" };
  return new FlotillaError("FLOTILLA_STORE_UNUSABLE", details, { cause: error });
}

function responseOf(message: IncomingMessage): Response {
  const headers = new Headers();
  for (const [name, value] of Object.entries(message.headers)) if (value !== undefined) headers.set(name, String(value));
  return new Response(Readable.toWeb(message) as ReadableStream<Uint8Array>, { status: message.statusCode ?? 500, headers });
}
