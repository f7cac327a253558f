// Runs that start with a user's own transaction: when it commits, and not otherwise; each of them once.
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import pg from "pg";
import * as z from "zod";
import { createFleet, agent, isFlotillaError, type Fleet } from "../../src/index.ts";
import type { AnyCallable } from "../../src/core/definition.ts";
import { numberOf } from "../../src/core/hash.ts";
import { openFleet, type OpenFleet } from "../../src/runtime/create-fleet.ts";
import { systemDeps } from "../../src/runtime/deps.ts";
import { channelOf } from "../../src/store/postgres/hints.ts";
import { begin, type Life } from "../chaos/life.ts";
import { asAdmin, dropSchema, freshUrl, serverUrl } from "../postgres/server.ts";
import { noted } from "./noted.ts";

const double = agent({
  name: "double",
  input: z.object({ n: z.number() }),
  output: z.number(),
  run: async ({ n }) => n * 2,
});
const all = [double, noted] as const;

let url: string;
let schema: string;
let client: pg.Client;
const open: OpenFleet<typeof all>[] = [];
const lives: Life[] = [];

/** One more orchestrator; without `slots` it runs nothing. */
async function peer(name: string, slots = 0): Promise<OpenFleet<typeof all>> {
  const own = new URL(url);
  // The same URL would be the same fleet.
  own.searchParams.set("application_name", name);
  const workers = slots > 0 ? { count: 1, slots } : { count: 0 };
  const opened = await openFleet(
    { definitions: all, store: own.href as `postgres://${string}`, workers },
    { ...systemDeps, log: () => {} },
  );
  open.push(opened);
  return opened;
}

const rows = <T>(text: string, params: unknown[] = []) =>
  asAdmin(async (admin) => (await admin.query(text.replaceAll("$S", schema), params)).rows as T[]);
const count = async (from: string) => Number((await rows<{ n: string }>(`SELECT count(*) AS n FROM ${from}`))[0]?.n);
const emptied = async () => {
  await expect.poll(() => count("$S.outbox"), { timeout: 30_000 }).toBe(0);
};
const error = (promise: Promise<unknown>) =>
  promise.then(
    () => null,
    (e: unknown) => e as { code: string; message: string; details: Record<string, unknown> },
  );

beforeEach(async () => {
  url = await freshUrl("outbox");
  schema = new URL(url).searchParams.get("schema") as string;
  client = new pg.Client({ connectionString: await serverUrl() });
  await client.connect();
});
afterEach(async () => {
  await client.end();
  for (const life of lives.splice(0)) await life.kill();
  for (const { fleet } of open.splice(0)) await fleet.close();
  await dropSchema(url);
});

