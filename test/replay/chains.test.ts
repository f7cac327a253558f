// Long and deep runs on the orchestrator and the store that ship, with workers that have no memory for what waits: each
// ends, reads what is documented and no more, and leaves nothing behind.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, describe, expect, test } from "vitest";
import { agent } from "../../src/client/agent.ts";
import { contract } from "../../src/client/contract.ts";
import { workflow } from "../../src/client/workflow.ts";
import { systemClock } from "../../src/core/clock.ts";
import type { WorkflowContext } from "../../src/core/context.ts";
import type { AnyCallable } from "../../src/core/definition.ts";
import { createRandom } from "../../src/core/random.ts";
import { createOrchestrator, type Orchestrator } from "../../src/orchestrator/orchestrator.ts";
import { memoryArtifacts } from "../../src/store/artifacts/memory.ts";
import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import { cardOf } from "../../src/worker/cards.ts";
import { createWorker } from "../../src/worker/worker.ts";
import { open } from "./programs.ts";

const isLong = process.env["FLOTILLA_LONG"] === "1";
const size = (short: number, long: number): number => (isLong ? long : short);
/** Rows of a page of history (src/orchestrator/history.ts). */
const pageRows = 500;

setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc") as () => void;
const heapMb = (): number => {
  gc();
  gc();
  return process.memoryUsage().heapUsed / 1e6;
};

const inc = agent({ name: "inc", input: open<number>(), output: open<number>(), run: (n) => n + 1 });
const flow = (run: (ctx: WorkflowContext, input: number) => unknown): AnyCallable =>
  workflow({ name: "flow", input: open<number>(), output: open<unknown>(), run: (input, ctx) => run(ctx, input) });

interface Reads {
  journals: number;
  journalRows: number;
  pages: number;
  pageRows: number;
  parks: number;
}
interface Fleet {
  readonly orchestrator: Orchestrator;
  readonly reads: Reads;
  join(definitions: readonly AnyCallable[], o?: { slots?: number; continuations?: number }): { leave(): Promise<void> };
  begin(input: number): Promise<string>;
  value(run: string): Promise<unknown>;
}

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

async function openFleet(): Promise<Fleet> {
  const store = openSqliteStore({ path: ":memory:" });
  const reads: Reads = { journals: 0, journalRows: 0, pages: 0, pageRows: 0, parks: 0 };
  const { tasks } = store;
  const orchestrator = await createOrchestrator({
    store: {
      ...store,
      tasks: {
        ...tasks,
        async journal(task) {
          const journal = await tasks.journal(task);
          reads.journals++;
          reads.journalRows += journal?.entries.length ?? 0;
          return journal;
        },
        async settled(q) {
          const found = await tasks.settled(q);
          reads.pages++;
          reads.pageRows += found.size;
          return found;
        },
      },
    },
    artifacts: memoryArtifacts(),
    clock: systemClock,
    random: createRandom(1),
  });
  closing.push(() => orchestrator.close());
  return {
    orchestrator,
    reads,
    join(definitions, { slots = 4, continuations = 10_000 } = {}) {
      const worker = createWorker(
        {
          name: "w",
          slots,
          offers: [],
          build: "b",
          isolation: "in-process",
          definitions: definitions.map((d) => d["~definition"]),
          continuations,
        },
        { clock: systemClock, log: { debug() {}, info() {}, warn() {}, error() {} } },
        (m) => attachment.receive(m),
      );
      const attachment = orchestrator.attach(
        {
          send(m) {
            if (m.t === "parked") reads.parks++;
            worker.receive(m);
          },
          kill() {},
        },
        worker.hello(),
      );
      let left = false;
      const leave = async (): Promise<void> => {
        if (left) return;
        left = true;
        await worker.stop();
        attachment.lost("left", { observed: false });
      };
      closing.push(leave);
      return { leave };
    },
    async begin(input) {
      const [started] = orchestrator.start([{ name: "flow", input: JSON.stringify(input) }]);
      return (await (started as NonNullable<typeof started>)).id;
    },
    async value(run) {
      const { status, value, error } = await orchestrator.outcome(run);
      if (status !== "succeeded") throw new Error(JSON.stringify(error));
      return JSON.parse(value ?? "null");
    },
  };
}

