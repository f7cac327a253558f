import { describe, expect, it } from "vitest";
import { approvalView, healthView, fakeOrchestrator, runView, secret, taskDetail } from "../../test/cli/fake-api.ts";
import { FlotillaError } from "../core/error.ts";
import { systemClock, type Clock } from "../core/clock.ts";
import type { Access } from "../protocol/access.ts";
import { Gate } from "./access/gate.ts";
import { createApp } from "./app.ts";

const post = (body: unknown): RequestInit => ({ method: "POST", body: typeof body === "string" ? body : JSON.stringify(body) });

function world(o: Parameters<typeof createApp>[1] = {}) {
  const fake = fakeOrchestrator();
  const app = createApp(fake.api, o);
  const ask = async (path: string, init?: RequestInit) => {
    const reply = await app.request(path, init);
    return { status: reply.status, headers: reply.headers, body: (await reply.json()) as Record<string, unknown> };
  };
  return { fake, app, ask };
}

describe("POST /api/v1/runs", () => {
  it("answers 201 and where the run is, then 200 for the same key", async () => {
    const { ask, fake } = world();
    const body = { name: "review-all", input: { b: 1, a: 2 }, idempotencyKey: "k" };
    const first = await ask("/api/v1/runs", post(body));
    expect([first.status, first.headers.get("location")]).toEqual([201, `/api/v1/runs/${runView().id}`]);
    expect((await ask("/api/v1/runs", post(body))).status).toBe(200);
    // The hash is of the canonical input, as a client with the code computes it.
    expect(fake.started[0]?.inputHash).toHaveLength(22);
  });

  it.each([
    ["not JSON", "{oops", "body", "it is not JSON"],
    ["no object", [1], "body", "expected object"],
    ["no name", { input: 1 }, "body.name", "expected string"],
    ["a misspelt field", { name: "a", idempotencykey: "k" }, "body", "idempotencykey"],
    ["a bad tag", { name: "a", tags: ["x", 5] }, "body.tags[1]", "expected string"],
    ["a bad priority", { name: "a", priority: "urgent" }, "body.priority", "high"],
    ["an instant that is none", { name: "a", startAt: "soon" }, "body.startAt", "ISO"],
    ["a ttl of nothing", { name: "a", ttlMs: 0 }, "body.ttlMs", ">=1"],
    ["a negative delay", { name: "a", delayMs: -1 }, "body.delayMs", ">=0"],
    ["nothing at all", "", "body.name", "expected string"],
  ])("refuses %s with the path of the field", async (_, body, field, problem) => {
    const { ask, fake } = world();
    const { status, body: error } = await ask("/api/v1/runs", post(body));
    expect([status, error["code"]]).toEqual([400, "FLOTILLA_CONFIG_INVALID"]);
    expect(error["details"]).toMatchObject({ field, problem: expect.stringContaining(problem) as string });
    expect(fake.started).toEqual([]);
  });

  it("stops reading a body at the cap, also when its length is not told", async () => {
    const { ask } = world({ bodyBytesMax: 100 });
    const long = post({ name: "a", input: "x".repeat(200) });
    expect(await ask("/api/v1/runs", long)).toMatchObject({ status: 413, body: { code: "FLOTILLA_TOO_LARGE" } });
    const endless = new ReadableStream({ pull: (c) => c.enqueue(new Uint8Array(64)) });
    expect(await ask("/api/v1/runs", { method: "POST", body: endless, duplex: "half" } as RequestInit)).toMatchObject({
      status: 413,
    });
  });

  it("refuses what is too deep to be handled, and takes what is not", async () => {
    const { ask, fake } = world();
    const deep = (n: number) => `{"name":"a","idempotencyKey":"k","input":${"[".repeat(n)}"]]]\\""${"]".repeat(n)}}`;
    for (const n of [200, 100_000]) {
      const { status, body } = await ask("/api/v1/runs", post(deep(n)));
      expect([status, body["code"], body["details"]]).toMatchObject([422, "FLOTILLA_TOO_MANY", { what: "levels of the body" }]);
    }
    expect(fake.started).toEqual([]);
    expect((await ask("/api/v1/runs", post(deep(199)))).status).not.toBe(422);
    // Brackets of a text are none.
    expect((await ask("/api/v1/runs", post({ name: "review-all", input: "[".repeat(500) }))).status).toBe(201);
  });

  it("refuses input that does not fit the card, and stores nothing", async () => {
    const { ask, fake } = world();
    const inputSchema = { type: "object", properties: { who: { type: "string" } }, required: ["who"] };
    fake.putDefinition({ name: "greet", kind: "agent", description: "", inputSchema });
    for (const input of [{ who: 5 }, undefined]) {
      const { status, body } = await ask("/api/v1/runs", post({ name: "greet", input }));
      expect([status, body["code"]]).toEqual([400, "FLOTILLA_INPUT_INVALID"]);
    }
    const { body } = await ask("/api/v1/runs", post({ name: "greet", input: { who: 5 } }));
    expect(body["details"]).toMatchObject({ issues: [{ path: ["who"] }] });
    expect(fake.started).toEqual([]);
    expect((await ask("/api/v1/runs", post({ name: "greet", input: { who: "Ada" } }))).status).toBe(201);
    expect((await ask("/api/v1/definitions/greet")).body).toMatchObject({ kind: "agent", inputSchema });
  });

  it("tells an unknown name, and what is known", async () => {
    const { status, body } = await world().ask("/api/v1/runs", post({ name: "nobody" }));
    expect([status, body["code"], body["why"]]).toEqual([
      422,
      "FLOTILLA_UNKNOWN_DEFINITION",
      expect.stringContaining("review-all"),
    ]);
  });
});

