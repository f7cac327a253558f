import type { Duration } from "../core/duration.ts";
import type { Role } from "../core/role.ts";

/** Bearer JWTs of an OpenID Connect issuer, beside the fleet's own tokens. */
export interface OidcConfig {
  /** Its name, as the claim `iss` has it. */
  issuer: string;
  /** Who a JWT must be for (`aud`); one of them is enough. */
  audience: string | readonly string[];
  /** Where its keys are: https, or http on this machine. Fetched when needed, kept for 10 minutes. */
  jwksUrl: string;
  /** Asymmetric algorithms that are accepted. @default ["RS256", "ES256", "EdDSA"] */
  algorithms?: readonly ("RS256" | "RS384" | "RS512" | "PS256" | "PS384" | "PS512" | "ES256" | "ES384" | "ES512" | "EdDSA")[];
  /** How far its clock may differ from ours. @default "30s" */
  clockSkew?: Duration;
  /**
   * The claim that says what its holder may do, a text or a list, and what its values mean here; the highest one counts.
   * Without `map` the values are names of roles. Dots lead into claims: `"realm_access.roles"`. @default { claim: "flotilla_role" }
   */
  role?: { claim: string; map?: Readonly<Record<string, Role>> };
  /**
   * The namespace, by a claim or one for all. With `map`, `"*"` means every one; without it the claim is the name of a
   * namespace, which is made when it does not exist. @default "default"
   */
  namespace?: string | { claim: string; map?: Readonly<Record<string, string>> };
}

/** How a fleet is served over HTTP: by `flotilla orchestrator`, and by `fleet.fetch` inside a server of yours. */
export interface ServerConfig {
  /**
   * Address and port; port 0 is any free one. An address that others can reach is refused while there is neither a token
   * nor `oidc`. FLOTILLA_LISTEN and --listen go over it. @default "127.0.0.1:4700"
   */
  listen?: string;
  /** PEM files. Without them a reverse proxy must do it, except on this machine. @default no TLS */
  tls?: { cert: string; key: string };
  /**
   * Names by which requests may call the server, besides localhost and plain addresses: another one may be a stranger's
   * that points here. @default none; any behind `fleet.fetch`, where the host server decides
   */
  hosts?: readonly string[];
  /** Origins of web pages that may ask, such as "https://board.example.com", besides the server's own. @default none */
  origins?: readonly string[];
  /**
   * How many reverse proxies stand before it, whose X-Forwarded-For and X-Forwarded-Proto then count; `true` is one. Only
   * when nobody can reach it past them. @default false
   */
  trustProxy?: boolean | number;
  /** The path that it is mounted under, such as "/flotilla". @default "" */
  basePath?: string;
  /** Requests a minute of one token or one person, a sixth of it at once; more are refused with 429. @default 6_000 */
  requestsPerMinute?: number;
  /** Open connections; more are not accepted. Workers hold one each. @default 20_000 */
  connections?: number;
  oidc?: OidcConfig;
}
