import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { get as httpsGet } from "node:https";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { ServerConfig } from "../../src/client/server-config.ts";
import { systemClock } from "../../src/core/clock.ts";
import { FlotillaError } from "../../src/core/error.ts";
import type { Role } from "../../src/core/role.ts";
import { resolveServer } from "../../src/runtime/server-config.ts";
import type { Upgraded } from "../../src/server/access/upgrade.ts";
import { isLoopback, serveTcp, type TcpServerDeps } from "../../src/server/tcp-server.ts";
import { openWorld, testClock } from "../orchestrator/world.ts";
import { selfSigned } from "./certificate.ts";
import { noCommits } from "./door.ts";

async function openTcp(server: ServerConfig = {}, deps: Partial<TcpServerDeps> = {}) {
  const world = await openWorld();
  const settings = resolveServer({ listen: "127.0.0.1:0", ...server }, "/");
  const tcp = await serveTcp(world.orchestrator, settings, { clock: systemClock, log: () => {}, commits: noCommits, ...deps });
  const port = Number(new URL(tcp.url).port);
  const token = async (role: Role, namespace = "default") =>
    (await world.orchestrator.tokens.create({ name: "t", role, namespace })).token;
  return {
    world,
    tcp,
    port,
    token,
    raw: (text: string) => exchange(port, text),
    async [Symbol.asyncDispose]() {
      await tcp.close();
      await world[Symbol.asyncDispose]();
    },
  };
}

/** Sends bytes, and gives what came until the far side hung up. */
function exchange(port: number, text: string, o: { readonly keep?: boolean } = {}): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    let got = "";
    socket.on("data", (chunk: Buffer) => (got += chunk.toString("latin1")));
    socket.on("error", () => {});
    socket.on("close", () => resolve(got));
    socket.write(text);
    if (!o.keep) socket.on("data", () => socket.end());
  });
}

const head = (path: string, ...lines: readonly string[]) =>
  `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${lines.map((l) => `${l}\r\n`).join("")}\r\n`;

test("an upgrade that meets a store that is away is refused without a word of where that is", async () => {
  await using world = await openWorld();
  const details = { path: "postgres://fleet@10.0.0.7/flotilla", problem: "connect ECONNREFUSED 10.0.0.7:5432" };
  const away = new FlotillaError("FLOTILLA_STORE_UNREACHABLE", details, { cause: new Error(details.problem) });
  const access = { ...world.orchestrator.access, check: () => Promise.reject(away) };
  const deps = { clock: systemClock, log: () => {}, commits: noCommits };
  const upgrades = [{ path: "/workers/connect", least: "worker" as const, take: () => {} }];
  const tcp = await serveTcp({ ...world.orchestrator, access }, resolveServer({ listen: "127.0.0.1:0" }, "/"), {
    ...deps,
    upgrades,
  });
  try {
    const lines = ["Connection: Upgrade", "Upgrade: websocket", `Authorization: Bearer flt_${"0".repeat(52)}`];
    const answer = await exchange(Number(new URL(tcp.url).port), head("/api/v1/workers/connect", ...lines), { keep: true });
    expect(answer).toContain("FLOTILLA_STORE_UNREACHABLE");
    expect(answer).not.toContain("10.0.0.7");
  } finally {
    await tcp.close();
  }
});