describe("queries", () => {
  it.each(["limit=0", "limit=501", "limit=ten", "status=done", "colour=red"])("refuses %s", async (query) => {
    expect(await world().ask(`/api/v1/runs?${query}`)).toMatchObject({ status: 400, body: { code: "FLOTILLA_CONFIG_INVALID" } });
  });
});

describe("GET /api/v1/runs/:id/outcome", () => {
  it("answers 202 when the time is up and the run goes on", async () => {
    const fired = Promise.withResolvers<() => void>();
    const clock: Clock = {
      now: () => 0,
      elapsedMs: () => 0,
      after: (ms, fn) => (fired.resolve(fn), expect(ms).toBe(1_000), { cancel: () => {} }),
    };
    const { ask, fake } = world({ clock });
    fake.putRun(runView());
    const waiting = ask(`/api/v1/runs/${runView().id}/outcome?waitMs=1000`);
    (await fired.promise)();
    expect(await waiting).toMatchObject({ status: 202, body: { status: "running" } });
  });

  it("gives the value as JSON, not as text of JSON", async () => {
    const { ask, fake } = world();
    fake.finish(runView(), { status: "succeeded", value: '{"n":1}', error: null });
    expect((await ask(`/api/v1/runs/${runView().id}/outcome`)).body).toEqual({
      status: "succeeded",
      value: { n: 1 },
      error: null,
    });
  });
});

describe("runs that go on from others", () => {
  const task = taskDetail({ state: "failed", name: "review" });
  const open = () => {
    const opened = world();
    opened.fake.putRun(runView({ id: `r_${secret}9`, status: "failed" }));
    opened.fake.putTask(task);
    return opened;
  };

  it.each([
    ["repair", `runs/r_${secret}9/repair`, ""],
    ["fork", `tasks/${task.id}/fork`, { input: { n: 2 } }],
    ["redrive", `tasks/${task.id}/redrive`, {}],
  ])("%s answers as a start does", async (how, path, body) => {
    const { ask, fake } = open();
    const reply = await ask(`/api/v1/${path}`, post(body));
    const { id } = reply.body as { id: string };
    expect(reply).toMatchObject({ status: 201, body: { existing: false } });
    expect(reply.headers.get("location")).toBe(`/api/v1/runs/${id}`);
    expect((await fake.api.run(id)).origin?.how).toBe(how);
  });

  it.each([
    [`runs/r_${secret}9/repair`, { input: 1 }, "body"],
    [`tasks/${task.id}/fork`, {}, "body.input"],
    [`tasks/${task.id}/fork`, { input: 1, key: "x" }, "body"],
    [`tasks/${task.id}/redrive`, { force: true }, "body"],
  ])("%s refuses %j", async (path, body, field) => {
    const { ask, fake } = open();
    expect(await ask(`/api/v1/${path}`, post(body))).toMatchObject({ status: 400, body: { details: { field } } });
    expect(fake.started).toEqual([]);
  });

  it("a fork's input is checked with the definition's schema before anything is stored", async () => {
    const { ask, fake } = open();
    const inputSchema = { type: "object", properties: { n: { type: "number" } }, required: ["n"] };
    fake.putDefinition({ name: "review", kind: "agent", description: "", inputSchema });
    const reply = await ask(`/api/v1/tasks/${task.id}/fork`, post({ input: { n: "two" } }));
    expect(reply).toMatchObject({ status: 400, body: { code: "FLOTILLA_INPUT_INVALID" } });
    expect(fake.started).toEqual([]);
  });

  it("what cannot be done again is a conflict, what is not there is not found", async () => {
    const { ask, fake } = open();
    fake.putRun(runView({ status: "succeeded" }));
    expect(await ask(`/api/v1/runs/${runView().id}/repair`, post(""))).toMatchObject({ status: 409 });
    expect(await ask("/api/v1/tasks/t_nobody/redrive", post(""))).toMatchObject({ status: 404 });
  });
});

