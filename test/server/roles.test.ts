import { describe, expect, test } from "vitest";
import { mayAct, roles } from "../../src/core/role.ts";
import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import { probes, routes } from "../../src/server/routes.ts";
import { makeThings, openDoor, pathOf, type Answer, type Ask, type Door, type Things } from "./door.ts";

/** A body with which a route has something to do. */
const bodies: Readonly<Record<string, unknown>> = {
  "POST /runs": { name: "work", input: {} },
  "POST /runs/:id/messages": { name: "m", value: 1 },
  "POST /tasks/:id/fork": { input: {} },
  "POST /approvals/:id/reject": { reason: "no" },
  "PUT /schedules/:name": { target: "work", everyMs: 120_000 },
  "POST /tokens": { name: "t", role: "viewer" },
  "POST /workers/drain": { build: "nobody" },
  "POST /workers/resume": { build: "nobody" },
  "POST /purge": { tenant: "nobody" },
  "POST /backup": { folder: "relative" },
  "POST /bulk/count": { action: "cancel", where: { name: "flow" } },
  // Of a stranger there is none: what was counted elsewhere is not done here.
  "POST /bulk": { action: "cancel", where: { name: "flow" }, expect: 0 },
  "POST /bulk/purge": { where: { name: "flow", status: ["succeeded"] }, expect: 0 },
};

const all = [...routes, ...probes];
const closed = all.filter((r) => r.least !== null);
const nameOf = (r: (typeof all)[number]) => `${r.method} ${r.path}`;
const ask = (door: Door, r: (typeof all)[number], things: Things, o: Ask) => {
  const body = bodies[nameOf(r)];
  const asked = door.ask(r.method, pathOf(r.path, things), body === undefined ? o : { ...o, body });
  // A query is put to code that does not answer here; an open stream and a long poll end by their clock.
  for (let i = 0; i < 3; i++) setImmediate(() => door.world.clock.advance(30_000));
  return asked;
};

describe.each(closed.map((r) => [nameOf(r), r] as const))("%s", (_, route) => {
  test.each(roles)("asked by a %s", async (role) => {
    await using door = await openDoor();
    const things = await makeThings(door, await door.token("admin"));
    // Of every namespace, so that its role alone decides.
    const token = await door.token(role, "*");
    if (route.type === "text/event-stream") await door.world.orchestrator.cancel(things.run, "so that it ends");
    const { status, body } = await ask(door, route, things, { token });
    const allowed = mayAct(role, route.least ?? "viewer");
    const refusal = { what: `${route.method} /api/v1${route.path}`, needs: `the role ${route.least}` };
    expect([status === 403, body?.code === "FLOTILLA_FORBIDDEN"]).toEqual([!allowed, !allowed]);
    expect(allowed ? refusal : body.details).toEqual(refusal);
    // Code that does not answer a query is late (504), and nothing is ever unforeseen.
    expect([401, 500]).not.toContain(status);
  });

  test("asked without a token that counts", async () => {
    await using door = await openDoor();
    const things = await makeThings(door, await door.token("admin"));
    const { tokens } = door.world.orchestrator;
    const revoked = await tokens.create({ name: "r", role: "admin", namespace: "*" });
    const expired = await tokens.create({
      name: "e",
      role: "admin",
      namespace: "*",
      expiresAt: new Date(door.world.clock.now() + 1_000).toISOString(),
    });
    const revokedText = revoked.token;
    expect((await door.ask("GET", "health", { token: revokedText })).status).toBe(200);
    await tokens.revoke(revoked.id);
    door.world.clock.advance(2_000);
    const before = JSON.stringify((await door.world.orchestrator.runs({})).items);
    const never = `flt_${"0".repeat(52)}`;
    for (const token of [undefined, "", "flt_", "nonsense", never, expired.token, revokedText, `${revokedText}x`]) {
      const { status, body, headers } = await ask(door, route, things, { token });
      expect([token, status, body.code]).toEqual([token, 401, "FLOTILLA_UNAUTHENTICATED"]);
      expect(headers.get("www-authenticate")).toBe("Bearer");
    }
    expect(JSON.stringify((await door.world.orchestrator.runs({})).items)).toBe(before);
  });

  test("asked from another namespace", async () => {
    await using door = await openDoor();
    const things = await makeThings(door, await door.token("admin"));
    const token = await door.token("admin", "stranger");
    const foreign = await ask(door, route, things, { token });
    await (route.scope === "fleet" ? expectForbidden : namesThings(route) ? expectNothing : expectOwn)({
      door,
      route,
      things,
      token,
      foreign,
    });
    // And nothing of it has changed.
    expect((await door.world.orchestrator.run(things.run)).status).toBe("running");
    expect((await door.world.orchestrator.approval(things.approval)).state).toBe("open");
    expect((await door.world.orchestrator.schedules.get("nightly")).everyMs).toBe(60_000);
    // Nor may it be named.
    const named = await ask(door, route, things, { token, headers: { "flotilla-namespace": "default" } });
    expect([named.status, named.body.code]).toEqual([404, "FLOTILLA_NOT_FOUND"]);
  });
});

