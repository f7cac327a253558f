import type { IncomingMessage } from "node:http";
import type { TLSSocket } from "node:tls";
import type { Knock } from "./gate.ts";

/** How many reverse proxies of ours stand before the server: each adds one entry to X-Forwarded-For. 0: nobody's word counts. */
export interface Proxy {
  readonly hops: number;
}

/** A request of Node's HTTP server, as the gate sees it. */
export function knockOf(request: IncomingMessage, proxy: Proxy): Knock {
  const header = (name: string) => one(request.headers[name]);
  const socket = request.socket as Partial<TLSSocket> | undefined;
  return {
    header,
    address: forwarded(header("x-forwarded-for"), proxy.hops) ?? socket?.remoteAddress,
    secure: socket?.encrypted === true || (proxy.hops > 0 && forwarded(header("x-forwarded-proto"), 1) === "https"),
  };
}

/** A header that is there more than once counts once: the first. */
function one(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}

/** The entry that the outermost of our proxies wrote; what lies before it is the caller's own word. */
export function forwarded(list: string | undefined, hops: number): string | undefined {
  if (list === undefined || hops === 0) return undefined;
  const entries = list.split(",").map((entry) => entry.trim());
  return entries[Math.max(0, entries.length - hops)] || undefined;
}
