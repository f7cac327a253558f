import { createHmac } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { OidcConfig } from "../../src/client/server-config.ts";
import { resolveServer } from "../../src/runtime/server-config.ts";
import { oidcVerifier } from "../../src/server/access/oidc.ts";
import { testClock } from "../orchestrator/world.ts";
import { openDoor } from "./door.ts";
import { openIssuer, type Issuer } from "./issuer.ts";

const b64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

async function openWithIssuer(over: Partial<OidcConfig> = {}) {
  const clock = testClock();
  const issuer = await openIssuer(() => clock.now());
  const oidc = { issuer: issuer.url, audience: "flotilla", jwksUrl: issuer.jwksUrl, ...over };
  const door = await openDoor({ oidc }, { clock });
  const ask = (token: string, path = "health") => door.ask("GET", path, { token });
  return {
    clock,
    issuer,
    door,
    ask,
    async [Symbol.asyncDispose]() {
      await door[Symbol.asyncDispose]();
      await issuer[Symbol.asyncDispose]();
    },
  };
}

const viewer = { flotilla_role: "viewer" };

describe("a JWT of the issuer", () => {
  test("opens what its role may, in its namespace", async () => {
    await using o = await openWithIssuer();
    const token = await o.issuer.sign({ flotilla_role: "submitter" });
    expect((await o.ask(token)).status).toBe(200);
    expect((await o.ask(token, "tokens")).status).toBe(403);
    o.door.world.worker();
    const started = await o.door.ask("POST", "runs", { token, body: { name: "work", input: {} } });
    expect(started.status).toBe(201);
    expect((await o.door.world.orchestrator.runs({})).items).toHaveLength(1);
  });

  test("its keys are fetched once, and a rotated key is looked for", async () => {
    await using issuer = await openIssuer(() => 0);
    const clock = testClock(0);
    const settings = resolveServer({ oidc: { issuer: issuer.url, audience: "flotilla", jwksUrl: issuer.jwksUrl } }, "/").oidc;
    if (!settings) throw new Error("no settings");
    await using door = await openDoor();
    const { access } = door.world.orchestrator;
    const verify = oidcVerifier(settings, { access, clock, coolDownMs: 0 });
    const sign = () => issuer.sign(viewer);
    const old = await sign();
    for (const token of [old, await sign(), await sign()]) expect((await verify(token)).role).toBe("viewer");
    expect(issuer.fetched()).toBe(1);
    await issuer.rotate();
    expect((await verify(await sign())).role).toBe("viewer");
    expect(issuer.fetched()).toBe(2);
    // What the withdrawn key has signed counts no more.
    await expect(verify(old)).rejects.toMatchObject({ code: "FLOTILLA_UNAUTHENTICATED" });
  });

  test("key ids that nobody has do not make us ask again and again", async () => {
    await using o = await openWithIssuer();
    expect((await o.ask(await o.issuer.sign(viewer))).status).toBe(200);
    for (let i = 0; i < 5; i++) expect((await o.ask(await o.issuer.sign(viewer, { kid: `forged${i}` }))).status).toBe(401);
    expect(o.issuer.fetched()).toBe(1);
  });
});

describe("is refused", () => {
  const cases: readonly (readonly [string, (issuer: Issuer, now: number) => Promise<string>])[] = [
    ["for another audience", (i) => i.sign({ ...viewer, aud: "billing" })],
    ["of another issuer", (i) => i.sign({ ...viewer, iss: "https://evil.example" })],
    ["when it has expired", (i, now) => i.sign({ ...viewer, exp: now - 31 })],
    ["before it counts", (i, now) => i.sign({ ...viewer, nbf: now + 31 })],
    ["when it never expires", (i) => i.sign(viewer, { withoutExpiry: true })],
    ["without a subject", (i) => i.sign({ ...viewer, sub: undefined as never })],
    ["signed by a key of nobody", async (i) => (await openStranger()).sign({ ...viewer, iss: i.url })],
    ["with its signature cut off", async (i) => (await i.sign(viewer)).replace(/[^.]+$/, "")],
    ["with other claims than were signed", async (i) => tampered(await i.sign(viewer), { flotilla_role: "admin" })],
    ["with the algorithm none", async (i, now) => `${b64({ alg: "none", typ: "JWT" })}.${b64(claims(i, now))}.`],
    [
      "signed with the public key as a secret",
      async (i, now) => {
        const head = `${b64({ alg: "HS256", kid: "k1" })}.${b64(claims(i, now))}`;
        return `${head}.${createHmac("sha256", await i.publicPem())
          .update(head)
          .digest("base64url")}`;
      },
    ],
    [
      "that brings its own key",
      async (i, now) => {
        const stranger = await openStranger();
        const signed = await stranger.sign(claims(i, now));
        const [, body = "", signature = ""] = signed.split(".");
        return `${b64({ alg: "RS256", jwk: { kty: "RSA" }, jku: `${stranger.url}/keys` })}.${body}.${signature}`;
      },
    ],
  ];
  const claims = (i: Issuer, now: number) => ({
    iss: i.url,
    aud: "flotilla",
    sub: "eve",
    exp: now + 600,
    flotilla_role: "admin",
  });
  const openStranger = async () => {
    const stranger = await openIssuer(() => Date.now());
    await stranger[Symbol.asyncDispose]();
    return stranger;
  };
  const tampered = (token: string, over: object) => {
    const [head, body = "", signature] = token.split(".");
    return `${head}.${b64({ ...JSON.parse(Buffer.from(body, "base64url").toString()), ...over })}.${signature}`;
  };

  test.each(cases)("%s", async (_, make) => {
    await using o = await openWithIssuer();
    const token = await make(o.issuer, Math.floor(o.clock.now() / 1_000));
    const { status, body, text } = await o.ask(token);
    expect([status, body.code]).toEqual([401, "FLOTILLA_UNAUTHENTICATED"]);
    expect(text).not.toContain(token.slice(0, 20));
  });

  test("but a clock that is a little off is not", async () => {
    await using o = await openWithIssuer();
    const now = Math.floor(o.clock.now() / 1_000);
    expect((await o.ask(await o.issuer.sign({ ...viewer, exp: now - 29 }))).status).toBe(200);
    expect((await o.ask(await o.issuer.sign({ ...viewer, nbf: now + 29 }))).status).toBe(200);
  });

  test("while its issuer cannot be asked, which lets no one in and breaks nothing else", async () => {
    await using o = await openWithIssuer();
    o.issuer.fault = (reply) => reply.writeHead(500).end("no");
    const { status, body } = await o.ask(await o.issuer.sign(viewer));
    expect([status, body.code, body.retryable]).toEqual([503, "FLOTILLA_UNREACHABLE", true]);
    expect((await o.ask(await o.door.token("viewer"))).status).toBe(200);
  });

  test.each([
    ["a redirect", (reply: import("node:http").ServerResponse) => reply.writeHead(302, { location: "/elsewhere" }).end()],
    ["a flood", (reply: import("node:http").ServerResponse) => reply.end("x".repeat(300_000))],
    ["no keys", (reply: import("node:http").ServerResponse) => reply.end("{}")],
  ])("when its keys are %s", async (_, fault) => {
    await using o = await openWithIssuer();
    o.issuer.fault = fault as never;
    expect((await o.ask(await o.issuer.sign(viewer))).body).toMatchObject({ code: "FLOTILLA_UNREACHABLE" });
  });

  test("where none is configured", async () => {
    await using issuer = await openIssuer(() => Date.now());
    await using door = await openDoor();
    expect((await door.ask("GET", "health", { token: await issuer.sign(viewer) })).status).toBe(401);
    expect(issuer.fetched()).toBe(0);
  });
});

