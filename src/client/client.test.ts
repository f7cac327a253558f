import { describe, expect, test } from "vitest";
import * as z from "zod";
import { declaredError, errorJson, FlotillaError, isFlotillaError, type AnyFlotillaError } from "../core/error.ts";
import type { EventView, OutcomeReply, StartReply, StartRequest } from "../protocol/views.ts";
import { agent } from "./agent.ts";
import { CallableCatalogue } from "./catalogue.ts";
import { fakeSchedules } from "../../test/cli/fake-schedules.ts";
import { createClient, type ClientApi } from "./client.ts";
import { contract } from "./contract.ts";
import { message } from "./message.ts";

const greet = agent({ name: "greet", input: z.object({ who: z.string() }), run: ({ who }) => ({ text: `Hello, ${who}` }) });
const slow = agent({
  name: "slow",
  input: z.object({ n: z.number().refine(async (n) => n > 0, "must be above 0") }),
  run: ({ n }) => n,
});
const when = agent({ name: "when", input: z.object({ n: z.string().transform(Number) }), run: ({ n }) => n });
const Tree = contract({ name: "tree", input: z.object({}), output: z.object({ n: z.int() }) });
const treeA = Tree.agent({ name: "tree.a", run: () => ({ n: 1 }) });

interface Fake extends ClientApi {
  readonly batches: (readonly StartRequest[])[];
  readonly canceled: [string, string][];
  outcomes: OutcomeReply[];
  sent: unknown[];
  answered: unknown[];
  asked: number;
  views: EventView[];
  left: boolean;
}

function fakeApi(): Fake {
  const fake: Fake = {
    batches: [],
    canceled: [],
    sent: [],
    answered: [],
    outcomes: [],
    asked: 0,
    views: [],
    left: false,
    start(requests) {
      fake.batches.push(requests);
      return requests.map(async (_, i) => ({
        id: `r_${fake.batches.length}_${i}`,
        existing: false,
        depth: 0,
        pressure: "none" as const,
      }));
    },
    async outcome() {
      fake.asked += 1;
      const reply = fake.outcomes.shift();
      if (!reply) throw new FlotillaError("FLOTILLA_UNREACHABLE", { target: "nowhere" });
      return reply;
    },
    async cancel(id, reason) {
      fake.canceled.push([id, reason]);
    },
    async send(id, m) {
      fake.sent.push([id, m]);
    },
    query: async (id, name) => JSON.stringify({ id, name }),
    approvals: async () => ({ items: [], next: null }),
    repair: async (id) => ({ id: `${id} repaired`, existing: false, depth: 0, pressure: "none" }),
    fork: async (id, input) => ({ id: `${id} with ${input}`, existing: false, depth: 0, pressure: "none" }),
    redrive: async (id) => ({ id: `${id} again`, existing: false, depth: 0, pressure: "none" }),
    purge: async () => ({ runs: 1, tasks: 2, open: 0 }),
    bulk: () => {
      throw new FlotillaError("FLOTILLA_UNREACHABLE", { target: "nowhere" });
    },
    async approve(id, r) {
      fake.answered.push([id, r]);
    },
    async reject(id, r) {
      fake.answered.push([id, r]);
    },
    async run(id) {
      if (!id.startsWith("r_")) throw new FlotillaError("FLOTILLA_NOT_FOUND", { what: "run", id });
      return { id } as never;
    },
    async *events(_run, o) {
      o.signal?.addEventListener("abort", () => (fake.left = true));
      for (const view of fake.views) if (!o.types || o.types.includes(view.type)) yield view;
    },
    schedules: fakeSchedules(async (name, input) => (await fake.start([{ name, input }])[0]) as StartReply),
  };
  return fake;
}

function open(definitions = [greet, slow, when, treeA] as const) {
  const api = fakeApi();
  return { api, client: createClient<typeof definitions>(api, new CallableCatalogue(definitions), (text) => `hash of ${text}`) };
}

const ended = (status: OutcomeReply["status"], o: { value?: unknown; error?: Error } = {}): OutcomeReply => ({
  status,
  value: o.value === undefined ? null : JSON.stringify(o.value),
  error: o.error ? errorJson(o.error) : null,
});

async function refusal(promise: Promise<unknown>): Promise<AnyFlotillaError> {
  const error: unknown = await promise.then(
    () => undefined,
    (e: unknown) => e,
  );
  if (!isFlotillaError(error)) throw new Error("was not refused", { cause: error });
  return error;
}

