// Bearer JWTs of an OpenID Connect issuer: who signed it, for whom, until when, and what its claims are worth here.
import { createRemoteJWKSet, customFetch, errors, jwtVerify, type JWTPayload } from "jose";
import type { Clock } from "../../core/clock.ts";
import { FlotillaError } from "../../core/error.ts";
import { anyNamespace, isNamespaceName } from "../../core/namespace.ts";
import { isRole, roles, type Role } from "../../core/role.ts";
import type { Access, Grant } from "../../protocol/access.ts";
import type { OidcSettings } from "../settings.ts";
import { readCapped } from "../body.ts";
import type { VerifyJwt } from "./gate.ts";

/** How long an answer of the issuer may take, in ms. */
const fetchMs = 5_000;
/** How long its keys are believed, in ms: one that it withdrew opens nothing after that. */
const keysMs = 600_000;
/** After a look for a key that was not there, the next one waits so long, in ms: forged key ids must not make us ask. */
const coolDownMs = 30_000;
/** An issuer's document of keys, in bytes. */
const keysBytesMax = 262_144;

export interface OidcDeps {
  readonly access: Access;
  readonly clock: Clock;
  /** Between two looks for a key that was not there, in ms. @default 30_000 */
  readonly coolDownMs?: number;
}

export function oidcVerifier(o: OidcSettings, deps: OidcDeps): VerifyJwt {
  const keys = createRemoteJWKSet(new URL(o.jwksUrl), {
    timeoutDuration: fetchMs,
    cacheMaxAge: keysMs,
    cooldownDuration: deps.coolDownMs ?? coolDownMs,
    [customFetch]: fetchKeys,
  });
  return async (token) => {
    const claims = await verified(token);
    return grantOf(claims);
  };

  async function verified(token: string): Promise<JWTPayload> {
    try {
      // Only asymmetric algorithms are ever configured: "none" and HMAC with the public key as its secret are refused.
      const { payload } = await jwtVerify(token, keys, {
        issuer: o.issuer,
        audience: [...o.audience],
        algorithms: [...o.algorithms],
        clockTolerance: o.clockSkewMs / 1_000,
        currentDate: new Date(deps.clock.now()),
        requiredClaims: ["exp", "sub"],
      });
      return payload;
    } catch (error) {
      // Its own token may be good: this passes.
      if (isOutage(error)) throw new FlotillaError("FLOTILLA_UNREACHABLE", { target: "the issuer of the JWT" });
      throw new FlotillaError("FLOTILLA_UNAUTHENTICATED", { why: whyRefused(error) });
    }
  }

  async function grantOf(claims: JWTPayload): Promise<Grant> {
    // Of one issuer: `sub` is unique within it.
    const id = `oidc:${String(claims.sub).slice(0, 200)}`;
    const role = roleOf(claims, o);
    if (!role)
      throw new FlotillaError("FLOTILLA_FORBIDDEN", { what: "this identity", needs: `a role, by the claim ${o.role.claim}` });
    const name = namespaceOf(claims, o);
    if (name === undefined)
      throw new FlotillaError("FLOTILLA_FORBIDDEN", { what: "this identity", needs: "a namespace, by its claims" });
    return { id, role, namespace: name === anyNamespace ? null : await deps.access.internNamespace(name) };
  }
}

/** The highest role that any value of the claim stands for. */
function roleOf(claims: JWTPayload, { role }: OidcSettings): Role | undefined {
  const meant = valuesOf(claims, role.claim).map((value) => (role.map === null ? value : role.map.get(value)));
  return roles.findLast((r) => meant.some((m) => isRole(m) && m === r));
}

/** With a map only what it names counts; without one a claim that is a namespace's name is that one, and `*` is none. */
function namespaceOf(claims: JWTPayload, { namespace }: OidcSettings): string | undefined {
  if ("fixed" in namespace) return namespace.fixed;
  const values = valuesOf(claims, namespace.claim);
  const { map } = namespace;
  if (map === null) return values.length === 1 && isNamespaceName(values[0]) ? values[0] : undefined;
  const meant = [...new Set(values.map((value) => map.get(value)).filter((name) => name !== undefined))];
  // Two of them: nobody can say which is meant.
  return meant.includes(anyNamespace) ? anyNamespace : meant.length === 1 ? meant[0] : undefined;
}

/** A claim is a text or a list of texts; `realm_access.roles` is the claim `roles` inside of `realm_access`. */
function valuesOf(claims: JWTPayload, path: string): readonly string[] {
  let at: unknown = Object.hasOwn(claims, path) ? claims[path] : undefined;
  if (at === undefined) {
    at = claims;
    for (const part of path.split("."))
      at = typeof at === "object" && at !== null && Object.hasOwn(at, part) ? (at as Record<string, unknown>)[part] : undefined;
  }
  const list = Array.isArray(at) ? (at as readonly unknown[]) : [at];
  return list.filter((value): value is string => typeof value === "string");
}

async function fetchKeys(url: string, init: RequestInit): Promise<Response> {
  // A redirect could lead into the inner network.
  const reply = await fetch(url, { ...init, redirect: "error" });
  return new Response(await readCapped(reply, keysBytesMax), { status: reply.status });
}

/** Enough to mend one's own token, nothing about the keys. */
function whyRefused(error: unknown): string {
  if (error instanceof errors.JWTExpired) return "the JWT has expired";
  if (error instanceof errors.JWTClaimValidationFailed) return `the JWT's claim ${error.claim} does not fit`;
  if (error instanceof errors.JOSEAlgNotAllowed) return "the JWT's algorithm is not allowed here";
  if (error instanceof errors.JWSSignatureVerificationFailed || error instanceof errors.JWKSNoMatchingKey)
    return "the JWT is not signed by a key of its issuer";
  return "it is no JWT that counts here";
}

/** The issuer did not answer, or not with keys. */
function isOutage(error: unknown): boolean {
  if (!(error instanceof errors.JOSEError)) return true;
  return error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid || error.code === "ERR_JOSE_GENERIC";
}
