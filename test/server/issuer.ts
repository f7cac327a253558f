// An OpenID Connect issuer on this machine: it signs what the test says, and serves its keys over HTTP.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, exportSPKI, generateKeyPair, SignJWT, type JWTPayload } from "jose";

export interface Issuer extends AsyncDisposable {
  readonly url: string;
  readonly jwksUrl: string;
  /** How often its keys were fetched. */
  readonly fetched: () => number;
  sign(claims: JWTPayload, o?: { alg?: string; kid?: string; withoutExpiry?: boolean }): Promise<string>;
  /** A new key signs from now on; the old one is served no more. */
  rotate(): Promise<void>;
  /** Its public key, PEM: what anybody has. */
  publicPem(): Promise<string>;
  /** What its keys are answered with, while it is set. */
  fault: ((reply: import("node:http").ServerResponse) => void) | undefined;
}

export async function openIssuer(nowMs: () => number): Promise<Issuer> {
  let keyNo = 0;
  let fetched = 0;
  const make = async () => ({ kid: `k${++keyNo}`, pair: await generateKeyPair("RS256", { extractable: true }) });
  let key = await make();
  const server = createServer((_, reply) => {
    fetched += 1;
    if (issuer.fault) return issuer.fault(reply);
    void exportJWK(key.pair.publicKey).then((jwk) => {
      reply.setHeader("content-type", "application/json");
      reply.end(JSON.stringify({ keys: [{ ...jwk, kid: key.kid, alg: "RS256", use: "sig" }] }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const issuer: Issuer = {
    url,
    jwksUrl: `${url}/keys`,
    fault: undefined,
    fetched: () => fetched,
    async sign(claims, { alg = "RS256", kid = key.kid, withoutExpiry = false } = {}) {
      const now = Math.floor(nowMs() / 1_000);
      const base = { iss: url, aud: "flotilla", sub: "ada", ...(withoutExpiry ? {} : { exp: now + 600 }), iat: now };
      return new SignJWT({ ...base, ...claims }).setProtectedHeader({ alg, kid }).sign(key.pair.privateKey);
    },
    async rotate() {
      key = await make();
    },
    publicPem: () => exportSPKI(key.pair.publicKey),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return issuer;
}