describe("a start inside a transaction", () => {
  test("is nowhere before the commit, and runs after it, with the business row beside it", async () => {
    const { fleet, orchestrator } = await peer("a", 4);
    await client.query(`CREATE TABLE ${schema}.orders (n int)`);
    await client.query("BEGIN");
    await client.query(`INSERT INTO ${schema}.orders VALUES (21)`);
    const run = await fleet.start(double, { n: 21 }, { tx: client });
    expect(run.id).toMatch(/^r_/);
    expect(run.queued).toBeNull();
    // Others have looked meanwhile, and started and ended something else.
    expect(await fleet.run(double, { n: 1 })).toBe(2);
    expect(await error(fleet.get(run.id))).toMatchObject({ code: "FLOTILLA_NOT_FOUND" });
    expect((await orchestrator.runs({})).items.map((r) => r.id)).not.toContain(run.id);
    expect(await count("$S.outbox")).toBe(0);
    const result = run.result();
    await client.query("COMMIT");
    expect(await result).toBe(42);
    expect((await fleet.get(run.id)).id).toBe(run.id);
    expect(await count("$S.orders")).toBe(1);
    expect(await count("$S.outbox")).toBe(0);
  });

  test("never happens when the transaction is rolled back, and neither does its key", async () => {
    const { fleet, orchestrator } = await peer("a", 4);
    await client.query("BEGIN");
    const run = await fleet.start(double, { n: 1 }, { tx: client, idempotencyKey: "k" });
    await client.query("ROLLBACK");
    await client.query("BEGIN");
    const kept = await fleet.start(double, { n: 5 }, { tx: client, idempotencyKey: "k" });
    await client.query("COMMIT");
    expect(await kept.result()).toBe(10);
    expect(kept.id).not.toBe(run.id);
    expect(await error(fleet.get(run.id))).toMatchObject({ code: "FLOTILLA_NOT_FOUND" });
    expect((await orchestrator.runs({})).items.map((r) => r.id)).toEqual([kept.id]);
  });

  test("keeps what the options say", async () => {
    const { fleet, orchestrator } = await peer("a", 4);
    await client.query("BEGIN");
    const deadline = new Date(Date.now() + 3_600_000);
    const options = { tags: ["x"], tenant: "acme", priority: "high", delay: "1h", deadline: "2h", ttl: "20m" } as const;
    const delayed = await fleet.start(double, { n: 1 }, { tx: client, ...options });
    const dated = await fleet.start(double, { n: 2 }, { tx: client, deadline, startAt: new Date(0) });
    const late = await fleet.start(double, { n: 3 }, { tx: client, deadline: new Date(1) });
    await client.query("COMMIT");
    expect(await dated.result()).toBe(4);
    expect(await late.outcome()).toMatchObject({ status: "failed", error: { code: "FLOTILLA_TIMEOUT" } });
    const view = await orchestrator.run(delayed.id);
    expect(view).toMatchObject({ tenant: "acme", tags: ["x"] });
    const [stored] = await rows<{ prio: number; wait: string; ttl: string }>(
      `SELECT t.prio, d.due_at - t.created_at AS wait, (SELECT e.at - d.due_at FROM $S.expiry e WHERE e.task = t.id AND e.at < d.due_at + 1800000) AS ttl
       FROM $S.delayed d JOIN $S.task t ON t.id = d.task`,
    );
    expect(Number(stored?.wait)).toBeGreaterThan(3_500_000);
    expect(Number(stored?.wait)).toBeLessThanOrEqual(3_600_000);
    expect(Number(stored?.ttl)).toBe(1_200_000);
    expect(await count("$S.expiry")).toBeGreaterThanOrEqual(2);
  });

  test("told at the commit, when that is asked for", async () => {
    const { fleet } = await peer("a");
    const heard: string[] = [];
    const listener = new pg.Client({ connectionString: await serverUrl() });
    await listener.connect();
    try {
      listener.on("notification", (m) => heard.push(m.payload ?? ""));
      await listener.query(`LISTEN ${listener.escapeIdentifier(channelOf(schema))}`);
      const fromTransactions = () => heard.filter((payload) => payload === '{"f":"","m":1}');
      await client.query("BEGIN");
      await fleet.start(double, { n: 1 }, { tx: client });
      await client.query("COMMIT");
      await client.query("BEGIN");
      await fleet.start(double, { n: 1 }, { tx: client, notify: true });
      await listener.query("SELECT 1");
      expect(fromTransactions()).toEqual([]);
      await client.query("COMMIT");
      await expect.poll(() => fromTransactions().length).toBe(1);
      await emptied();
    } finally {
      await listener.end();
    }
  });
});

describe("keys", () => {
  test("the same key in transactions is one run; with another input it is refused before the commit", async () => {
    const { fleet } = await peer("a", 4);
    const key = { idempotencyKey: "order:\u00007" };
    await client.query("BEGIN");
    const first = await fleet.start(double, { n: 7 }, { tx: client, ...key });
    const again = await fleet.start(double, { n: 7 }, { tx: client, ...key });
    expect(again.id).toBe(first.id);
    expect(await error(fleet.start(double, { n: 8 }, { tx: client, ...key }))).toMatchObject({
      code: "FLOTILLA_IDEMPOTENCY_CONFLICT",
      details: { run: first.id },
    });
    await client.query("COMMIT");
    expect(await first.result()).toBe(14);
    await client.query("BEGIN");
    expect((await fleet.start(double, { n: 7 }, { tx: client, ...key })).id).toBe(first.id);
    expect(await error(fleet.start(double, { n: 8 }, { tx: client, ...key }))).toMatchObject({
      code: "FLOTILLA_IDEMPOTENCY_CONFLICT",
    });
    await client.query("COMMIT");
    expect((await fleet.start(double, { n: 7 }, key)).id).toBe(first.id);
    expect(await count("$S.task")).toBe(1);
  });

  test("taken by another start while the transaction was open: stored as failed, and the failure names the run that has it", async () => {
    const { fleet } = await peer("a", 4);
    await client.query("BEGIN");
    const same = await fleet.start(double, { n: 1 }, { tx: client, idempotencyKey: "same" });
    const other = await fleet.start(double, { n: 2 }, { tx: client, idempotencyKey: "other" });
    const takenSame = await fleet.start(double, { n: 1 }, { idempotencyKey: "same" });
    const takenOther = await fleet.start(double, { n: 3 }, { idempotencyKey: "other" });
    await client.query("COMMIT");
    for (const [run, taken, why] of [
      [same, takenSame, "while the transaction of this one was open"],
      [other, takenOther, "a different input"],
    ] as const) {
      const failed = await error(run.result());
      expect(failed).toMatchObject({ code: "FLOTILLA_IDEMPOTENCY_CONFLICT", details: { run: taken.id } });
      expect(failed?.message).toContain(why);
    }
    expect(await takenOther.result()).toBe(6);
    await emptied();
  });
});