describe("a chain that leaves memory at every step", { timeout: isLong ? 600_000 : 30_000 }, () => {
  test("each return is one read of its journal and its pages", async () => {
    const steps = size(200, 2_000);
    const fleet = await openFleet();
    const target = flow(async (ctx) => {
      let n = 0;
      for (let i = 0; i < steps; i++) n = await ctx.call(inc, n);
      return n;
    });
    fleet.join([target], { continuations: 0, slots: 1 });
    fleet.join([inc]);
    const run = await fleet.begin(0);
    expect(await fleet.value(run)).toBe(steps);
    const { reads } = fleet;
    // A child that ends before its parent could leave keeps it where it is; most do not.
    expect(reads.parks).toBeGreaterThan(steps / 2);
    expect(reads.journals).toBe(reads.parks);
    expect(reads.pages).toBeLessThanOrEqual(reads.parks * Math.ceil(steps / pageRows));
    expect(reads.journalRows).toBeLessThanOrEqual((reads.parks * (steps + 1)) / 2 + steps);
    expect(reads.pageRows).toBe(reads.journalRows);
  });

  test("a long history comes back in pages", async () => {
    const children = 1_234;
    const fleet = await openFleet();
    const target = flow(async (ctx) => {
      const all = await ctx.map(
        inc,
        Array.from({ length: children }, (_, i) => i),
      );
      await ctx.sleep("300ms");
      return all.length;
    });
    const first = fleet.join([target, inc]);
    const run = await fleet.begin(0);
    const task = run.replace("r_", "t_");
    for (;;) {
      const { reason } = await fleet.orchestrator.explain(task);
      if (reason === "WAITING_TIMER") break;
      await new Promise((resolve) => setImmediate(resolve));
    }
    await first.leave();
    Object.assign(fleet.reads, { journals: 0, journalRows: 0, pages: 0, pageRows: 0 });
    fleet.join([target, inc]);
    expect(await fleet.value(run)).toBe(children);
    // With the timer: what it came back for.
    expect(fleet.reads).toMatchObject({ journals: 1, journalRows: children + 1, pages: 3, pageRows: children + 1 });
  });
});

describe("wide, deep and long", { timeout: isLong ? 600_000 : 30_000 }, () => {
  test("a chain of calls costs the same at its end as at its beginning, and its memory is bounded", async () => {
    const steps = size(1_500, 10_000);
    const fleet = await openFleet();
    const target = flow(async (ctx) => {
      let n = 0;
      for (let i = 0; i < steps; i++) n = await ctx.call(inc, n);
      return n;
    });
    fleet.join([target, inc], { slots: 1 });
    const before = heapMb();
    expect(await fleet.value(await fleet.begin(0))).toBe(steps);
    expect(fleet.reads).toEqual({ journals: 0, journalRows: 0, pages: 0, pageRows: 0, parks: 0 });
    // The rows of a store in memory are not on this heap.
    expect(heapMb() - before).toBeLessThan(20);
  });

  const self = contract({ name: "dive", input: open<number>(), output: open<number>() });
  const dive = self.workflow({
    name: "dive-one",
    run: async (depth, ctx) => (depth === 0 ? 1 : 1 + (await ctx.call(self, depth - 1))),
  });
  const fib = self.workflow({
    name: "dive-two",
    run: async (n, ctx) => (n < 2 ? n : (await ctx.map(self, [n - 1, n - 2])).reduce((a, b) => a + b, 0)),
  });
  const start = flow((ctx, n) => ctx.call(self, n));

  test.each([
    ["kept in memory", 10_000, 0],
    ["in nobody's memory", 0, 48],
  ])("a tree of depth 50 on one slot, %s", async (_, continuations, parks) => {
    const fleet = await openFleet();
    fleet.orchestrator.register([cardOf(self["~definition"])]);
    fleet.join([start, dive], { slots: 1, continuations });
    expect(await fleet.value(await fleet.begin(48))).toBe(49);
    expect(fleet.reads.parks).toBeGreaterThanOrEqual(parks);
  });

  test.each([
    ["kept in memory", 10_000],
    ["in nobody's memory", 0],
  ])("recursion that branches, on one slot, %s", async (_, continuations) => {
    const n = size(9, 14);
    const fleet = await openFleet();
    fleet.orchestrator.register([cardOf(self["~definition"])]);
    fleet.join([start, fib], { slots: 1, continuations });
    expect(await fleet.value(await fleet.begin(n))).toBe(size(34, 377));
  });

  test("very many children awaited by a task that has left memory", async () => {
    const children = size(3_000, 100_000);
    const fleet = await openFleet();
    const target = flow(async (ctx) => {
      const all = await ctx.map(
        inc,
        Array.from({ length: children }, (_, i) => i),
      );
      return all.reduce((a, b) => a + b, 0);
    });
    fleet.orchestrator.register([cardOf(inc["~definition"])]);
    const first = fleet.join([target], { continuations: 0 });
    const run = await fleet.begin(0);
    while (fleet.reads.parks === 0) await new Promise((resolve) => setImmediate(resolve));
    const parked = heapMb();
    await first.leave();
    fleet.join([target], {});
    fleet.join([inc], { slots: 64 });
    expect(await fleet.value(run)).toBe((children * (children + 1)) / 2);
    expect(fleet.reads.journals).toBe(1);
    expect(fleet.reads.journalRows).toBe(children);
    expect(heapMb() - parked).toBeLessThan(size(20, 60));
  });
});