describe("messages, queries and approvals", () => {
  const run = `/api/v1/runs/${runView().id}`;
  const approval = `/api/v1/approvals/${approvalView().id}`;

  it("answer over HTTP", async () => {
    const { ask, fake } = world();
    fake.putRun(runView());
    fake.putAnswer(runView().id, "progress", '{"done":1}');
    fake.putApproval(approvalView({ value: { to: "a" }, valueSchema: { type: "object" } }));
    expect(await ask(`${run}/messages`, post({ name: "go" }))).toMatchObject({
      status: 202,
      body: { message: "go", stored: true },
    });
    expect(fake.sent).toEqual([{ id: runView().id, name: "go", value: "null" }]);
    expect(await ask(`${run}/query/progress`)).toMatchObject({ status: 200, body: { done: 1 } });
    expect((await ask("/api/v1/approvals?limit=1")).body).toMatchObject({ items: [{ id: approvalView().id }], next: null });
    expect((await ask(approval)).body).toMatchObject({ title: "Send the mail?", state: "open" });
    expect(await ask(`${approval}/approve`, post(""))).toMatchObject({ status: 200, body: { state: "approved" } });
    expect(await ask(`${approval}/reject`, post({ reason: "late" }))).toMatchObject({
      status: 409,
      body: { code: "FLOTILLA_TOO_LATE" },
    });
  });

  it.each([
    ["messages", { value: 1 }, "body.name"],
    ["messages", { name: "a", text: "x" }, "body"],
    ["messages", { name: "a", key: "" }, "body.key"],
  ])("%s refuses %j", async (path, body, field) => {
    const { ask, fake } = world();
    fake.putRun(runView());
    const reply = await ask(`${run}/${path}`, post(body));
    expect(reply).toMatchObject({ status: 400, body: { code: "FLOTILLA_CONFIG_INVALID", details: { field } } });
    expect(fake.sent).toEqual([]);
  });

  it.each([
    ["approve", { comment: "x" }, "body"],
    ["approve", { by: 5 }, "body.by"],
    ["approve", { note: "x".repeat(513) }, "body.note"],
    ["reject", {}, "body.reason"],
    ["reject", { reason: "x", value: 1 }, "body"],
  ])("%s refuses %j", async (path, body, field) => {
    const { ask, fake } = world();
    fake.putApproval(approvalView());
    const reply = await ask(`${approval}/${path}`, post(body));
    expect(reply).toMatchObject({ status: 400, body: { code: "FLOTILLA_CONFIG_INVALID", details: { field } } });
    expect(fake.answered).toEqual([]);
  });

  it("tell code that takes too long to answer from a run that is not there", async () => {
    const { fake } = world();
    const late = new FlotillaError("FLOTILLA_TIMEOUT", { after: "query" });
    const app = createApp({ ...fake.api, query: () => Promise.reject(late) });
    expect((await app.request(`${run}/query/a`)).status).toBe(504);
    expect((await world().ask(`${run}/query/a`)).status).toBe(404);
  });
});

describe("errors", () => {
  it("names the routes when there is none", async () => {
    const { status, body } = await world().ask("/api/v1/nothing");
    expect([status, body["fix"]]).toEqual([404, [expect.stringContaining("GET /api/v1/runs/:id")]]);
  });

  it("keeps stacks inside", async () => {
    const { fake } = world();
    const app = createApp({ ...fake.api, workers: () => Promise.reject(new Error("boom")) });
    const reply = await app.request("/api/v1/workers");
    expect([reply.status, await reply.json()]).toEqual([500, { code: "ERROR", name: "Error", message: "boom" }]);
  });

  it("refuses a cursor that is none, wherever it stands", async () => {
    const { ask, fake } = world();
    fake.putRun(runView());
    const path = `/api/v1/runs/${runView().id}/events`;
    const refused = { status: 400, body: { code: "FLOTILLA_CONFIG_INVALID", details: { field: "query.after" } } };
    expect(await ask(`${path}?after=abc`)).toMatchObject(refused);
    expect(await ask(path, { headers: { "last-event-id": "-1" } })).toMatchObject(refused);
  });

  it("answers an unknown run's events with 404 and opens no stream", async () => {
    expect(await world().ask("/api/v1/runs/r_x/events")).toMatchObject({ status: 404, body: { code: "FLOTILLA_NOT_FOUND" } });
  });
});