describe("what cannot be started after its commit", () => {
  /** As a client of another version might ask it. */
  async function ask(name: string, request: string, namespace = 1): Promise<number> {
    const definition = numberOf(`${namespace} ${name}`);
    const asked = `SELECT task FROM ${schema}.submit($1, $2, $3, NULL, NULL, $4, NULL, NULL)`;
    const { rows: found } = await client.query<{ task: string }>(asked, ["0".repeat(26), namespace, definition, request]);
    return Number(found[0]?.task);
  }
  const failureOf = async (task: number) =>
    (await rows<{ error: string }>("SELECT error FROM $S.outcome WHERE task = $1", [task]))[0]?.error ?? "";

  test("a definition that nobody knows is waited for, then the run is stored as failed; what is unreadable at once", async () => {
    const { fleet } = await peer("a", 4);
    const unknown = await ask("stranger", JSON.stringify({ name: "stranger", input: "1" }));
    const unreadable = await ask("x", "{");
    const wrong = await ask("double", JSON.stringify({ name: "double", input: '{"n":1}', delayMs: -5 }));
    await emptied();
    expect(JSON.parse(await failureOf(unknown))).toMatchObject({
      code: "FLOTILLA_UNKNOWN_DEFINITION",
      details: { name: "stranger" },
    });
    expect(JSON.parse(await failureOf(unreadable))).toMatchObject({ code: "FLOTILLA_UNKNOWN_DEFINITION" });
    expect(JSON.parse(await failureOf(wrong))).toMatchObject({ code: "FLOTILLA_CONFIG_INVALID" });
    expect(await fleet.run(double, { n: 2 })).toBe(4);
  });

  test("while the queue is full the rows wait", async () => {
    const own = new URL(url);
    own.searchParams.set("application_name", "small");
    const store = own.href as `postgres://${string}`;
    const opened = await openFleet(
      { definitions: all, store, workers: { count: 0 }, quotas: { queued: 2 } },
      { ...systemDeps, log: () => {} },
    );
    open.push(opened);
    await client.query("BEGIN");
    for (let n = 0; n < 4; n++) await opened.fleet.start(double, { n }, { tx: client });
    await client.query("COMMIT");
    await expect.poll(() => count("$S.outbox")).toBe(2);
    await peer("b", 4);
    await emptied();
    await expect.poll(() => count("$S.outcome WHERE status = 0")).toBe(4);
  });

  test("a row of another namespace becomes a run there", async () => {
    await peer("a", 4);
    await rows("INSERT INTO $S.namespace (id, name) VALUES (7, 'team')");
    const task = await ask("double", JSON.stringify({ name: "double", input: '{"n":4}' }), 7);
    await expect
      .poll(() => rows("SELECT t.namespace, o.value FROM $S.task t JOIN $S.outcome o ON o.task = t.id WHERE t.id = $1", [task]))
      .toEqual([{ namespace: "7", value: "8" }]);
  });
});

