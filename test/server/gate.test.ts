import { describe, expect, test } from "vitest";
import { openDoor } from "./door.ts";

const hosts = ["fleet.example.com"];

describe("who may call it by which name", () => {
  test.each([
    ["localhost", 200],
    ["localhost:4700", 200],
    ["127.0.0.1:4700", 200],
    ["[::1]:4700", 200],
    ["10.1.2.3", 200],
    ["fleet.example.com", 200],
    ["FLEET.example.com:443", 200],
    ["evil.example", 403],
    ["fleet.example.com.evil.example", 403],
    ["localhost.evil.example", 403],
    ["127.0.0.1.evil.example", 403],
    ["fleet.example.com@evil.example", 403],
    ["", 403],
  ])("Host %j", async (host, status) => {
    await using door = await openDoor({ hosts });
    const token = await door.token("viewer");
    for (const path of ["health", "livez"]) {
      const answer = await door.ask("GET", path, { token, headers: { host } });
      expect([path, answer.status]).toEqual([path, status]);
      expect(answer.body.code === "FLOTILLA_FORBIDDEN").toBe(status === 403);
    }
  });

  test("behind fleet.fetch the host server decides, unless the config names some", async () => {
    await using door = await openDoor({});
    expect((await door.ask("GET", "livez", { headers: { host: "any.example" } })).status).toBe(200);
  });
});

describe("pages that ask", () => {
  const origins = ["https://board.example.com"];
  const from = (origin: string, o: Record<string, string> = {}) => ({ headers: { origin, host: "localhost:4700", ...o } });

  test.each([
    ["http://localhost:4700", 200],
    ["https://board.example.com", 200],
    ["https://localhost:4700", 403],
    ["http://localhost:4701", 403],
    ["https://evil.example", 403],
    ["https://board.example.com.evil.example", 403],
    ["http://board.example.com", 403],
    ["null", 403],
  ])("Origin %s", async (origin, status) => {
    await using door = await openDoor({ origins });
    expect((await door.ask("GET", "livez", from(origin))).status).toBe(status);
    const token = await door.token("submitter");
    door.world.worker();
    const started = await door.ask("POST", "runs", { ...from(origin), token, body: { name: "work", input: {} } });
    expect(started.status).toBe(status === 200 ? 201 : 403);
    expect((await door.world.orchestrator.runs({})).items).toHaveLength(status === 200 ? 1 : 0);
  });

  test("one that is allowed reads the answer, also a refusal; another one does not", async () => {
    await using door = await openDoor({ origins });
    const allowed = await door.ask("GET", "runs", from("https://board.example.com"));
    expect([allowed.status, allowed.headers.get("access-control-allow-origin")]).toEqual([401, "https://board.example.com"]);
    expect(allowed.headers.get("access-control-allow-credentials")).toBeNull();
    const own = await door.ask("GET", "runs", from("http://localhost:4700"));
    expect(own.headers.get("access-control-allow-origin")).toBeNull();
    const foreign = await door.ask("GET", "runs", from("https://evil.example"));
    expect(foreign.headers.get("access-control-allow-origin")).toBeNull();
  });

  test("a browser's question before it is answered without a token", async () => {
    await using door = await openDoor({ origins });
    const preflight = (origin: string) => door.ask("OPTIONS", "runs", from(origin, { "access-control-request-method": "POST" }));
    const allowed = await preflight("https://board.example.com");
    expect([allowed.status, allowed.headers.get("access-control-allow-headers")]).toEqual([
      204,
      "authorization, content-type, last-event-id, flotilla-namespace",
    ]);
    const foreign = await preflight("https://evil.example");
    expect([foreign.status, foreign.headers.get("access-control-allow-origin")]).toEqual([403, null]);
  });
});

