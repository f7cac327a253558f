// How a fleet is served, resolved: defaults filled in, checked, frozen (runtime/server-config.ts).
import type { Role } from "../core/role.ts";
import type { Sites } from "./access/sites.ts";

export interface OidcSettings {
  readonly issuer: string;
  readonly audience: readonly string[];
  readonly jwksUrl: string;
  /** Asymmetric ones only. */
  readonly algorithms: readonly string[];
  readonly clockSkewMs: number;
  /** `map` null: the claim's value is the role. */
  readonly role: { readonly claim: string; readonly map: ReadonlyMap<string, Role> | null };
  readonly namespace:
    | { readonly fixed: string }
    | { readonly claim: string; /** To names, or `*`. */ readonly map: ReadonlyMap<string, string> | null };
}

export interface ServerSettings {
  readonly listen: { readonly host: string; readonly port: number };
  /** Files. */
  readonly tls: { readonly cert: string; readonly key: string } | null;
  readonly sites: Sites;
  /** `hosts` were named, and hold also in a server that is not ours. */
  readonly namesHosts: boolean;
  /** Reverse proxies before it whose headers count. */
  readonly proxyHops: number;
  /** Path that it is mounted under, without a slash at its end; "" at the root. */
  readonly basePath: string;
  readonly requestsPerMinute: number;
  readonly connectionsMax: number;
  readonly oidc: OidcSettings | null;
}
