// Tasks that complete in a transaction of their own code: the effect and the success are there together, or neither is.
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import pg from "pg";
import * as z from "zod";
import { agent, createFleet, isFlotillaError } from "../../src/index.ts";
import { openFleet, type OpenFleet } from "../../src/runtime/create-fleet.ts";
import { systemDeps } from "../../src/runtime/deps.ts";
import { begin, type Life } from "../chaos/life.ts";
import { asAdmin, dropSchema, freshUrl, serverUrl } from "../postgres/server.ts";
import { order, paid } from "./paid.ts";

const given = { go: async (_tx: pg.Client, _complete: (value: unknown) => Promise<void>): Promise<unknown> => null };
/** Does what the test says, on a connection of the test's database. */
const scripted = agent({
  name: "scripted",
  input: z.object({}),
  output: z.number(),
  retry: { attempts: 2, backoff: "fixed", from: "10ms", to: "10ms" },
  async run(_, ctx) {
    const client = new pg.Client({ connectionString: await serverUrl() });
    await client.connect();
    try {
      await client.query("BEGIN");
      return (await given.go(client, (value) => ctx.completeIn(client, value))) as number;
    } finally {
      await client.end();
    }
  },
});
const all = [paid, order, scripted] as const;

let url: string;
let schema: string;
const open: OpenFleet<typeof all>[] = [];
const lives: Life[] = [];

async function peer(name: string, workers: "none" | "in-process" | "child-process"): Promise<OpenFleet<typeof all>> {
  const own = new URL(url);
  own.searchParams.set("application_name", name);
  const apart = workers === "child-process";
  const opened = await openFleet(
    {
      // A module of theirs is all that child processes have.
      definitions: (apart ? [paid, order] : all) as unknown as typeof all,
      store: own.href as `postgres://${string}`,
      ...(apart ? { modules: [new URL("./paid.ts", import.meta.url)] } : {}),
      workers: workers === "none" ? { count: 0 } : { count: 1, slots: 4, isolation: workers },
    },
    { ...systemDeps, log: () => {} },
  );
  open.push(opened);
  return opened;
}

const rows = <T>(text: string, params: unknown[] = []) =>
  asAdmin(async (admin) => (await admin.query(text.replaceAll("$S", schema), params)).rows as T[]);
const count = async (from: string) => Number((await rows<{ n: string }>(`SELECT count(*) AS n FROM ${from}`))[0]?.n);
const error = (promise: Promise<unknown>) =>
  promise.then(
    () => null,
    (e: unknown) => e as { code: string; message: string },
  );
const value = (n: number) => ({ receipt: n * 10, mark: "\uFFFF0 \u0000" });

beforeEach(async () => {
  url = await freshUrl("complete");
  schema = new URL(url).searchParams.get("schema") as string;
});
afterEach(async () => {
  for (const life of lives.splice(0)) await life.kill();
  for (const { fleet } of open.splice(0)) await fleet.close();
  await dropSchema(url);
  await rows(`DROP SCHEMA IF EXISTS ${schema}_own CASCADE`);
});

async function makeTables(): Promise<{ url: string; schema: string }> {
  const own = `${schema}_own`;
  await rows(`CREATE SCHEMA ${own}; CREATE TABLE ${own}.begun (n int PRIMARY KEY); CREATE TABLE ${own}.paid (n int)`);
  return { url: await serverUrl(), schema: own };
}

describe("a worker process is killed", () => {
  test.each(["returns", "dies before the commit", "dies after the commit", "fails after the commit"] as const)(
    "the first try %s: one effect, one success with its value",
    async (first) => {
      const place = await makeTables();
      const { fleet } = await peer("a", "child-process");
      const run = await fleet.start(paid, { n: 4, first, ...place });
      expect(await run.result()).toEqual(value(4));
      expect(await count(`${place.schema}.paid`)).toBe(1);
      // Executed again only when nothing had been committed.
      const tries = first === "dies before the commit" ? 2 : 1;
      const [task] = await rows<{ lease_no: number }>("SELECT lease_no FROM $S.outcome");
      expect(task?.lease_no).toBe(tries);
      await expect.poll(() => count("$S.completion"), { timeout: 10_000 }).toBe(0);
      for (const table of ["running", "ready", "delayed"]) expect(await count(`$S.${table}`), "rows are left in a place").toBe(0);
      expect((await fleet.get(run.id)).id).toBe(run.id);
    },
  );
});

test("a child that had completed when its worker died: its parent goes on with the value", async () => {
  const place = await makeTables();
  const { fleet } = await peer("a", "child-process");
  expect(await fleet.run(order, { n: 6, first: "dies after the commit", ...place })).toEqual(value(6));
  expect(await count(`${place.schema}.paid`)).toBe(1);
});

