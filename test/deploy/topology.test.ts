// docker-compose.yml without containers: a real PostgreSQL, two orchestrators, a proxy before them and workers that know
// nothing but the proxy, each a process of the built package, with the commands and variables of the composition.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type deployed from "../../deploy/app/flotilla.config.ts";
import { connect } from "../../src/client/connect.ts";
import { dropSchema, freshUrl } from "../postgres/server.ts";
import { folder, readComposition, type Service } from "./compose.ts";
import { openTcpProxy } from "./proxy.ts";
import { run, start, startService, type Started } from "./processes.ts";

const caddy = process.env["FLOTILLA_CADDY"] ?? "caddy";
const hasCaddy = spawnSync(caddy, ["version"]).status === 0;
const workers = 2;

let store: string;
let services: Readonly<Record<string, Service>>;
let token: string;
beforeAll(async () => {
  if (!existsSync(new URL("../../dist/cli/bin.js", import.meta.url))) throw new Error("dist is missing: npm run build");
  store = await freshUrl("deploy");
  // As `docker compose run --rm setup tokens create workers --role worker`.
  const workerToken = await run(["tokens", "create", "workers", "--role", "worker", "--store", store], {});
  token = await run(["tokens", "create", "me", "--role", "operator", "--store", store], {});
  services = readComposition({ POSTGRES_PASSWORD: "unused", FLOTILLA_WORKER_TOKEN: workerToken }).services;
}, 60_000);
afterAll(() => dropSchema(store));

/** Processes of one test: whatever happens, none is left. */
class Fleet implements AsyncDisposable {
  readonly started: Started[] = [];
  readonly #closing: (() => PromiseLike<void>)[] = [];

  add(process: Started): Started {
    this.started.push(process);
    return process;
  }
  async orchestrator(name: string): Promise<{ process: Started; port: number }> {
    const service = services[name] as Service;
    const process = this.add(
      startService(service, { env: { FLOTILLA_STORE: store, FLOTILLA_LISTEN: "127.0.0.1:0" }, more: ["-o", "json"] }),
    );
    const { url } = JSON.parse(await process.line((line) => line.startsWith("{"))) as { url: string };
    return { process, port: Number(new URL(url).port) };
  }
  worker(proxyPort: number): Started {
    return this.add(startService(services["worker"] as Service, { env: { FLOTILLA_CONNECT: `ws://127.0.0.1:${proxyPort}` } }));
  }
  async proxy(kind: "connections" | "caddy", ports: readonly number[]): Promise<number> {
    if (kind === "connections") {
      const proxy = await openTcpProxy(ports);
      this.#closing.push(() => proxy[Symbol.asyncDispose]());
      return proxy.port;
    }
    const port = await freePort();
    const process = this.add(
      start(caddy, ["run", "--config", fileURLToPath(new URL("Caddyfile", folder)), "--adapter", "caddyfile"], {
        FLEET_SITE: `http://127.0.0.1:${port}`,
        FLEET_ORCHESTRATORS: ports.map((p) => `127.0.0.1:${p}`).join(" "),
      }),
    );
    await process.saidLine((line) => line.includes("serving initial configuration"));
    return port;
  }
  async [Symbol.asyncDispose](): Promise<void> {
    for (const { kill } of this.started) kill("SIGKILL");
    await Promise.all(this.started.map((p) => p.ended));
    for (const close of this.#closing) await close();
  }
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

const words = ["one", "three", "seven", "eleven"];
const wanted = { words: 4, letters: 19 };

describe.each([
  { kind: "connections" as const, skip: false },
  // With the config of deploy/; skipped where there is no caddy.
  { kind: "caddy" as const, skip: !hasCaddy },
])("the composition behind a proxy of $kind", ({ kind, skip }) => {
  test.skipIf(skip)(
    "does work, loses an orchestrator and goes on, and stops cleanly",
    async () => {
      await using all = new Fleet();
      const first = await all.orchestrator("orchestrator-1");
      const second = await all.orchestrator("orchestrator-2");
      const port = await all.proxy(kind, [first.port, second.port]);
      const url = `http://127.0.0.1:${port}`;
      await using fleet = connect<typeof deployed>(url, { token });

      // Before any worker has come, to see that its coming is noticed.
      const early = await fleet.start("report", { words });
      const hands = Array.from({ length: workers }, () => all.worker(port));
      expect(await early.result()).toEqual(wanted);
      await Promise.all(hands.map((w) => w.saidLine((line) => line.includes("serves 2 definitions"))));

      // Events come through the proxy as they happen, not at the end.
      const seen: string[] = [];
      const watched = await fleet.start("report", { words });
      for await (const event of watched.events()) {
        seen.push(event.type);
        if (event.type === "run.finished") break;
      }
      expect(seen).toContain("task.settled");

      // Without a token nobody is let in, whichever of them answers.
      for (let n = 0; n < 4; n++) expect((await fetch(`${url}/api/v1/runs`)).status).toBe(401);

      const runs = await Promise.all(
        Array.from({ length: 20 }, (_, n) => fleet.start("report", { words }, { idempotencyKey: `run-${n}` })),
      );
      first.process.kill("SIGKILL");
      await first.process.ended;
      // Started while one is gone; the same again gives the same run.
      const more = await Promise.all(
        Array.from({ length: 10 }, (_, n) => fleet.start("report", { words }, { idempotencyKey: `run-${n + 15}` })),
      );
      expect(more.slice(0, 5).map((r) => r.id)).toEqual(runs.slice(15).map((r) => r.id));
      for (const r of [...runs, ...more]) expect(await r.result()).toEqual(wanted);

      // SIGTERM, as `docker compose stop` sends it.
      for (const w of hands) w.kill("SIGTERM");
      for (const w of hands) expect({ code: await w.ended, said: w.said }).toMatchObject({ code: 0 });
      second.process.kill("SIGTERM");
      expect({ code: await second.process.ended, said: second.process.said }).toMatchObject({ code: 0 });
    },
    120_000,
  );
});
