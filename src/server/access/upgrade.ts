// The gate for whoever asks to leave HTTP: a worker that wants a WebSocket.
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { isFlotillaError } from "../../core/error.ts";
import type { Role } from "../../core/role.ts";
import type { Namespace } from "../../protocol/access.ts";
import { jsonForStrangers } from "../for-strangers.ts";
import { httpStatus } from "../status.ts";
import { requireRole, type Gate } from "./gate.ts";
import { knockOf, type Proxy } from "./knock.ts";

/** Who came over an upgrade. */
export interface Upgraded {
  /** Never a secret: for the log. */
  readonly id: string;
  readonly role: Role;
  /** Whose tasks alone it may be given; null: those of every namespace. */
  readonly namespace: Namespace | null;
}

/**
 * Whether a raw HTTP upgrade request may go on, by its headers alone. `proxy`: what a reverse proxy's headers are worth.
 * @throws FLOTILLA_UNAUTHENTICATED, FLOTILLA_FORBIDDEN, FLOTILLA_RATE_LIMITED, FLOTILLA_NOT_FOUND
 */
export async function authorizeUpgrade(
  gate: Gate,
  request: IncomingMessage,
  o: { readonly least: Role; readonly proxy: Proxy },
): Promise<Upgraded> {
  const entered = await gate.enter(knockOf(request, o.proxy));
  requireRole(entered, o.least, `an upgrade of ${request.url?.split("?")[0] ?? "a request"}`);
  return { id: entered.id, role: entered.role, namespace: entered.asked ?? entered.namespace };
}

/** Answers an upgrade that is refused, as any route answers, and hangs up. */
export function refuseUpgrade(socket: Duplex, thrown: unknown): void {
  const status = httpStatus(thrown);
  const body = JSON.stringify(jsonForStrangers(thrown));
  const head = [
    `HTTP/1.1 ${status} Refused`,
    "content-type: application/json; charset=utf-8",
    `content-length: ${Buffer.byteLength(body)}`,
    ...(isFlotillaError(thrown, "FLOTILLA_RATE_LIMITED")
      ? [`retry-after: ${Math.ceil(thrown.details.retryAfterMs / 1_000)}`]
      : []),
    ...(status === 401 ? ["www-authenticate: Bearer"] : []),
    "connection: close",
  ];
  socket.on("error", () => {}); // It may have hung up first.
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}