describe("several orchestrators", () => {
  /** Asks for `n` runs in one transaction that is left open. */
  async function askFor(fleet: Fleet<typeof all>, n: number): Promise<string[]> {
    await client.query("BEGIN");
    const runs = await Promise.all(Array.from({ length: n }, (_, i) => fleet.start(noted, { n: i }, { tx: client })));
    return runs.map((run) => run.id);
  }
  const whole = async (n: number) => {
    expect(await count("$S.task")).toBe(n);
    expect(await count("$S.outcome WHERE status = 0")).toBe(n);
    const inputs = await rows<{ input: string }>("SELECT DISTINCT input FROM $S.task");
    expect(inputs.length).toBe(n);
    for (const place of ["ready", "running", "delayed", "outbox"])
      expect(await count(`$S.${place}`), "rows are left in a place").toBe(0);
  };

  test("500 rows that two drain at once are 500 runs", async () => {
    const a = await peer("a", 16);
    await peer("b", 16);
    const ids = await askFor(a.fleet, 500);
    await client.query("COMMIT");
    await expect.poll(() => count("$S.outcome"), { timeout: 60_000 }).toBe(500);
    await whole(500);
    for (const id of ids) expect((await a.fleet.get(id)).id).toBe(id);
  });

  test("orchestrators that are killed while they drain lose none and double none", async () => {
    const a = await peer("a");
    const ids = await askFor(a.fleet, 600);
    expect(new Set(ids).size).toBe(600);
    // It cannot take part: the transaction outlives it.
    await open.pop()?.fleet.close();
    const script = new URL("./outbox-process.ts", import.meta.url);
    const first = begin(script, [url]);
    lives.push(first);
    await first.line((line) => line === "up");
    await client.query("COMMIT");
    // In the middle: the first page is stored, the last one is not.
    expect(await first.line((line) => line.startsWith("ran "))).not.toBeNull();
    await first.kill();
    const left = await count("$S.outbox");
    const second = begin(script, [url]);
    lives.push(second);
    await expect.poll(() => count("$S.outcome"), { timeout: 60_000 }).toBe(600);
    await whole(600);
    expect(left, "it was killed before it had drained all").toBeGreaterThan(0);
  });
});

describe("refused at once", () => {
  test("what is no transaction, and calls that could never end", async () => {
    const { fleet } = await peer("a");
    const pool = new pg.Pool({ connectionString: await serverUrl() });
    const start = (o: Record<string, unknown>) => error(fleet.start(double, { n: 1 }, o));
    expect(await start({ tx: pool })).toMatchObject({ code: "FLOTILLA_CONFIG_INVALID" });
    expect(await start({ tx: {} })).toMatchObject({ code: "FLOTILLA_CONFIG_INVALID" });
    expect(await start({ notify: true })).toMatchObject({ code: "FLOTILLA_CONFIG_INVALID" });
    expect(await start({ tx: client, notify: 1 })).toMatchObject({ code: "FLOTILLA_CONFIG_INVALID" });
    expect(await start({ tx: client, delya: "1h" })).toMatchObject({ code: "FLOTILLA_CONFIG_INVALID" });
    expect(await error(fleet.run(double, { n: 1 }, { tx: client }))).toMatchObject({ code: "FLOTILLA_CONFIG_INVALID" });
    expect(await error(fleet.start(double, { n: "x" } as never, { tx: client }))).toMatchObject({
      code: "FLOTILLA_INPUT_INVALID",
    });
    expect(await start({ tx: { query: async () => ({}) } })).toMatchObject({
      code: "FLOTILLA_STORE_UNUSABLE",
    });
    await pool.end();
    expect(await count("$S.outbox")).toBe(0);
  });

  test("another database, and a user without the right; with the right that user needs nothing else", async () => {
    const { fleet } = await peer("a", 4);
    const user = `u_${schema}`;
    await rows(`CREATE ROLE ${user} LOGIN PASSWORD 'p'`);
    const own = new URL(await serverUrl());
    own.username = user;
    own.password = "p";
    const strange = new URL(await serverUrl());
    strange.pathname = "/template1";
    const ask = async (connectionString: string) => {
      const other = new pg.Client({ connectionString });
      await other.connect();
      try {
        await other.query("BEGIN");
        const run = await fleet.start(double, { n: 3 }, { tx: other });
        await other.query("COMMIT");
        return await run.result();
      } finally {
        await other.end();
      }
    };
    try {
      expect(await error(ask(strange.href))).toMatchObject({ code: "FLOTILLA_STORE_UNUSABLE" });
      expect(await error(ask(own.href))).toMatchObject({ code: "FLOTILLA_STORE_UNUSABLE" });
      await rows(`GRANT USAGE ON SCHEMA $S TO ${user}`);
      expect((await error(ask(own.href)))?.message).toContain("may not");
      await rows(`GRANT EXECUTE ON FUNCTION $S.submit TO ${user}`);
      expect(await ask(own.href)).toBe(6);
    } finally {
      await rows(`DROP OWNED BY ${user}; DROP ROLE ${user}`);
    }
  });

  test("a fleet that is in no database", async () => {
    await using fleet = await createFleet({ definitions: [double] as readonly [typeof double] satisfies readonly AnyCallable[] });
    const refused = await error(fleet.start(double, { n: 1 }, { tx: client }));
    expect(isFlotillaError(refused, "FLOTILLA_NOT_SUPPORTED")).toBe(true);
    expect(refused?.message).toContain("tx");
  });
});