describe("where it is served", () => {
  test.each([
    ["127.0.0.1", true],
    ["127.9.9.9", true],
    ["localhost", true],
    ["::1", true],
    ["0.0.0.0", false],
    ["::", false],
    ["10.0.0.1", false],
    ["127.0.0.1.example.com", false],
  ])("%s", (host, loopback) => expect(isLoopback(host)).toBe(loopback));

  // An address of documentation (RFC 5737): nobody has it, so it cannot be bound, and nothing is ever served on it.
  test("others cannot reach it before somebody has a token that counts", async () => {
    await using world = await openWorld();
    const serve = (server: ServerConfig = {}) =>
      serveTcp(world.orchestrator, resolveServer({ listen: "192.0.2.1:4700", ...server }, "/"), {
        clock: systemClock,
        log: () => {},
        commits: noCommits,
      });
    const openDoor = { details: { field: "server.listen", problem: expect.stringContaining("neither a token") } };
    await expect(serve()).rejects.toMatchObject(openDoor);
    const { id } = await world.orchestrator.tokens.create({ name: "t", role: "viewer" });
    await expect(serve()).rejects.toMatchObject({ details: { problem: expect.stringContaining("cannot be bound") } });
    await world.orchestrator.tokens.revoke(id);
    await expect(serve()).rejects.toMatchObject(openDoor);
    const oidc = { issuer: "i", audience: "a", jwksUrl: "https://issuer.example/keys" };
    await expect(serve({ oidc })).rejects.toMatchObject({ details: { problem: expect.stringContaining("cannot be bound") } });
  });

  test("a port that is taken is refused with what to do", async () => {
    await using one = await openTcp();
    await expect(openTcp({ listen: `127.0.0.1:${one.port}` })).rejects.toMatchObject({
      code: "FLOTILLA_CONFIG_INVALID",
      details: { field: "server.listen" },
    });
  });

  test("by TLS, when there is a certificate", async () => {
    const folder = mkdtempSync(join(tmpdir(), "flotilla-tls-"));
    try {
      const { cert, key } = selfSigned();
      writeFileSync(join(folder, "cert.pem"), cert);
      writeFileSync(join(folder, "key.pem"), key);
      const tls = { cert: join(folder, "cert.pem"), key: join(folder, "key.pem") };
      await using served = await openTcp({ tls });
      expect(served.tcp.url).toMatch(/^https:/);
      const status = await new Promise((resolve, reject) => {
        httpsGet(`${served.tcp.url}/livez`, { ca: cert, agent: false }, (reply) => {
          reply.resume();
          resolve(reply.statusCode);
        }).on("error", reject);
      });
      expect(status).toBe(200);
      await expect(openTcp({ tls: { ...tls, key: join(folder, "none.pem") } })).rejects.toMatchObject({
        details: { field: "server.tls.key" },
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("clients that do not do their part", () => {
  const patience = { headersMs: 100, requestMs: 200, silentMs: 300, lookMs: 20 };

  test("one that never ends its headers is answered and cut", async () => {
    await using served = await openTcp({}, { patience });
    expect(await exchange(served.port, "GET /livez HTTP/1.1\r\nHost: localhost\r\n", { keep: true })).toMatch(
      /^(HTTP\/1.1 408|$)/,
    );
  });

  test("one that never ends its body", async () => {
    await using served = await openTcp({}, { patience });
    const token = await served.token("submitter");
    const text = `POST /api/v1/runs HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\nContent-Length: 100\r\n\r\n{`;
    await exchange(served.port, text, { keep: true });
    expect((await served.world.orchestrator.runs({})).items).toEqual([]);
  });

  test("one that says nothing at all", async () => {
    await using served = await openTcp({}, { patience });
    await exchange(served.port, "", { keep: true });
  });

  test("headers that are too large or not HTTP", async () => {
    await using served = await openTcp();
    expect(await served.raw(head("/livez", `x-long: ${"x".repeat(20_000)}`))).toMatch(/^HTTP\/1.1 431/);
    for (const text of ["\0\u0001\u0002\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", `${"A".repeat(5_000)}\r\n\r\n`])
      expect(await served.raw(text)).toMatch(/^HTTP\/1.1 4\d\d/);
    expect(await served.raw(head("/livez"))).toMatch(/^HTTP\/1.1 200/);
  });

  test("a body that says it is small and is not", async () => {
    await using served = await openTcp();
    const token = await served.token("submitter");
    const chunk = `10000\r\n${"x".repeat(65_536)}\r\n`;
    const lines = `Host: localhost\r\nAuthorization: Bearer ${token}\r\nTransfer-Encoding: chunked\r\n\r\n`;
    expect(await served.raw(`POST /api/v1/runs HTTP/1.1\r\n${lines}${chunk.repeat(20)}0\r\n\r\n`)).toMatch(/^HTTP\/1.1 413/);
  });

  test("more connections than there may be", async () => {
    await using served = await openTcp({ connections: 2 });
    const open = async () => {
      const socket = connect(served.port, "127.0.0.1");
      const answered = new Promise<boolean>((resolve) => {
        socket.on("data", () => resolve(true)).on("close", () => resolve(false));
        socket.on("error", () => {});
      });
      socket.write(head("/livez"));
      return { socket, answered: await answered };
    };
    const [one, two, three] = [await open(), await open(), await open()];
    expect([one.answered, two.answered, three.answered]).toEqual([true, true, false]);
    const gone = new Promise((resolve) => one.socket.once("close", resolve));
    one.socket.end();
    await gone;
    // The server hears of it a moment later.
    let answered = false;
    while (!answered) ({ answered } = await open());
    two.socket.destroy();
  });
});

describe("upgrades", () => {
  const ask = (port: number, path: string, ...lines: readonly string[]) =>
    exchange(port, head(path, "Connection: Upgrade", "Upgrade: websocket", ...lines));

  test("are taken over by who passed the gate, and refused as routes refuse", async () => {
    const taken: Upgraded[] = [];
    const take = (_: IncomingMessage, socket: { end(text: string): void }, __: Buffer, who: Upgraded) => {
      taken.push(who);
      socket.end("HTTP/1.1 101 Switching Protocols\r\n\r\n");
    };
    await using served = await openTcp({}, { upgrades: [{ path: "/workers/connect", least: "worker", take }] });
    const bearer = async (role: Role, namespace?: string) => `Authorization: Bearer ${await served.token(role, namespace)}`;
    const path = "/api/v1/workers/connect";
    expect(await ask(served.port, path)).toMatch(
      /^HTTP\/1.1 401 [^]*www-authenticate: Bearer[^]*"code":"FLOTILLA_UNAUTHENTICATED"/,
    );
    expect(await ask(served.port, path, await bearer("operator"))).toMatch(/^HTTP\/1.1 403 [^]*"code":"FLOTILLA_FORBIDDEN"/);
    expect(await ask(served.port, path, await bearer("worker"), "Origin: https://evil.example")).toMatch(/^HTTP\/1.1 403 /);
    expect(await ask(served.port, path, await bearer("worker"), "Flotilla-Namespace: team-a")).toMatch(/^HTTP\/1.1 404 /);
    expect(await ask(served.port, "/api/v1/runs", await bearer("worker"))).toMatch(/^HTTP\/1.1 404 /);
    expect(taken).toEqual([]);
    expect(await ask(served.port, path, await bearer("worker", "team-a"))).toMatch(/^HTTP\/1.1 101 /);
    expect(await ask(served.port, `${path}?build=1`, await bearer("worker", "*"))).toMatch(/^HTTP\/1.1 101 /);
    expect(await ask(served.port, path, await bearer("admin", "*"), "Flotilla-Namespace: team-a")).toMatch(/^HTTP\/1.1 101 /);
    expect(taken.map((who) => [who.role, who.namespace?.name ?? null])).toEqual([
      ["worker", "team-a"],
      ["worker", null],
      ["admin", "team-a"],
    ]);
  });

  test("end within a minute when their token is revoked", async () => {
    const clock = testClock();
    const { promise, resolve } = Promise.withResolvers<Socket>();
    const take = (_: IncomingMessage, socket: unknown) => resolve(socket as Socket);
    await using served = await openTcp({}, { clock, upgrades: [{ path: "/workers/connect", least: "worker", take }] });
    const made = await served.world.orchestrator.tokens.create({ name: "t", role: "worker" });
    const lines = ["Connection: Upgrade", "Upgrade: websocket", `Authorization: Bearer ${made.token}`];
    const client = connect(served.port, "127.0.0.1");
    client.on("error", () => {});
    client.write(head("/api/v1/workers/connect", ...lines));
    const socket = await promise;
    const pass = async () => {
      clock.advance(60_000);
      await served.world.turn();
      return socket.destroyed;
    };
    expect(await pass()).toBe(false);
    await served.world.orchestrator.tokens.revoke(made.id);
    expect(await pass()).toBe(true);
    client.destroy();
    expect(clock.timers).toBe(0);
  });

  test("go on while it drains, and end when it closes", async () => {
    const { promise, resolve } = Promise.withResolvers<Socket>();
    const take = (_: IncomingMessage, socket: unknown) => {
      (socket as Socket).write("HTTP/1.1 101 Switching Protocols\r\n\r\n");
      resolve(socket as Socket);
    };
    await using served = await openTcp({}, { upgrades: [{ path: "/workers/connect", least: "worker", take }] });
    const lines = ["Connection: Upgrade", "Upgrade: websocket", `Authorization: Bearer ${await served.token("worker")}`];
    const client = connect(served.port, "127.0.0.1");
    client.write(head("/api/v1/workers/connect", ...lines));
    const socket = await promise;
    await served.tcp.drain();
    const echoed = new Promise((done) => client.on("data", (chunk: Buffer) => chunk.includes("still here") && done(true)));
    socket.write("still here");
    await echoed;
    const ended = new Promise((done) => client.once("close", done));
    client.on("error", () => {});
    await served.tcp.close();
    await ended;
  });
});

describe("draining", () => {
  test("long polls and streams end so that their clients go elsewhere, and nobody new comes in", async () => {
    await using served = await openTcp();
    served.world.worker();
    const token = await served.token("submitter");
    const { id } = await served.world.start("work");
    const open = (path: string) =>
      new Promise<IncomingMessage>((resolve, reject) => {
        const headers = { authorization: `Bearer ${token}` };
        httpRequest({ port: served.port, host: "127.0.0.1", path, headers, agent: false }, resolve).on("error", reject).end();
      });
    const stream = await open(`/api/v1/runs/${id}/events`);
    let told = "";
    const streamed = new Promise((resolve) => {
      stream.on("data", (chunk: Buffer) => (told += chunk.toString()));
      stream.on("end", resolve);
    });
    await new Promise<void>((resolve) => stream.once("data", () => resolve()));
    const { outcome } = served.world.orchestrator;
    const { promise: waits, resolve: itWaits } = Promise.withResolvers<void>();
    Object.assign(served.world.orchestrator, {
      outcome: (...args: Parameters<typeof outcome>) => {
        itWaits();
        return outcome(...args);
      },
    });
    const polled = open(`/api/v1/runs/${id}/outcome?waitMs=55000`);
    await waits;
    await served.tcp.drain();
    await streamed;
    expect(told).toMatch(/^: connected\n\n[^]*: closing\nretry: 1000\n\n$/);
    expect(told).not.toContain("event: end");
    expect((await polled).statusCode).toBe(503);
    await expect(open("/livez")).rejects.toMatchObject({ code: "ECONNREFUSED" });
    expect((await served.world.orchestrator.run(id)).status).toBe("running");
  });
});