describe("start", () => {
  test("starts of one turn are one batch, in order", async () => {
    const { api, client } = open();
    const runs = await Promise.all(["a", "b", "c"].map((who) => client.start(greet, { who })));
    expect(api.batches).toEqual([
      [
        { name: "greet", input: '{"who":"a"}' },
        { name: "greet", input: '{"who":"b"}' },
        { name: "greet", input: '{"who":"c"}' },
      ],
    ]);
    expect(runs.map((r) => r.id)).toEqual(["r_1_0", "r_1_1", "r_1_2"]);
  });

  test("a refused start takes no neighbour with it", async () => {
    const { api, client } = open();
    const [good, bad] = await Promise.allSettled([client.start(greet, { who: "a" }), client.start(greet, { who: 5 as never })]);
    expect([good.status, bad.status]).toEqual(["fulfilled", "rejected"]);
    expect(api.batches[0]).toHaveLength(1);
  });

  test("the input is refused with the path of the field, before anything is sent", async () => {
    const { api, client } = open();
    const error = await refusal(client.start("greet", { who: 5 as never }));
    expect(error.code).toBe("FLOTILLA_INPUT_INVALID");
    expect(error.why).toContain("who: ");
    expect(error.where).toBe('start("greet")');
    expect(error.fix.length).toBeGreaterThan(0);
    expect(api.batches).toEqual([]);
  });

  test("a schema that checks asynchronously is waited for", async () => {
    const { client } = open();
    await client.start(slow, { n: 1 });
    expect((await refusal(client.start(slow, { n: 0 }))).why).toBe("n: must be above 0");
  });

  test("what travels is what the caller gave, not what the schema makes of it", async () => {
    const { api, client } = open();
    await client.start(when, { n: "7" });
    expect(api.batches[0]?.[0]?.input).toBe('{"n":"7"}');
  });

  test("an unknown name is refused with a suggestion", async () => {
    const { client } = open();
    const error = await refusal(client.start("great" as "greet", { who: "a" }));
    expect(error.code).toBe("FLOTILLA_UNKNOWN_DEFINITION");
    expect(error.fix).toEqual(['did you mean "greet"?']);
  });

  test("a contract can be started when something implements it", async () => {
    const { api, client } = open();
    await client.start(Tree, {});
    expect(api.batches[0]?.[0]?.name).toBe("tree");
  });

  test("values that JSON would change are refused with their path", async () => {
    const client = createClient(fakeApi(), new CallableCatalogue([agent({ name: "any", input: z.any(), run: () => 1 })]), String);
    const error = await refusal(client.start("any" as never, { list: [{ at: 1n }] } as never));
    expect(error.code).toBe("FLOTILLA_VALUE_NOT_JSON");
    expect(error.why).toContain("list[0].at");
    expect((await refusal(client.start("any" as never, undefined as never))).code).toBe("FLOTILLA_VALUE_NOT_JSON");
  });

  test("an input over 1 MiB is refused, counted in bytes", async () => {
    const { client } = open();
    const overhead = '{"who":""}'.length;
    await client.start(greet, { who: "x".repeat(1_048_576 - overhead) });
    expect((await refusal(client.start(greet, { who: "x".repeat(1_048_577 - overhead) }))).code).toBe("FLOTILLA_TOO_LARGE");
    expect((await refusal(client.start(greet, { who: "é".repeat(524_288) }))).code).toBe("FLOTILLA_TOO_LARGE");
  });

  test("options travel; the hash only with a key", async () => {
    const { api, client } = open();
    await client.start(greet, { who: "a" }, { tenant: "t", tags: ["x"], priority: "high", delay: "2s" });
    await client.start(greet, { who: "a" }, { idempotencyKey: "k" });
    const at = new Date("2026-05-01T00:00:00Z");
    await client.start(greet, { who: "a" }, { startAt: at, deadline: "2h", ttl: "1m" });
    await client.start(greet, { who: "a" }, { deadline: at });
    expect(api.batches.flat()).toEqual([
      { name: "greet", input: '{"who":"a"}', tenant: "t", tags: ["x"], priority: "high", delayMs: 2_000 },
      { name: "greet", input: '{"who":"a"}', idempotencyKey: "k", inputHash: 'hash of {"who":"a"}' },
      { name: "greet", input: '{"who":"a"}', startAt: "2026-05-01T00:00:00.000Z", deadlineMs: 7_200_000, ttlMs: 60_000 },
      { name: "greet", input: '{"who":"a"}', deadlineAt: "2026-05-01T00:00:00.000Z" },
    ]);
  });

  test.each([
    [{ idempotencyKey: "" }, 'start("greet").idempotencyKey'],
    [{ idempotencyKey: "k".repeat(513) }, 'start("greet").idempotencyKey'],
    [{ idempotencyKey: "\ud800" }, 'start("greet").idempotencyKey'],
    [{ tags: Array.from({ length: 33 }, String) }, 'start("greet").tags'],
    [{ tags: ["ok", "t".repeat(129)] }, 'start("greet").tags[1]'],
    [{ priority: "urgent" }, 'start("greet").priority'],
    [{ delay: "soon" }, 'start("greet").delay'],
    [{ delay: "1s", startAt: new Date() }, 'start("greet").startAt'],
    [{ startAt: "2026-05-01" }, 'start("greet").startAt'],
    [{ deadline: new Date("x") }, 'start("greet").deadline'],
    [{ deadline: "0s" }, 'start("greet").deadline'],
    [{ deadline: 5 }, 'start("greet").deadline'],
    [{ ttl: "0s" }, 'start("greet").ttl'],
    [{ prio: "high" }, 'start("greet").prio'],
  ])("option %o is refused", async (options, field) => {
    const { client } = open();
    const error = await refusal(client.start(greet, { who: "a" }, options as never));
    expect(error).toMatchObject({ code: "FLOTILLA_CONFIG_INVALID", details: { field } });
  });

  test("a budget is refused, not ignored", async () => {
    const { client } = open();
    expect((await refusal(client.start(greet, { who: "a" }, { budget: { usd: 1 } }))).code).toBe("FLOTILLA_NOT_SUPPORTED");
  });

  test("an orchestrator that throws refuses every start of the batch", async () => {
    const { api, client } = open();
    api.start = () => {
      throw new FlotillaError("FLOTILLA_CLOSED", { what: "the fleet" });
    };
    const both = await Promise.allSettled([client.start(greet, { who: "a" }), client.start(greet, { who: "b" })]);
    expect(both.map((r) => r.status)).toEqual(["rejected", "rejected"]);
  });
});