describe("claims", () => {
  test.each([
    ["a text", {}, { flotilla_role: "operator" }, "operator"],
    ["a list, the highest counts", {}, { flotilla_role: ["viewer", "admin", "nonsense"] }, "admin"],
    ["by a map", { role: { claim: "groups", map: { devs: "submitter" } } }, { groups: ["devs", "admin"] }, "submitter"],
    ["inside of another", { role: { claim: "realm_access.roles" } }, { realm_access: { roles: ["worker"] } }, "worker"],
    ["a URL with dots", { role: { claim: "https://x.example/role" } }, { "https://x.example/role": "viewer" }, "viewer"],
    ["none", {}, {}, null],
    ["one that is no role", {}, { flotilla_role: "root" }, null],
    ["a number", {}, { flotilla_role: 5 }, null],
    ["a value that the map does not name", { role: { claim: "groups", map: { devs: "admin" } } }, { groups: ["admin"] }, null],
    ["a name that every object has", { role: { claim: "groups", map: { devs: "admin" } } }, { groups: ["constructor"] }, null],
  ] as const)("give the role: %s", async (_, config, claims, role) => {
    await using o = await openWithIssuer(config);
    const verify = verifierOf(o.issuer, config, o.door);
    const token = await o.issuer.sign(claims);
    const meant = await verify(token).catch((e: { code: string }) => e.code);
    expect(typeof meant === "string" ? meant : meant.role).toBe(role ?? "FLOTILLA_FORBIDDEN");
    expect((await o.ask(token)).status === 403).toBe(role === null || role === "worker");
  });

  test.each([
    ["one for all", { namespace: "team-a" }, {}, "team-a"],
    ["every one for all", { namespace: "*" }, {}, "*"],
    ["a claim", { namespace: { claim: "team" } }, { team: "team-b" }, "team-b"],
    ["a claim by a map", { namespace: { claim: "team", map: { B: "team-b" } } }, { team: ["B", "other"] }, "team-b"],
    ["every one by a map", { namespace: { claim: "team", map: { ops: "*", B: "b" } } }, { team: ["B", "ops"] }, "*"],
    ["none is given", {}, {}, "default"],
    ["a claim that says every one", { namespace: { claim: "team" } }, { team: "*" }, null],
    ["a claim that is no name", { namespace: { claim: "team" } }, { team: "../default" }, null],
    ["two of them", { namespace: { claim: "team" } }, { team: ["a", "b"] }, null],
    ["two of them by a map", { namespace: { claim: "team", map: { A: "a", B: "b" } } }, { team: ["A", "B"] }, null],
    ["a claim that is missing", { namespace: { claim: "team" } }, {}, null],
  ] as const)("give the namespace: %s", async (_, config, claims, name) => {
    await using o = await openWithIssuer(config);
    const verify = verifierOf(o.issuer, config, o.door);
    const token = await o.issuer.sign({ ...viewer, ...claims });
    const meant = await verify(token).catch((e: { code: string }) => e.code);
    expect(typeof meant === "string" ? meant : (meant.namespace?.name ?? "*")).toBe(name ?? "FLOTILLA_FORBIDDEN");
    expect((await o.ask(token)).status).toBe(name === null ? 403 : 200);
  });
});

function verifierOf(issuer: Issuer, over: Partial<OidcConfig>, { world }: Awaited<ReturnType<typeof openDoor>>) {
  const { oidc } = resolveServer({ oidc: { issuer: issuer.url, audience: "flotilla", jwksUrl: issuer.jwksUrl, ...over } }, "/");
  if (!oidc) throw new Error("no settings");
  return oidcVerifier(oidc, { access: world.orchestrator.access, clock: world.clock });
}
