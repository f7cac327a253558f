// Two fleets on one PostgreSQL, each with an orchestrator of its own and other definitions: what one starts the other runs.
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { agent, isFlotillaError, message, TerminalError, workflow } from "../../src/index.ts";
import { openFleet, type OpenFleet } from "../../src/runtime/create-fleet.ts";
import { systemDeps } from "../../src/runtime/deps.ts";
import type { AnyCallable } from "../../src/core/definition.ts";
import { asAdmin, dropSchema, freshUrl } from "../postgres/server.ts";

const go = message("go", z.string());
const leaf = agent({
  name: "leaf",
  input: z.object({ n: z.number() }),
  output: z.number(),
  async run({ n }) {
    if (n < 0) throw new TerminalError("below zero");
    return n * 2;
  },
});
const stuck = agent({
  name: "stuck",
  input: z.object({}),
  output: z.string(),
  async run(_, ctx) {
    await new Promise<void>((resolve) => ctx.signal.addEventListener("abort", () => resolve()));
    return "stopped";
  },
});
const tree = workflow({
  name: "tree",
  input: z.object({ n: z.number() }),
  output: z.array(z.number()),
  run: ({ n }, ctx) =>
    ctx.map(
      leaf,
      Array.from({ length: n }, (_, i) => ({ n: i })),
    ),
});
const waiter = workflow({
  name: "waiter",
  input: z.object({}),
  output: z.string(),
  async run(_, ctx) {
    ctx.query("phase", () => "waiting");
    const word = await ctx.waitFor(go);
    const { note } = await ctx.approve({ title: "may it end?" });
    return `${word} ${note ?? ""}`;
  },
});
const parentOfStuck = workflow({
  name: "parent-of-stuck",
  input: z.object({}),
  output: z.string(),
  run: (_, ctx) => ctx.call(stuck, {}),
});
const all = [leaf, stuck, tree, waiter, parentOfStuck] as const;

let url: string;
const open: OpenFleet<readonly AnyCallable[]>[] = [];

/** One more orchestrator. Its workers have code for `serves` only. */
async function peer(name: string, serves: readonly AnyCallable[], slots = 8): Promise<OpenFleet<typeof all>> {
  const own = new URL(url);
  // The same URL would be the same fleet.
  own.searchParams.set("application_name", name);
  const opened = await openFleet(
    {
      definitions: (serves.length > 0 ? serves : all) as typeof all,
      store: own.href as `postgres://${string}`,
      workers: serves.length > 0 ? { count: 1, slots } : { count: 0 },
    },
    { ...systemDeps, log: () => {} },
  );
  open.push(opened as never);
  return opened;
}

beforeEach(async () => {
  url = await freshUrl("several");
});
afterEach(async () => {
  for (const { fleet } of open.splice(0)) await fleet.close();
  await dropSchema(url);
});

