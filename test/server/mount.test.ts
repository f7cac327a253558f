import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import express from "express";
import { Hono } from "hono";
import { mount } from "hono/mount";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { agent, connect, createFleet, defineFleet, message } from "../../src/index.ts";

const greeting = message("greeting", z.object({ who: z.string() }));
const greet = agent({
  name: "greet",
  input: z.object({ who: z.string() }),
  output: z.object({ text: z.string() }),
  async run({ who }, ctx) {
    ctx.emit(greeting, { who });
    return { text: `hello ${who}` };
  },
});
const config = defineFleet({ definitions: [greet], server: { basePath: "/flotilla" } });
type Fetch = Awaited<ReturnType<typeof open>>["fetch"];
const open = () => createFleet(config);

/** Servers that are there already, each with the fleet under a path of theirs. */
const hosts: readonly (readonly [string, (fetch: Fetch) => Server])[] = [
  [
    "Hono, which cuts its path off",
    (fetch) => {
      const app = new Hono();
      app.get("/", (c) => c.text("the host"));
      app.all("/flotilla/*", mount(fetch));
      return serverOf(app);
    },
  ],
  [
    "Hono, which leaves it",
    (fetch) => {
      const app = new Hono();
      app.get("/", (c) => c.text("the host"));
      app.all("/flotilla/*", (c) => fetch(c.req.raw, c.env));
      return serverOf(app);
    },
  ],
  [
    "Express 5",
    (fetch) => {
      const app = express();
      app.get("/", (_, reply) => void reply.send("the host"));
      app.use("/flotilla", (request, reply) => void getRequestListener(fetch)(request, reply));
      return createServer(app);
    },
  ],
];

function serverOf(app: Hono): Server {
  return createServer((request, reply) => void getRequestListener(app.fetch)(request, reply));
}

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe.each(hosts)("mounted into %s", (_, host) => {
  test("a client works through it, and the host goes on", async () => {
    await using fleet = await open();
    const server = host(fleet.fetch);
    try {
      const url = await listening(server);
      const { token } = await fleet.tokens.create({ name: "t", role: "submitter" });
      await using far = connect<typeof config>(`${url}/flotilla`, { token });
      const run = await far.start("greet", { who: "Ada" });
      expect(await run.result()).toEqual({ text: "hello Ada" });
      const events: string[] = [];
      for await (const e of run.events()) events.push(e.type);
      expect(events).toEqual(["run.started", "custom", "run.finished"]);
      expect(await (await fetch(url)).text()).toBe("the host");
      const started = await fetch(`${url}/flotilla/api/v1/runs`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}` },
        body: JSON.stringify({ name: "greet", input: { who: "Bob" } }),
      });
      const { id } = (await started.json()) as { id: string };
      expect([started.status, started.headers.get("location")]).toEqual([201, `/flotilla/api/v1/runs/${id}`]);
      const refused = await fetch(`${url}/flotilla/api/v1/runs`);
      expect([refused.status, await refused.json()]).toMatchObject([401, { code: "FLOTILLA_UNAUTHENTICATED" }]);
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });
});

describe("fleet.fetch by itself", () => {
  test("is a route handler, as Next and others have them", async () => {
    await using fleet = await open();
    const { token } = await fleet.tokens.create({ name: "t", role: "viewer" });
    const headers = { authorization: `Bearer ${token}` };
    const GET = (request: Request) => fleet.fetch(request);
    expect((await GET(new Request("https://app.example.com/flotilla/api/v1/health", { headers }))).status).toBe(200);
    expect((await GET(new Request("https://app.example.com/flotilla/api/v1/health"))).status).toBe(401);
    expect((await GET(new Request("https://app.example.com/flotilla/metrics", { headers }))).status).toBe(403);
  });

  test("a fleet that closes ends what waits", async () => {
    const fleet = await createFleet({ definitions: [greet], workers: { count: 0 } });
    const { token } = await fleet.tokens.create({ name: "t", role: "submitter" });
    const { id } = await fleet.start(greet, { who: "Ada" });
    const headers = { authorization: `Bearer ${token}` };
    const polled = fleet.fetch(new Request(`http://localhost/api/v1/runs/${id}/outcome`, { headers }));
    await new Promise((resolve) => setImmediate(resolve));
    await fleet.close();
    expect((await polled).status).toBe(503);
  });
});
