import { expect, test } from "vitest";
import * as z from "zod";
import { tinyFleet, turns } from "../../test/replay/tiny-fleet.ts";
import { agent } from "../client/agent.ts";
import { contract } from "../client/contract.ts";
import { workflow } from "../client/workflow.ts";

const n = z.object({ n: z.number() });
const nap = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1));

test("one slot carries any depth: a workflow that waits holds none", async () => {
  const Tree = contract({ name: "tree", input: n, output: z.number() });
  const leaf = agent({ name: "leaf", input: n, run: async ({ n }) => (await nap(), n) });
  const tree = Tree.workflow({
    name: "tree",
    run: async ({ n }, ctx) => {
      if (n === 0) return ctx.call(leaf, { n: 1 });
      const [a, b] = await Promise.all([ctx.call(Tree, { n: n - 1 }), ctx.call(Tree, { n: n - 1 })]);
      return a + b;
    },
  });
  using fleet = tinyFleet({ definitions: [tree, leaf], slots: 1 });
  expect(await fleet.value(tree, { n: 5 })).toBe(32);
});

test("no more code than slots at a time", async () => {
  let running = 0;
  let most = 0;
  const busy = agent({
    name: "busy",
    input: n,
    run: async () => {
      most = Math.max(most, ++running);
      await turns();
      running--;
    },
  });
  using fleet = tinyFleet({ definitions: [busy], slots: 3 });
  const tasks = Array.from({ length: 20 }, () => fleet.assign(busy, { n: 1 }));
  await Promise.all(tasks.map((t) => fleet.settled(t)));
  expect(most).toBe(3);
});

test("a workflow holds its slot while a step runs, and none while it waits", async () => {
  const order: string[] = [];
  let open = (): void => {};
  const gate = new Promise<void>((resolve) => (open = resolve));
  const child = agent({ name: "child", input: n, run: () => void order.push("child") });
  const quick = agent({ name: "quick", input: n, run: () => void order.push("quick") });
  const flow = workflow({
    name: "flow",
    input: n,
    run: async (_, ctx) => {
      await ctx.step("s", async () => {
        await gate;
        order.push("step");
      });
      await ctx.call(child, { n: 1 });
    },
  });
  using fleet = tinyFleet({ definitions: [flow, child, quick], slots: 1 });
  const tasks = [fleet.assign(flow, { n: 1 }), fleet.assign(quick, { n: 1 })];
  await fleet.until((m) => m.t === "acts");
  await turns();
  expect(order).toEqual([]);
  open();
  await Promise.all(tasks.map((t) => fleet.settled(t)));
  expect(order[0]).toBe("step");
  expect(order.toSorted()).toEqual(["child", "quick", "step"]);
});

test("resumes go before new work", async () => {
  const order: string[] = [];
  let open = (): void => {};
  const gate = new Promise<void>((resolve) => (open = resolve));
  const held = agent({ name: "held", input: n, run: () => gate });
  const other = agent({ name: "other", input: n, run: () => void order.push("new work") });
  const flow = workflow({
    name: "flow",
    input: n,
    run: async (_, ctx) => {
      await ctx.call(other, { n: 1 });
      order.push("resumed");
    },
  });
  using fleet = tinyFleet({ definitions: [held, other, flow], slots: 1, mute: true });
  const parent = fleet.assign(flow, { n: 1 });
  await fleet.until((m) => m.t === "acts");
  const first = fleet.assign(held, { n: 1 });
  const second = fleet.assign(other, { n: 1 });
  await turns();
  // The slot is taken, new work waits for it; now the flow's child settles.
  fleet.worker.receive({
    t: "deliver",
    fence: fleet.fence(parent),
    deliveries: [{ seq: 1, act: 1, status: "succeeded", value: "1", error: null, at: 1 }],
  });
  open();
  await Promise.all([first, second, parent].map((t) => fleet.settled(t)));
  expect(order).toEqual(["resumed", "new work"]);
});

test("a drained worker says goodbye when its last attempt is over", async () => {
  const busy = agent({ name: "busy", input: n, run: nap });
  using fleet = tinyFleet({ definitions: [busy] });
  const task = fleet.assign(busy, { n: 1 });
  fleet.send({ t: "drain" });
  await fleet.until((m) => m.t === "goodbye");
  expect(fleet.said.map((m) => m.t)).toEqual(["settle", "goodbye"]);
  await fleet.settled(task);
});

test("hello carries definitions as data, and a ping is answered", () => {
  const busy = agent({
    name: "busy",
    description: "Naps",
    input: n,
    output: z.string(),
    needs: ["gpu"],
    timeout: "5m",
    run: () => "",
  });
  using fleet = tinyFleet({ definitions: [busy], slots: 7 });
  const hello = fleet.worker.hello();
  expect(hello).toMatchObject({ t: "hello", protocol: 1, name: "w", slots: 7, isolation: "in-process", pid: process.pid });
  expect(hello.definitions).toMatchObject([
    {
      name: "busy",
      kind: "agent",
      description: "Naps",
      needs: ["gpu"],
      timeoutMs: 300_000,
      inputSchema: { type: "object" },
      outputSchema: { type: "string" },
    },
  ]);
  expect(JSON.parse(JSON.stringify(hello))).toEqual(hello);
  fleet.worker.receive({ t: "ping", n: 5 });
  expect(fleet.said).toEqual([{ t: "pong", n: 5, holds: 0 }]);
});

test("stop waits for code that heeds its signal, and sends nothing after the goodbye", async () => {
  let stopped = false;
  const busy = agent({
    name: "busy",
    input: n,
    run: (_, ctx) =>
      new Promise((resolve) => ctx.signal.addEventListener("abort", () => setTimeout(() => resolve((stopped = true)), 5))),
  });
  const fleet = tinyFleet({ definitions: [busy] });
  fleet.assign(busy, { n: 1 });
  await turns();
  await Promise.all([fleet.worker.stop(), fleet.worker.stop()]);
  expect(stopped).toBe(true);
  expect(fleet.said.map((m) => m.t)).toEqual(["goodbye"]);
});