describe("two orchestrators on one database", () => {
  test("what one starts, the other's workers run, and the end is known where it was started", async () => {
    const a = await peer("a", []);
    await peer("b", [leaf]);
    expect(await a.fleet.run(leaf, { n: 21 })).toBe(42);
    await expect(a.fleet.run(leaf, { n: -1 })).rejects.toThrow("leaf");
  });

  test("a parent here, its children there: all of them, in the order of its code", async () => {
    const a = await peer("a", [tree]);
    await peer("b", [leaf], 32);
    const values = await a.fleet.run(tree, { n: 300 });
    expect(values).toEqual(Array.from({ length: 300 }, (_, i) => i * 2));
  });

  test("messages, questions and approvals reach the one that holds the code", async () => {
    const a = await peer("a", [waiter]);
    const b = await peer("b", [leaf]);
    const run = await a.fleet.start(waiter, {});
    const there = await b.fleet.get(run.id);
    await expect.poll(() => there.query("phase").catch(() => null)).toBe("waiting");
    await there.send(go, "hello");
    await expect.poll(async () => (await b.fleet.approvals.list()).length).toBe(1);
    const [asked] = await b.fleet.approvals.list();
    await b.fleet.approvals.approve(asked?.id ?? "", { note: "yes" });
    expect(await run.result()).toBe("hello yes");
  });

  test("a cancel that is asked here stops the code there, and its parent's code elsewhere", async () => {
    const a = await peer("a", [parentOfStuck]);
    const b = await peer("b", [stuck]);
    const run = await a.fleet.start(parentOfStuck, {});
    await expect.poll(async () => (await b.orchestrator.health()).queue.running).toBe(1);
    await (await b.fleet.get(run.id)).cancel("enough");
    const outcome = await run.outcome();
    expect(outcome.status).toBe("canceled");
    await expect.poll(async () => (await b.orchestrator.health()).queue.running).toBe(0);
  });

  test("a run's events are the same wherever they are followed", async () => {
    const a = await peer("a", [tree]);
    const b = await peer("b", [leaf]);
    const run = await a.fleet.start(tree, { n: 40 });
    const followed = async (fleet: typeof a.fleet) => {
      const cursors: string[] = [];
      for await (const e of (await fleet.get(run.id)).events({ types: ["task.settled", "run.finished"] }))
        cursors.push(`${e.type} ${e.cursor}`);
      return cursors;
    };
    const [here, there] = await Promise.all([followed(a.fleet), followed(b.fleet as never)]);
    expect(here.length).toBe(41);
    expect(there).toEqual(here);
  });

  test("all of it without a single hint: the connections that listen are cut again and again", async () => {
    const a = await peer("a", [tree]);
    await peer("b", [leaf], 32);
    const done = new AbortController();
    const cuts = (async () => {
      let n = 0;
      while (!done.signal.aborted) {
        n += await asAdmin(async (admin) => {
          const { rowCount } = await admin.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ILIKE 'listen%' AND pid <> pg_backend_pid()",
          );
          return rowCount ?? 0;
        });
      }
      return n;
    })();
    try {
      expect((await a.fleet.run(tree, { n: 50 })).length).toBe(50);
    } finally {
      done.abort();
    }
    expect(await cuts).toBeGreaterThan(0);
  });

  test("the workers of both are listed at each, and nothing is said to lack what the other has", async () => {
    const a = await peer("a", []);
    await peer("b", [leaf]);
    // b says what it has with its first beat after its worker has joined.
    await expect.poll(async () => (await a.orchestrator.workers()).length, { timeout: 20_000 }).toBe(1);
    const [worker] = await a.orchestrator.workers();
    expect(worker).toMatchObject({ definitions: ["leaf"], slots: 8, state: "idle" });
    const { orchestrators, uncovered } = await a.orchestrator.health();
    expect(orchestrators.map((o) => [o.answers, o.slots]).toSorted((x, y) => Number(x[0]) - Number(y[0]))).toEqual([
      [false, 8],
      [true, 0],
    ]);
    expect(uncovered).not.toContain("leaf");
    expect(uncovered).toContain("tree");
  });

  test("a definition that has just come with one is known at the other, hints or not", async () => {
    const a = await peer("a", [tree]);
    await peer("b", [leaf]);
    // Nothing has been looked at since.
    expect((await a.orchestrator.definition("leaf")).name).toBe("leaf");
    await peer("c", [stuck]);
    expect(await a.fleet.run(tree, { n: 3 })).toEqual([0, 2, 4]);
    const [started] = a.orchestrator.start([{ name: "stuck", input: "{}" }]);
    await a.orchestrator.cancel((await started)?.id ?? "", "enough");
  });

  test("the same key asked of both is one run", async () => {
    const a = await peer("a", [leaf]);
    const b = await peer("b", [leaf]);
    const runs = await Promise.all(
      Array.from({ length: 20 }, (_, i) => (i % 2 ? a : b).fleet.start(leaf, { n: 1 }, { idempotencyKey: "once" })),
    );
    expect(new Set(runs.map((r) => r.id)).size).toBe(1);
    const clash = await a.fleet.start(leaf, { n: 2 }, { idempotencyKey: "once" }).catch((e: unknown) => e);
    expect(isFlotillaError(clash, "FLOTILLA_IDEMPOTENCY_CONFLICT")).toBe(true);
  });

  test("one that leaves hands over what waits, and the other goes on with it", async () => {
    const a = await peer("a", [waiter]);
    const run = await a.fleet.start(waiter, {});
    await expect.poll(() => run.query("phase").catch(() => null)).toBe("waiting");
    const b = await peer("b", [waiter]);
    open.splice(open.indexOf(a as never), 1);
    await a.fleet.close();
    const there = await b.fleet.get(run.id);
    await there.send(go, "on");
    await expect.poll(async () => (await b.fleet.approvals.list()).length).toBe(1);
    const [asked] = await b.fleet.approvals.list();
    await b.fleet.approvals.approve(asked?.id ?? "");
    expect(await there.result()).toBe("on ");
  });
});
