// Which names a request may call the server by, and which web pages may ask. A page of a stranger can make a browser send
// requests here, also by a name of its own that it points at this machine (DNS rebinding): both show in these two headers.
import { isIP } from "node:net";
import { FlotillaError } from "../../core/error.ts";
import type { Knock } from "./gate.ts";

export interface Sites {
  /** Names besides localhost and plain addresses, lower case, without a port; null: any. */
  readonly hosts: readonly string[] | null;
  /** Origins besides the server's own, such as "https://board.example.com". */
  readonly origins: readonly string[];
}

/** @throws FLOTILLA_FORBIDDEN */
export function refuseHost(knock: Pick<Knock, "header">, { hosts }: Sites): void {
  if (hosts === null) return;
  const name = hostName(knock.header("host"));
  // An address cannot be rebound: a stranger's page would have had to be loaded from it.
  if (name !== undefined && (name === "localhost" || isIP(name) !== 0 || hosts.includes(name))) return;
  throw new FlotillaError("FLOTILLA_FORBIDDEN", { what: "a request under that Host", needs: "its name in server.hosts" });
}

/** @throws FLOTILLA_FORBIDDEN */
export function refuseOrigin(knock: Pick<Knock, "header" | "secure">, sites: Sites): void {
  const origin = knock.header("origin");
  if (origin === undefined || isOwn(origin, knock) || isAllowed(origin, sites)) return;
  throw new FlotillaError("FLOTILLA_FORBIDDEN", { what: "a request of that Origin", needs: "its place in server.origins" });
}

export function isAllowed(origin: string, { origins }: Sites): boolean {
  return origins.includes(origin.toLowerCase());
}

function isOwn(origin: string, knock: Pick<Knock, "header" | "secure">): boolean {
  const host = knock.header("host");
  return host !== undefined && origin.toLowerCase() === `${knock.secure ? "https" : "http"}://${host.toLowerCase()}`;
}

/** Without its port and the brackets of IPv6. */
function hostName(header: string | undefined): string | undefined {
  const [, six, four] = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/i.exec(header ?? "") ?? [];
  return (six ?? four)?.toLowerCase();
}
