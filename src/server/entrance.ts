import type { IncomingMessage } from "node:http";
import type { Context } from "hono";
import type { Clock } from "../core/clock.ts";
import type { ServedOrchestrator } from "../protocol/access.ts";
import { Gate, type Knock } from "./access/gate.ts";
import { knockOf, type Proxy } from "./access/knock.ts";
import type { Entrance } from "./app.ts";
import type { ServerSettings } from "./settings.ts";

/** The gate as the settings describe it, and the way of requests through it. */
export async function openEntrance(
  { access }: ServedOrchestrator,
  settings: ServerSettings,
  clock: Clock,
): Promise<{ readonly gate: Gate; readonly entrance: Entrance }> {
  const { oidc, sites, requestsPerMinute } = settings;
  // The library is loaded by who configures an issuer.
  const verifyJwt = oidc === null ? undefined : (await import("./access/oidc.ts")).oidcVerifier(oidc, { access, clock });
  const gate = new Gate({ access, verifyJwt, sites, requestsPerMinute, clock });
  const proxy = { hops: settings.proxyHops };
  return { gate, entrance: { gate, sites, knock: (c) => knockOfContext(c, proxy) } };
}

/** Behind Node's HTTP server there is the request itself; in another server only what the standard request says. */
function knockOfContext(c: Context, proxy: Proxy): Knock {
  const { incoming } = (c.env ?? {}) as { readonly incoming?: IncomingMessage };
  if (incoming) return knockOf(incoming, proxy);
  const url = new URL(c.req.url);
  return {
    header: (name) => c.req.header(name) ?? (name === "host" ? url.host : undefined),
    address: undefined,
    secure: url.protocol === "https:",
  };
}