interface Foreign {
  readonly door: Door;
  readonly route: (typeof all)[number];
  readonly things: Things;
  readonly token: string;
  readonly foreign: Answer;
}

function namesThings({ path, method }: (typeof all)[number]): boolean {
  return /:(?:id|ref)/.test(path) || (path.startsWith("/schedules/:name") && method !== "PUT");
}

async function expectForbidden({ foreign }: Foreign): Promise<void> {
  expect([foreign.status, foreign.body.code]).toEqual([403, "FLOTILLA_FORBIDDEN"]);
}

/** As if it did not exist: to the letter what a thing gives that does not. */
async function expectNothing({ door, route, things, token, foreign }: Foreign): Promise<void> {
  const nothing = await ask(door, route, missing(things), { token });
  expect([foreign.status, foreign.body.code]).toEqual([404, "FLOTILLA_NOT_FOUND"]);
  expect({ status: foreign.status, text: masked(foreign.text) }).toEqual({ status: nothing.status, text: masked(nothing.text) });
}

/** Its own, in which there is nothing of the other one's. */
async function expectOwn({ route, things, foreign }: Foreign): Promise<void> {
  expect(foreign.status).toBeLessThan(300);
  // Who puts a schedule of that name is told of the one just put.
  const told = route.method === "PUT" ? foreign.text.replaceAll("nightly", "") : foreign.text;
  for (const secret of [things.run, things.task, things.approval, things.artifact, "nightly"]) expect(told).not.toContain(secret);
}

/** Things of the same shape that nobody has. */
function missing(things: Things): Things {
  const other = (id: string) => `${id.slice(0, 2)}${"0".repeat(26)}${id.slice(28)}`;
  return {
    ...things,
    run: other(things.run),
    task: other(things.task),
    approval: other(things.approval),
    schedule: "nothing",
    artifact: "0".repeat(64),
  };
}

/** Ids differ, and nothing else may. */
function masked(text: string): string {
  return text
    .replaceAll(/[rta]_[0-9a-z]{27,}(?:\.\d+)*/g, "ID")
    .replaceAll(/[0-9a-f]{64}/g, "HASH")
    .replaceAll(/nightly|nothing/g, "NAME");
}

describe("what needs no token", () => {
  test.each(all.filter((r) => r.least === null && r.method === "GET").map((r) => [nameOf(r), r] as const))(
    "%s",
    async (_, route) => {
      await using door = await openDoor();
      for (const path of probes.includes(route) ? [`/api/v1${route.path}`, route.path] : [`/api/v1${route.path}`])
        expect((await door.ask(route.method, path)).status).toBe(200);
    },
  );

  test("is what says nothing of the fleet's work", () => {
    expect(all.filter((r) => r.least === null).map(nameOf)).toEqual([
      // Let in by its signature: test/webhooks.
      "POST /hooks/:name",
      "GET /openapi.json",
      "GET /livez",
      "GET /readyz",
      "GET /version",
    ]);
  });
});