describe("a run", () => {
  test("gives its value", async () => {
    const { api, client } = open();
    api.outcomes = [ended("succeeded", { value: { text: "hi" } })];
    expect(await client.run(greet, { who: "a" })).toEqual({ text: "hi" });
  });

  test("is asked for its end once, and again when asking failed", async () => {
    const { api, client } = open();
    const run = await client.get("r_1");
    expect((await refusal(run.result())).code).toBe("FLOTILLA_UNREACHABLE");
    api.outcomes = [ended("succeeded", { value: 1 })];
    expect([await run.result(), await run.result(), (await run.outcome()).status]).toEqual([1, 1, "succeeded"]);
    expect(api.asked).toBe(2);
  });

  test("throws what failed, with its cause", async () => {
    const { api, client } = open();
    const cause = new TypeError("no network");
    api.outcomes = [
      ended("failed", {
        error: new FlotillaError("FLOTILLA_AGENT_FAILED", { agent: "greet", task: "t_1", attempts: 3 }, { cause }),
      }),
    ];
    const error = await refusal(client.run(greet, { who: "a" }));
    expect(error).toMatchObject({
      code: "FLOTILLA_AGENT_FAILED",
      details: { attempts: 3 },
      cause: { name: "TypeError", message: "no network" },
    });
  });

  test("throws a declared error as itself", async () => {
    const { api, client } = open();
    api.outcomes = [ended("failed", { error: declaredError("Unreadable", { path: "a" }) })];
    await expect(client.run(greet, { who: "a" })).rejects.toMatchObject({
      code: "FLOTILLA_DECLARED",
      name: "Unreadable",
      data: { path: "a" },
    });
  });

  test("gives every end as a value", async () => {
    const { api, client } = open();
    const run = async (reply: OutcomeReply) => {
      api.outcomes = [reply];
      return (await client.get("r_1")).outcome();
    };
    expect(await run(ended("succeeded", { value: null }))).toEqual({ status: "succeeded", value: null });
    expect(await run(ended("partial", { value: 1 }))).toEqual({ status: "partial", value: 1, gaps: [] });
    expect(await run(ended("canceled", { error: new FlotillaError("FLOTILLA_CANCELED", { by: "me" }) }))).toMatchObject({
      status: "canceled",
      error: { details: { by: "me" } },
    });
  });

  test("that is not there is refused", async () => {
    expect((await refusal(open().client.get("nope"))).code).toBe("FLOTILLA_NOT_FOUND");
  });

  test("is canceled with a reason", async () => {
    const { api, client } = open();
    const run = await client.start(greet, { who: "a" });
    await run.cancel("no longer wanted");
    await run.cancel();
    expect(api.canceled).toEqual([
      [run.id, "no longer wanted"],
      [run.id, "canceled by the caller"],
    ]);
  });

  test("what comes later is refused, with what to do instead", async () => {
    const { client } = open();
    const run = await client.get("r_1");
    for (const call of [run.pause(), run.resume()]) {
      expect((await refusal(call)).code).toBe("FLOTILLA_NOT_SUPPORTED");
    }
  });
});