describe("probes", () => {
  it("are ready while the store answers, and alive in any case", async () => {
    const { fake } = world();
    const full = new FlotillaError("FLOTILLA_STORE_FULL", { path: "a.db" });
    const app = createApp({ ...fake.api, health: () => Promise.reject(full) });
    expect((await app.request("/livez")).status).toBe(200);
    const ready = await app.request("/readyz");
    expect([ready.status, await ready.json()]).toEqual([
      503,
      { ready: false, error: expect.objectContaining({ code: "FLOTILLA_STORE_FULL" }) as unknown },
    ]);
  });

  it("tell a stranger nothing of where the store is", async () => {
    const { fake } = world();
    const cause = new Error("connect ECONNREFUSED 10.0.0.7:5432");
    const details = { path: "postgres://fleet@10.0.0.7/flotilla", problem: cause.message };
    const away = new FlotillaError("FLOTILLA_STORE_UNREACHABLE", details, { cause });
    const sites = { hosts: null, origins: [] };
    const gate = new Gate({ access: {} as Access, sites, requestsPerMinute: 60, clock: systemClock });
    const knock = () => ({ header: () => undefined, address: undefined, secure: false });
    const app = createApp({ ...fake.api, health: () => Promise.reject(away) }, { entrance: { gate, sites, knock } });
    const ready = await app.request("/readyz");
    const text = await ready.text();
    expect([ready.status, text.includes("FLOTILLA_STORE_UNREACHABLE")]).toEqual([503, true]);
    expect(text).not.toContain("10.0.0.7");
  });

  it("answer at the root and under the version", async () => {
    const { ask } = world();
    for (const base of ["", "/api/v1"]) {
      expect((await ask(`${base}/readyz`)).body).toEqual({ ready: true });
      expect((await ask(`${base}/version`)).body).toMatchObject({ version: healthView().version, api: "v1" });
    }
  });
});

describe("PUT /api/v1/schedules/:name", () => {
  const put = (body: unknown): RequestInit => ({ ...post(body), method: "PUT" });

  it("takes what fits the target's card, and refuses what does not before it is stored", async () => {
    const { ask, fake } = world();
    const inputSchema = { type: "object", properties: { who: { type: "string" } }, required: ["who"] };
    fake.putDefinition({ name: "greet", kind: "agent", description: "", inputSchema });
    const refused = await ask("/api/v1/schedules/s", put({ target: "greet", everyMs: 60_000, input: { who: 5 } }));
    expect([refused.status, refused.body["code"]]).toEqual([400, "FLOTILLA_INPUT_INVALID"]);
    expect((await ask("/api/v1/schedules/s")).status).toBe(404);
    const stored = await ask("/api/v1/schedules/s", put({ target: "greet", everyMs: 60_000, input: { who: "Ada" } }));
    expect(stored).toMatchObject({ status: 200, body: { name: "s", target: "greet", everyMs: 60_000 } });
    const triggered = await ask("/api/v1/schedules/s/trigger", post({}));
    expect([triggered.status, triggered.headers.get("location")]).toEqual([201, `/api/v1/runs/${runView().id}`]);
    expect(await ask("/api/v1/schedules/s", { method: "DELETE" })).toMatchObject({ status: 200, body: { deleted: true } });
  });

  it.each([
    ["no target", { cron: "* * * * *" }, "body.target"],
    ["a misspelt field", { target: "greet", timezone: "UTC" }, "body"],
    ["an interval below a second", { target: "greet", everyMs: 10 }, "body.everyMs"],
    ["an unknown policy", { target: "greet", everyMs: 1_000, onMissed: "some" }, "body.onMissed"],
  ])("refuses %s with the path of the field", async (_, body, field) => {
    const { ask } = world();
    expect(await ask("/api/v1/schedules/s", put(body))).toMatchObject({ status: 400, body: { details: { field } } });
  });
});