describe("an access to every namespace", () => {
  test("is about the one that its header names", async () => {
    await using door = await openDoor();
    door.world.worker();
    const token = await door.token("admin", "*");
    await door.token("viewer", "team-a");
    const inA = { token, headers: { "flotilla-namespace": "team-a" } };
    const { body } = await door.ask("POST", "runs", { ...inA, body: { name: "work", input: {} } });
    expect((await door.ask("GET", `runs/${body.id}`, inA)).status).toBe(200);
    expect((await door.ask("GET", `runs/${body.id}`, { token })).status).toBe(404);
    expect((await door.ask("GET", "runs", inA)).body.items).toHaveLength(1);
    expect((await door.ask("GET", "runs", { token })).body.items).toHaveLength(0);
    expect((await door.ask("GET", "runs", { token, headers: { "flotilla-namespace": "nobody" } })).status).toBe(404);
    // What is of the whole fleet is so until one is named.
    expect((await door.ask("GET", "health", { token })).body.queue.delayed).toBe(0);
    expect((await door.ask("GET", "health", inA)).body.queue.delayed).toBeNull();
    expect((await door.ask("GET", "tokens", { token })).body.items).toHaveLength(2);
    expect((await door.ask("GET", "tokens", inA)).body.items).toHaveLength(1);
  });
});

describe("tokens over HTTP", () => {
  test("an admin of one namespace makes them for it alone", async () => {
    await using door = await openDoor();
    const token = await door.token("admin", "team-a");
    const made = await door.ask("POST", "tokens", { token, body: { name: "ci", role: "submitter" } });
    expect([made.status, made.body.namespace]).toEqual([201, "team-a"]);
    expect((await door.ask("GET", "health", { token: made.body.token })).status).toBe(200);
    for (const namespace of ["*", "default", "team-b"]) {
      const refused = await door.ask("POST", "tokens", { token, body: { name: "x", role: "viewer", namespace } });
      expect([refused.status, refused.body.code]).toEqual([403, "FLOTILLA_FORBIDDEN"]);
    }
    const others = await door.world.orchestrator.tokens.create({ name: "of b", role: "viewer", namespace: "team-b" });
    expect((await door.ask("DELETE", `tokens/${others.id}`, { token })).status).toBe(404);
    const revoked = await door.ask("DELETE", `tokens/${made.body.id}`, { token });
    expect(revoked.body).toEqual({ id: made.body.id, revoked: true });
    expect((await door.ask("GET", "health", { token: made.body.token })).status).toBe(401);
  });

  test("neither a list nor an error holds a token, and when one was used is told to the minute", async () => {
    await using door = await openDoor();
    const token = await door.token("admin");
    await door.ask("GET", "health", { token });
    door.world.clock.advance(30_000);
    await door.ask("GET", "health", { token });
    const { text, body } = await door.ask("GET", "tokens", { token });
    expect(text).not.toContain("flt_");
    expect(body.items[0].lastUsedAt).toBe(body.items[0].createdAt);
    door.world.clock.advance(31_000);
    await door.ask("GET", "health", { token });
    const later = (await door.ask("GET", "tokens", { token })).body.items[0] as { lastUsedAt: string; createdAt: string };
    expect(Date.parse(later.lastUsedAt) - Date.parse(later.createdAt)).toBe(61_000);
  });

  test("one that another orchestrator revokes opens nothing after five seconds", async () => {
    const store = openSqliteStore({ path: ":memory:" });
    let elsewhere = false;
    const access: typeof store.access = {
      ...store.access,
      async tokenByHash(hash) {
        const row = await store.access.tokenByHash(hash);
        return row && elsewhere ? { ...row, revokedAt: 1 } : row;
      },
    };
    await using door = await openDoor({}, { store: { ...store, access } });
    const token = await door.token("viewer");
    const asked = async () => (await door.ask("GET", "health", { token })).status;
    expect(await asked()).toBe(200);
    elsewhere = true;
    door.world.clock.advance(4_999);
    expect(await asked()).toBe(200);
    door.world.clock.advance(1);
    expect(await asked()).toBe(401);
  });
});