describe("messages, queries, approvals", () => {
  const note = message("note", z.object({ at: z.coerce.date() }));

  test("a message travels as JSON, checked as it arrives", async () => {
    const { client, api } = open();
    const run = await client.get("r_1");
    await run.send(note, { at: new Date(0) }, { idempotencyKey: "k" });
    expect(api.sent).toEqual([["r_1", { name: "note", value: '{"at":"1970-01-01T00:00:00.000Z"}', key: "k" }]]);
    expect((await refusal(run.send(note, { at: "never" }))).code).toBe("FLOTILLA_INPUT_INVALID");
    expect((await refusal(run.send("note" as never, 1))).code).toBe("FLOTILLA_CONFIG_INVALID");
    expect(api.sent).toHaveLength(1);
  });

  test("a query gives what the code answered", async () => {
    expect(await (await open().client.get("r_1")).query("state")).toEqual({ id: "r_1", name: "state" });
  });

  test("an answer goes with its value as JSON text, or without one", async () => {
    const { client, api } = open();
    await client.approvals.approve("a_1", { by: "ada", value: { n: 1 } });
    await client.approvals.approve("a_2");
    await client.approvals.reject("a_3", { reason: "no" });
    expect(api.answered).toEqual([
      ["a_1", { by: "ada", value: '{"n":1}' }],
      ["a_2", {}],
      ["a_3", { reason: "no" }],
    ]);
  });
});

describe("events", () => {
  const view = (type: string, data: unknown): EventView => ({
    type,
    data,
    cursor: "1",
    at: "2026-01-01T00:00:00.000Z",
    runId: "r_1",
  });
  const found = message("finding", z.object({ rule: z.string() }));

  test("refuse a cursor that is none before anything is asked", async () => {
    const { api, client } = open();
    const run = await client.get("r_1");
    const read = async (after: string) => {
      for await (const event of run.events({ after })) return event;
      return undefined;
    };
    for (const after of ["abc", "", "-1", "1.5"])
      await expect(read(after)).rejects.toMatchObject({ code: "FLOTILLA_CONFIG_INVALID", details: { field: "events().after" } });
    expect(api.left).toBe(false);
  });

  test("are filtered by type, and a reader that leaves says so", async () => {
    const { api, client } = open();
    api.views = [
      view("run.started", { name: "greet" }),
      view("task.progress", { task: "t", done: 1 }),
      view("task.progress", { task: "t", done: 2 }),
    ];
    const run = await client.get("r_1");
    const done: unknown[] = [];
    for await (const event of run.events({ types: ["task.progress"] })) {
      done.push(event.data.done);
      break;
    }
    expect(done).toEqual([1]);
    expect(api.left).toBe(true);
  });

  test("messages are the emitted values of one message", async () => {
    const { api, client } = open();
    api.views = [
      view("custom", { name: "finding", value: { rule: "a" } }),
      view("custom", { name: "other", value: 1 }),
      view("task.settled", {}),
      view("custom", { name: "finding", value: { rule: "b" } }),
    ];
    const rules: string[] = [];
    for await (const finding of (await client.get("r_1")).messages(found)) rules.push(finding.rule);
    expect(rules).toEqual(["a", "b"]);
  });
});