describe("the whole process is killed, orchestrator and worker", () => {
  test("between commit and settle another settles it; before the commit it runs again", async () => {
    const place = await makeTables();
    const { fleet } = await peer("a", "none");
    const script = new URL("./paid-process.ts", import.meta.url);
    const first = begin(script, [url]);
    lives.push(first);
    await first.line((line) => line === "up");
    const done = await fleet.start(paid, { n: 1, first: "hangs after the commit", ...place });
    const child = await fleet.start(order, { n: 3, first: "hangs after the commit", ...place });
    const undone = await fleet.start(paid, { n: 2, first: "hangs before the commit", ...place });
    expect(await first.line((line) => line === "paid 1")).not.toBeNull();
    expect(await first.line((line) => line === "paid 3")).not.toBeNull();
    expect(await first.line((line) => line === "open 2")).not.toBeNull();
    await first.kill();
    // Nobody has code for it: it is the record that settles it.
    expect(await done.result()).toEqual(value(1));
    expect(await count(`${place.schema}.paid`)).toBe(2);
    lives.push(begin(script, [url]));
    expect(await undone.result()).toEqual(value(2));
    expect(await child.result()).toEqual(value(3));
    const effects = await rows<{ n: number }>(`SELECT n FROM ${place.schema}.paid ORDER BY n`);
    expect(effects.map((e) => e.n)).toEqual([1, 2, 3]);
    await expect.poll(() => count("$S.completion"), { timeout: 10_000 }).toBe(0);
    expect(await count("$S.running")).toBe(0);
  });
});

describe("the transaction", () => {
  test("of an attempt that was canceled meanwhile cannot commit", async () => {
    const { fleet } = await peer("a", "in-process");
    const canceled = Promise.withResolvers<void>();
    const inside = Promise.withResolvers<void>();
    const committed = Promise.withResolvers<unknown>();
    given.go = async (tx, complete) => {
      await tx.query(`CREATE TABLE ${schema}.effect (n int)`);
      await complete(1);
      inside.resolve();
      await canceled.promise;
      committed.resolve(await error(tx.query("COMMIT")));
      return 1;
    };
    const run = await fleet.start(scripted, {});
    await inside.promise;
    // The engine waits for nobody's open transaction.
    await run.cancel();
    canceled.resolve();
    expect(await committed.promise).toMatchObject({ code: "FL003" });
    expect((await run.outcome()).status).toBe("canceled");
    expect(await rows("SELECT 1 FROM pg_tables WHERE schemaname = $1 AND tablename = 'effect'", [schema])).toEqual([]);
  });

  test("that has committed counts, also when the run is canceled a moment later", async () => {
    const { fleet } = await peer("a", "in-process");
    const canceled = Promise.withResolvers<void>();
    const paidFor = Promise.withResolvers<void>();
    given.go = async (tx, complete) => {
      await complete(1);
      await tx.query("COMMIT");
      paidFor.resolve();
      await canceled.promise;
      return 1;
    };
    const run = await fleet.start(scripted, {});
    await paidFor.promise;
    await run.cancel();
    canceled.resolve();
    expect(await run.outcome()).toEqual({ status: "succeeded", value: 1 });
  });

  test("of an attempt that another orchestrator has taken over with its worker commits; of one that was given back it does not", async () => {
    const { fleet } = await peer("a", "in-process");
    given.go = async (tx, complete) => {
      // What an adoption does to the row.
      await rows("UPDATE $S.running SET lease_no = 5, top = 5");
      await complete(1);
      await tx.query("COMMIT");
      await rows("UPDATE $S.running SET lease_no = 1, top = 1");
      return 1;
    };
    expect(await fleet.run(scripted, {})).toBe(1);
    let refused: unknown;
    given.go = async (tx, complete) => {
      await rows(
        `INSERT INTO $S.attempt (task, lease_no, attempt, started_at, ended_at, how) SELECT task, lease_no, 1, 0, 0, 'lost' FROM $S.running`,
      );
      refused = await error(complete(1));
      await tx.query("ROLLBACK");
      return 2;
    };
    expect(await fleet.run(scripted, {})).toBe(2);
    expect(isFlotillaError(refused, "FLOTILLA_LEASE_LOST")).toBe(true);
  });

  test("that is rolled back leaves nothing: what the code returns then is the result", async () => {
    const { fleet } = await peer("a", "in-process");
    given.go = async (tx, complete) => {
      await complete(1);
      await tx.query("ROLLBACK");
      return 2;
    };
    expect(await fleet.run(scripted, {})).toBe(2);
    given.go = async (tx, complete) => {
      await complete(1);
      await tx.query("ROLLBACK");
      throw new Error("no");
    };
    expect((await error(fleet.run(scripted, {})))?.code).toBe("FLOTILLA_AGENT_FAILED");
    expect(await count("$S.completion")).toBe(0);
  });

  test("refuses a value that does not fit, a second completion and what is no client", async () => {
    const { fleet } = await peer("a", "in-process");
    const codes: (string | undefined)[] = [];
    given.go = async (tx, complete) => {
      codes.push((await error(complete("text")))?.code);
      await complete(1);
      codes.push((await error(complete(1)))?.code);
      await tx.query("COMMIT");
      return 1;
    };
    expect(await fleet.run(scripted, {})).toBe(1);
    expect(codes).toEqual(["FLOTILLA_OUTPUT_INVALID", "FLOTILLA_TOO_LATE"]);
  });

  test("is refused on a store that is in no database", async () => {
    await using fleet = await createFleet({ definitions: [scripted] });
    let refused: unknown;
    given.go = async (_tx, complete) => {
      refused = await error(complete(1));
      return 1;
    };
    await fleet.run(scripted, {});
    expect(isFlotillaError(refused, "FLOTILLA_NOT_SUPPORTED")).toBe(true);
  });
});