describe("how often", () => {
  test("a token has its share, and gets it back with time", async () => {
    await using door = await openDoor({ requestsPerMinute: 60 });
    const [one, other] = [await door.token("viewer"), await door.token("viewer")];
    const ask = async (token: string) => door.ask("GET", "health", { token });
    for (let i = 0; i < 10; i++) expect((await ask(one)).status).toBe(200);
    const refused = await ask(one);
    expect([refused.status, refused.body.code, refused.headers.get("retry-after")]).toEqual([429, "FLOTILLA_RATE_LIMITED", "1"]);
    expect(refused.body).toMatchObject({ retryable: true, details: { retryAfterMs: 1_000 } });
    expect((await ask(other)).status).toBe(200);
    door.world.clock.advance(1_000);
    expect([(await ask(one)).status, (await ask(one)).status]).toEqual([200, 429]);
    // Never more than a sixth at once, however long it was quiet.
    door.world.clock.advance(3_600_000);
    const many = await Promise.all(Array.from({ length: 15 }, () => ask(one)));
    expect(many.filter((a) => a.status === 200)).toHaveLength(10);
  });

  test("who has no token that counts is slowed down by address, and nobody else with it", async () => {
    await using door = await openDoor();
    const token = await door.token("viewer");
    const from = (address: string) => ({ incoming: { headers: { host: "localhost" }, socket: { remoteAddress: address } } });
    const knock = async (address: string, sent = "") => {
      const { incoming } = from(address);
      const headers = { host: "localhost", authorization: `Bearer ${sent || "nonsense"}` };
      const request = new Request("http://localhost/api/v1/health", { headers });
      return (await door.fetch(request, { incoming: { ...incoming, headers } })).status;
    };
    for (let i = 0; i < 10; i++) expect(await knock("10.0.0.1")).toBe(401);
    expect(await knock("10.0.0.1")).toBe(429);
    expect(await knock("::ffff:10.0.0.1")).toBe(429);
    expect(await knock("10.0.0.2")).toBe(401);
    expect(await knock("10.0.0.1", token)).toBe(200);
    // An IPv6 caller owns many addresses.
    for (let i = 0; i < 10; i++) expect(await knock(`2001:db8:1:2::${i}`)).toBe(401);
    expect(await knock("2001:db8:1:2:ffff::1")).toBe(429);
    expect(await knock("2001:db8:1:3::1")).toBe(401);
    door.world.clock.advance(60_000);
    expect(await knock("10.0.0.1")).toBe(401);
  });
});

describe("what is behind a proxy", () => {
  const knock = async (trustProxy: boolean | number, forwarded: string) => {
    await using door = await openDoor({ trustProxy });
    const statuses: number[] = [];
    for (let i = 0; i < 11; i++) {
      const headers = { host: "localhost", "x-forwarded-for": forwarded.replace("N", String(i)) };
      const incoming = { headers, socket: { remoteAddress: "10.9.9.9" } };
      statuses.push((await door.fetch(new Request("http://localhost/api/v1/health", { headers }), { incoming })).status);
    }
    return statuses.at(-1);
  };
  test.each([
    ["nobody's word counts by itself", false, "1.2.3.N", 429],
    ["the entry of the proxy counts", true, "1.2.3.N", 401],
    ["what the caller wrote before it does not", true, "9.9.9.N, 1.2.3.4", 429],
    ["of two proxies the first one's entry", 2, "1.2.3.N, 10.0.0.1", 401],
    ["and not what lies before", 2, "1.2.3.N, 5.5.5.5, 10.0.0.1", 429],
  ] as const)("%s", async (_, trustProxy, forwarded, last) => {
    expect(await knock(trustProxy, forwarded)).toBe(last);
  });
});

describe("answers", () => {
  test("tell a browser to do nothing with them", async () => {
    await using door = await openDoor();
    for (const path of ["runs", "livez", "nothing", "/elsewhere"]) {
      const { headers } = await door.ask("GET", path);
      expect(Object.fromEntries(headers)).toMatchObject({
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "no-referrer",
        "cache-control": "no-store",
      });
    }
  });

  test("a token in a URL is none", async () => {
    await using door = await openDoor();
    const token = await door.token("admin");
    for (const query of [`token=${token}`, `access_token=${token}`, `authorization=Bearer%20${token}`])
      expect((await door.ask("GET", `runs?${query}`)).status).toBe(401);
  });
});
