// The gate that every request and every upgrade passes: where it comes from, how often, who it is, and for which namespace.
// Nothing of a request's path or body is looked at before.
import type { Clock } from "../../core/clock.ts";
import { FlotillaError, isFlotillaError } from "../../core/error.ts";
import { defaultNamespace } from "../../core/namespace.ts";
import { mayAct, type Role } from "../../core/role.ts";
import type { Access, Grant, Namespace } from "../../protocol/access.ts";
import { readBearer } from "./bearer.ts";
import { refuseHost, refuseOrigin, type Sites } from "./sites.ts";
import { RateBuckets } from "./rate.ts";
import { namespaceHeader } from "../../protocol/http.ts";

/** Somebody at the gate, whatever the request came by. */
export interface Knock {
  readonly header: (name: string) => string | undefined;
  /** Of the far side; undefined where nobody knows it. */
  readonly address: string | undefined;
  readonly secure: boolean;
}

/** Somebody who was let in. */
export interface Entered extends Grant {
  /** What the request asked for by its header; null: it named none. */
  readonly asked: Namespace | null;
}

/** Tells what a JWT is worth. @throws FLOTILLA_UNAUTHENTICATED, FLOTILLA_FORBIDDEN */
export type VerifyJwt = (token: string) => Promise<Grant>;

export interface GateOptions {
  readonly access: Access;
  /** undefined: no JWT opens anything. */
  readonly verifyJwt?: VerifyJwt | undefined;
  readonly sites: Sites;
  /** Of one token, or of one caller by JWT. */
  readonly requestsPerMinute: number;
  readonly clock: Clock;
}

/** Refused knocks of one address, a minute: enough for a person who mistypes, too few to try tokens in earnest. */
const refusedPerMinute = 60;

export class Gate {
  readonly #o: GateOptions;
  readonly #requests: RateBuckets;
  readonly #refused: RateBuckets;

  constructor(o: GateOptions) {
    this.#o = o;
    this.#requests = new RateBuckets(o.requestsPerMinute, o.clock);
    this.#refused = new RateBuckets(refusedPerMinute, o.clock);
  }

  /** Also asked of those who need no token. @throws FLOTILLA_FORBIDDEN */
  admitSite(knock: Knock): void {
    refuseHost(knock, this.#o.sites);
    refuseOrigin(knock, this.#o.sites);
  }

  /**
   * @throws FLOTILLA_FORBIDDEN for a foreign host or origin, FLOTILLA_UNAUTHENTICATED, FLOTILLA_RATE_LIMITED,
   * FLOTILLA_NOT_FOUND for a namespace that is not the caller's
   */
  async enter(knock: Knock): Promise<Entered> {
    this.admitSite(knock);
    const grant = await this.#who(knock).catch((error: unknown) => {
      // Only those without a token are slowed down: others may share their address, as all do behind a proxy.
      const from = addressKey(knock.address);
      this.#refused.refuseSpent(from, "too many requests without a token that counts");
      this.#refused.take(from);
      throw error;
    });
    this.#requests.refuseSpent(grant.id, `more than ${this.#o.requestsPerMinute} requests in a minute`);
    this.#requests.take(grant.id);
    return { ...grant, asked: await this.#asked(knock, grant) };
  }

  /** Of somebody who was let in: whether they still would be. An issuer that is away takes nothing back. */
  async counts(knock: Knock): Promise<boolean> {
    try {
      await this.#who(knock);
      return true;
    } catch (error) {
      return !isFlotillaError(error, "FLOTILLA_UNAUTHENTICATED") && !isFlotillaError(error, "FLOTILLA_FORBIDDEN");
    }
  }

  async #who(knock: Knock): Promise<Grant> {
    const sent = readBearer(knock.header("authorization"));
    if (sent === undefined) throw new FlotillaError("FLOTILLA_UNAUTHENTICATED", { why: "no token was sent" });
    const grant = await this.#o.access.check(sent);
    if (grant) return grant;
    if (this.#o.verifyJwt && sent.split(".").length === 3) return this.#o.verifyJwt(sent);
    // Which of these it is, is nobody's business who has none.
    throw new FlotillaError("FLOTILLA_UNAUTHENTICATED", { why: "the token is not known, has expired or was revoked" });
  }

  async #asked(knock: Knock, grant: Grant): Promise<Namespace | null> {
    const name = knock.header(namespaceHeader);
    if (name === undefined || name === "") return null;
    if (grant.namespace?.name === name) return grant.namespace;
    const found = grant.namespace === null ? await this.#o.access.namespace(name) : undefined;
    if (!found) throw new FlotillaError("FLOTILLA_NOT_FOUND", { what: "namespace", id: name.slice(0, 100) });
    return found;
  }
}

/** Where a request of theirs belongs: of somebody who may enter every namespace, the default one unless another is named. */
export function placeOf(entered: Entered): Namespace {
  return entered.asked ?? entered.namespace ?? defaultNamespace;
}

/** @throws FLOTILLA_FORBIDDEN */
export function requireRole(entered: Grant, least: Role, what: string): void {
  if (!mayAct(entered.role, least)) throw new FlotillaError("FLOTILLA_FORBIDDEN", { what, needs: `the role ${least}` });
}

/** An IPv6 caller owns 2^64 addresses: they count as one. */
function addressKey(address: string | undefined): string {
  if (address === undefined) return "unknown";
  const plain = address.startsWith("::ffff:") ? address.slice(7) : address;
  return plain.includes(":") ? plain.split(":").slice(0, 4).join(":") : plain;
}
