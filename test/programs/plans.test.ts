// Plans on a real fleet: written in code or by a (scripted) model, refused whole, run in a legal order, planned anew from a
// failed node, and shown.
import fc from "fast-check";
import { agent, createFleet, isFlotillaError, parsePlan, plan, workflow } from "flotilla";
import type { FlotillaErrorOf, Plan, PlanIssue, WorkflowContext } from "flotilla";
import { afterEach, describe, expect, test } from "vitest";
import * as z from "zod";
import { openFleet } from "../../src/runtime/create-fleet.ts";
import { systemDeps } from "../../src/runtime/deps.ts";
import { collect } from "./collect.ts";

/** What agents were asked, in order. */
let asked: string[] = [];
/** Names of nodes that fail. */
let bad = new Set<string>();
afterEach(() => {
  asked = [];
  bad = new Set();
});

const work = agent({
  name: "work",
  input: z.object({ name: z.string(), uses: z.array(z.unknown()).optional() }),
  output: z.object({ name: z.string(), size: z.int() }),
  retry: { attempts: 1 },
  run({ name }) {
    asked.push(name);
    if (bad.has(name)) throw new Error(`${name} is bad`);
    return { name, size: name.length };
  },
});
const list = agent({
  name: "list",
  input: z.object({ names: z.array(z.string()) }),
  output: z.object({ items: z.array(z.object({ name: z.string() })), none: z.array(z.object({ name: z.string() })) }),
  run: ({ names }) => (asked.push("list"), { items: names.map((name) => ({ name })), none: [] }),
});
const total = agent({
  name: "total",
  input: z.object({ parts: z.array(z.object({ size: z.int() })) }),
  output: z.int(),
  run: ({ parts }) => (asked.push("total"), parts.reduce((sum, p) => sum + p.size, 0)),
});
const loose = agent({ name: "loose", input: z.object({ gives: z.unknown() }), run: ({ gives }) => gives });
const catalogue = [work, list, total, loose];

async function inFleet<T>(run: (ctx: WorkflowContext) => Promise<T>) {
  const flow = workflow({
    name: "flow",
    input: z.null(),
    output: z.unknown(),
    run: async (_, ctx) => (await run(ctx)) ?? null,
  });
  // One slot: children run one at a time, in the order asked.
  const fleet = await createFleet({ definitions: [flow, ...catalogue], workers: { slots: 1 } });
  const started = await fleet.start(flow, null);
  return { fleet, run: started, outcome: await started.outcome(), [Symbol.asyncDispose]: () => fleet.close() };
}
async function valueIn(run: (ctx: WorkflowContext) => Promise<unknown>): Promise<unknown> {
  await using done = await inFleet(run);
  if (done.outcome.status !== "succeeded") throw new Error(`it ended ${done.outcome.status}`, { cause: done.outcome });
  return done.outcome.value;
}
function checked(nodes: readonly object[], result: string): Plan<unknown> {
  const parsed = parsePlan({ kind: "plan", nodes, result }, catalogue);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
  return parsed.plan;
}
const node = (id: string, after: readonly string[] = [], more: object = {}) => ({
  id,
  call: "work",
  input: { name: id },
  after,
  ...more,
});
async function failureOf(execution: Promise<unknown>): Promise<FlotillaErrorOf<"FLOTILLA_PLAN_FAILED">> {
  const error: unknown = await execution.then(
    () => undefined,
    (e: unknown) => e,
  );
  if (!isFlotillaError(error, "FLOTILLA_PLAN_FAILED")) throw new Error("it did not fail as a plan", { cause: error });
  return error;
}

describe("a plan in code", () => {
  const sizes = plan((p) => {
    const names = p.call(list, { names: ["a", "bb", "ccc"] });
    const parts = p.map(work, p.part(names, "items"), { key: "parts" });
    const more = p.map(work, [p.part(names, "items", 0), { name: "dddd" }], { key: "more" });
    const none = p.map(work, p.part(names, "none"), { key: "none" });
    const last = p.call(work, { name: "x" }, { after: [none] });
    return p.call(total, { parts: [p.part(parts, 2), p.part(more, 1), last] });
  });
  test("runs, and gives the value of its result", async () => {
    expect(await valueIn((ctx) => ctx.execute(sizes))).toBe(8);
    expect(asked.toSorted()).toEqual(["a", "a", "bb", "ccc", "dddd", "list", "total", "x"]);
  });
});

describe("order", () => {
  test("the critical path goes first, and the plan's order decides between equals", async () => {
    const nodes = [
      node("short"),
      node("b"),
      node("long"),
      node("long2", ["long"]),
      node("long3", ["long2"]),
      node("b2", ["b"]),
      node("end", ["long3", "b2", "short"]),
    ];
    await valueIn((ctx) => ctx.execute(checked(nodes, "end"), { concurrency: 1 }));
    expect(asked).toEqual(["long", "b", "long2", "short", "long3", "b2", "end"]);
  });
  test("estimates weigh more than numbers; what has none counts their mean", async () => {
    // Their mean is 5m: two in a row are a little more than "slow".
    const nodes = [
      node("few"),
      node("a"),
      node("slow", [], { estimate: "10m" }),
      node("a2", ["a"]),
      node("fast", [], { estimate: "1s" }),
    ];
    await valueIn((ctx) => ctx.execute(checked(nodes, "slow"), { concurrency: 1 }));
    expect(asked).toEqual(["a", "slow", "few", "a2", "fast"]);
  });
  test("any plan without a circle runs each node once, after what it needs", async () => {
    const dags = fc
      .integer({ min: 1, max: 12 })
      .chain((n) =>
        fc.tuple(
          ...Array.from({ length: n }, (_, i) =>
            fc.uniqueArray(fc.nat({ max: Math.max(0, i - 1) }), { maxLength: i === 0 ? 0 : 3 }),
          ),
        ),
      );
    await fc.assert(
      fc.asyncProperty(dags, fc.integer({ min: 1, max: 4 }), async (needs, concurrency) => {
        asked = [];
        const nodes = needs.map((list, i) => ({
          id: `n${i}`,
          call: "work",
          input: { name: `n${i}`, uses: list.filter((_, k) => k % 2 === 0).map((j) => ({ $node: `n${j}`, path: "size" })) },
          after: list.filter((_, k) => k % 2 === 1).map((j) => `n${j}`),
        }));
        // The list is written backwards: the order is that of needs, not that of the list.
        await valueIn((ctx) => ctx.execute(checked(nodes.toReversed(), "n0"), { concurrency }));
        expect(asked.toSorted()).toEqual(nodes.map((n) => n.id).toSorted());
        needs.forEach((list, i) => list.forEach((j) => expect(asked.indexOf(`n${j}`)).toBeLessThan(asked.indexOf(`n${i}`))));
      }),
      { numRuns: 25 },
    );
  });
});

describe("refused whole: nothing is asked", () => {
  const good = [node("a"), node("b", ["a"])];
  test.each<[string, () => Plan<unknown>, object, Partial<PlanIssue>]>([
    [
      "nobody has checked it",
      () => JSON.parse(JSON.stringify(checked(good, "b"))) as Plan<unknown>,
      {},
      { why: "nobody has checked it: it is plain JSON" },
    ],
    [
      "over its budget",
      () => checked(good, "b"),
      { budget: { tasks: 1 } },
      { path: "nodes", why: "it asks for 2 tasks, the budget is 1" },
    ],
  ])("%s", async (_, make, options, issue) => {
    await using done = await inFleet((ctx) => ctx.execute(make(), options));
    expect(done.outcome).toMatchObject({
      status: "failed",
      error: { cause: { code: "FLOTILLA_PLAN_INVALID", details: { issues: [issue] } } },
    });
    expect(asked).toEqual([]);
  });
  test.each<[string, object]>([
    ["usd", { budget: { usd: 1 } }],
    ["an option that is none", { timeOut: "1s" }],
    ["a bad option", { timeout: "soon" }],
    ["after what is no failure", { after: new Error("x") }],
  ])("%s throws where it is written", async (_, options) => {
    await using done = await inFleet((ctx) => ctx.execute(checked(good, "b"), options));
    expect(done.outcome).toMatchObject({ status: "failed", error: { cause: { code: "FLOTILLA_CONFIG_INVALID" } } });
    expect(asked).toEqual([]);
  });
});

describe("a node that fails", () => {
  const nodes = [
    node("a"),
    node("bad", ["a"]),
    node("after-bad", ["bad"]),
    node("far", ["after-bad", "beside"]),
    node("beside", ["a"]),
  ];

  test("stops what needs it, and nothing else; the error says what became of each", async () => {
    bad.add("bad");
    await valueIn(async (ctx) => {
      const error = await failureOf(ctx.execute(checked(nodes, "far")));
      expect(error.details).toEqual({
        failed: [
          {
            node: "bad",
            task: `${ctx.task.id}.3`,
            code: "FLOTILLA_AGENT_FAILED",
            why: "work gave up after 1 attempt: bad is bad",
          },
        ],
        succeeded: ["a", "beside"],
        notRun: ["after-bad", "far"],
      });
      expect(error.cause).toMatchObject({ code: "FLOTILLA_AGENT_FAILED", cause: { message: "bad is bad" } });
    });
    expect(asked).toEqual(["a", "bad", "beside"]);
  });

  test("and the plan after it keeps what succeeded: nothing that succeeded runs twice", async () => {
    bad.add("bad");
    const value = await valueIn(async (ctx) => {
      const first = await failureOf(ctx.execute(checked(nodes, "far")));
      // Twice: the second plan fails at another node, and the third keeps what either ran.
      const mended = nodes.map((n) => (n.id === "bad" ? { ...n, input: { name: "good" } } : n));
      bad.add("far");
      const second = await failureOf(ctx.execute(checked(mended, "far"), { after: first }));
      expect(second.details).toMatchObject({
        failed: [{ node: "far" }],
        succeeded: ["a", "bad", "after-bad", "beside"],
        notRun: [],
      });
      bad.delete("far");
      return ctx.execute(checked(mended, "far"), { after: second });
    });
    expect(value).toEqual({ name: "far", size: 3 });
    expect(asked).toEqual(["a", "bad", "beside", "good", "after-bad", "far", "far"]);
  });

  test("what has another input runs again, and so does what uses another result", async () => {
    bad.add("bad");
    const uses = (name: string) => [
      { id: "top", call: "work", input: { name } },
      { id: "low", call: "work", input: { name: "low", uses: [{ $node: "top", path: "name" }] } },
      { id: "same", call: "work", input: { name: "same", uses: [{ $node: "top", path: "size" }] } },
      { id: "end", call: "work", input: { name: name === "one" ? "bad" : "end" }, after: ["low", "same"] },
    ];
    await valueIn(async (ctx) => {
      const failed = await failureOf(ctx.execute(checked(uses("one"), "end")));
      return ctx.execute(checked(uses("two"), "end"), { after: failed });
    });
    expect(asked.slice(0, 4).toSorted()).toEqual(["bad", "low", "one", "same"]);
    // "two" is as long as "one": `same` is given the same number and is kept.
    expect(asked.slice(4)).toEqual(["two", "low", "end"]);
  });

  test("items of a map that succeeded are kept, each for one item", async () => {
    bad.add("x");
    const many = (names: readonly string[]) =>
      checked(
        [
          { id: "m", map: "work", items: names.map((name) => ({ name })) },
          { id: "sum", call: "total", input: { parts: { $node: "m" } } },
        ],
        "sum",
      );
    const value = await valueIn(async (ctx) => {
      const failed = await failureOf(ctx.execute(many(["a", "x", "b", "b", "x"])));
      expect(failed.details.failed).toMatchObject([
        { node: "m", why: expect.stringMatching(/^2 of 5 items did not succeed; the first: /) },
      ]);
      return ctx.execute(many(["b", "yy", "b", "b", "a"]), { after: failed });
    });
    expect(value).toBe(6);
    expect(asked.toSorted()).toEqual(["a", "b", "b", "b", "total", "x", "x", "yy"]);
  });

  test("a value that does not fit is refused before it becomes a task", async () => {
    await valueIn(async (ctx) => {
      const error = await failureOf(
        ctx.execute(
          checked(
            [
              { id: "odd", call: "loose", input: { gives: { names: 7 } } },
              { id: "missing", call: "work", input: { name: { $node: "odd", path: "name" } } },
              { id: "misfit", call: "work", input: { name: { $node: "odd", path: "names" } } },
              { id: "no-list", map: "work", items: { $node: "odd" } },
              { id: "misfits", map: "work", items: [{ name: { $node: "odd", path: "names" } }, { name: "fits" }] },
            ],
            "odd",
          ),
        ),
      );
      expect(error.details.failed.map((f) => [f.node, f.task, f.code])).toEqual([
        ["missing", null, "FLOTILLA_INPUT_INVALID"],
        ["no-list", null, "FLOTILLA_INPUT_INVALID"],
        ["misfit", null, "FLOTILLA_INPUT_INVALID"],
        ["misfits", null, "FLOTILLA_INPUT_INVALID"],
      ]);
      expect(error.details.failed[0]?.why).toContain('"odd" gave nothing at name');
    });
    expect(asked).toEqual(["fits"]);
  });

  test("a map over a result may not go over the budget", async () => {
    const nodes = [
      { id: "names", call: "list", input: { names: ["a", "b", "c"] } },
      { id: "m", map: "work", items: { $node: "names", path: "items" } },
    ];
    await valueIn(async (ctx) => {
      const error = await failureOf(ctx.execute(checked(nodes, "m"), { budget: { tasks: 3 } }));
      expect(error.details.failed).toMatchObject([{ node: "m", task: null, code: "FLOTILLA_BUDGET_EXHAUSTED" }]);
      expect(error.cause).toMatchObject({ details: { budget: "tasks", limit: 3, spent: 1 } });
    });
    expect(asked).toEqual(["list"]);
    bad.add("b");
    await valueIn(async (ctx) => {
      const after = await failureOf(ctx.execute(checked(nodes, "m"), { budget: { tasks: 4 } }));
      bad.delete("b");
      // Of the three items two are kept: one more is asked for.
      return ctx.execute(checked(nodes, "m"), { after, budget: { tasks: 2 } });
    });
    expect(asked).toEqual(["list", "list", "a", "b", "c", "b"]);
    expect(await valueIn((ctx) => ctx.execute(checked(nodes, "m"), { budget: { tasks: 4 } }))).toHaveLength(3);
  });

  test("not caught, it ends the workflow, and the run says which node it was", async () => {
    bad.add("bad");
    await using done = await inFleet((ctx) => ctx.execute(checked(nodes, "far")));
    expect(done.outcome).toMatchObject({
      status: "failed",
      error: {
        code: "FLOTILLA_AGENT_FAILED",
        cause: { code: "FLOTILLA_PLAN_FAILED", message: expect.stringContaining("bad ended with FLOTILLA_AGENT_FAILED") },
      },
    });
  });
});

test("a cancel stops what runs and what is ready", async () => {
  const gate = Promise.withResolvers<void>();
  const slow = agent({
    name: "slow",
    input: z.object({}),
    run: (_, ctx) => (
      gate.resolve(),
      new Promise((_resolve, reject) => ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason as Error)))
    ),
  });
  const two = plan((p) => p.call(work, { name: "never" }, { after: [p.call(slow, {})] }));
  const flow = workflow({
    name: "flow",
    input: z.null(),
    async run(_, ctx) {
      const execution = ctx.execute(two);
      await ctx.step("begun", () => gate.promise);
      execution.cancel("enough");
      return (await execution.settled()).status;
    },
  });
  await using fleet = await createFleet({ definitions: [flow, slow, work], workers: { slots: 2 } });
  expect(await fleet.run(flow, null)).toBe("canceled");
  expect(asked).toEqual([]);
});

test("a plan that a model wrote: refused with issues, mended, failed, planned anew", async () => {
  /** What the model answers, one after the other. */
  const answers = [
    {
      kind: "plan",
      nodes: [
        { id: "a", call: "wrk", input: { name: "a" } },
        { id: "b", call: "total", input: { parts: { $node: "a" } } },
      ],
      result: "c",
    },
    {
      kind: "plan",
      nodes: [
        { id: "a", call: "work", input: { name: "a" } },
        { id: "b", call: "work", input: { name: "b" } },
        { id: "c", call: "total", input: { parts: [{ $node: "a" }, { $node: "b" }] } },
      ],
      result: "c",
    },
    {
      kind: "plan",
      nodes: [
        { id: "a", call: "work", input: { name: "a" } },
        { id: "b", call: "work", input: { name: "bb" } },
        { id: "c", call: "total", input: { parts: [{ $node: "a" }, { $node: "b" }] } },
      ],
      result: "c",
    },
  ];
  const told: unknown[] = [];
  bad.add("b");
  const value = await valueIn(async (ctx) => {
    const think = async (about: unknown) => ctx.step("think", () => (told.push(about), answers[told.length - 1]));
    let about: unknown = "the goal";
    let after: FlotillaErrorOf<"FLOTILLA_PLAN_FAILED"> | undefined;
    for (let tries = 0; tries < 5; tries++) {
      const parsed = parsePlan(await think(about), catalogue);
      if (!parsed.ok) {
        about = parsed.issues;
        continue;
      }
      const outcome = await ctx.execute(parsed.plan, after ? { after } : {}).settled();
      if (outcome.status === "succeeded") return outcome.value;
      if (outcome.status !== "failed" || !isFlotillaError(outcome.error, "FLOTILLA_PLAN_FAILED")) throw outcome.error;
      after = outcome.error;
      about = outcome.error.details;
    }
    return null;
  });
  expect(value).toBe(3);
  expect(told).toMatchObject([
    "the goal",
    [
      { node: "a", path: "call", why: 'nobody is called "wrk"', fix: 'did you mean "work"?' },
      { node: "", path: "result", why: 'there is no node "c"' },
    ],
    { failed: [{ node: "b" }], succeeded: ["a"], notRun: ["c"] },
  ]);
  expect(asked).toEqual(["a", "b", "bb", "total"]);
});

describe("a plan is stored", () => {
  test("as events of the run, also one of many nodes with large inputs", async () => {
    const large = "x".repeat(50_000);
    const nodes = [
      ...Array.from({ length: 4 }, (_, i) => node(`n${i}`, [], { input: { name: "n", uses: [large] } })),
      node("huge", [], { input: { name: "h", uses: [large, large] } }),
    ];
    await using done = await inFleet(async (ctx) => void (await ctx.execute(checked(nodes, "n0"))));
    const events = await collect(done.run.events({ types: ["custom"] }));
    const parts = events.map(
      (e) => e.data as unknown as { name: string; value: { nodes: { id: string; input: unknown; cut?: true }[] } },
    );
    expect(parts.map((p) => [p.name, p.value.nodes.map((n) => n.id)])).toEqual([
      ["flotilla.plan", ["n0"]],
      ["flotilla.plan", ["n1"]],
      ["flotilla.plan", ["n2"]],
      ["flotilla.plan", ["n3", "huge"]],
    ]);
    expect(parts[0]?.value).toEqual({ plan: "plan>", result: "n0", part: 1, parts: 4, nodes: [nodes[0]] });
    expect(parts[3]?.value.nodes[1]).toEqual({ id: "huge", call: "work", input: null, cut: true });
  });

  test("and shown: its nodes with their states, while it runs and afterwards", async () => {
    const gate = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const slow = agent({ name: "slow", input: z.object({}), run: () => (begun.resolve(), gate.promise.then(() => 1)) });
    const nodes = (name: string) => [
      node("a"),
      { id: "m", map: "work", items: [{ name: "m1" }, { name: "m2" }], note: "many" },
      { id: "empty", map: "work", items: [] },
      { id: "bad", call: "work", input: { name }, after: ["a", "m", "empty"] },
      { id: "slow", call: "slow", input: {}, after: ["bad"] },
      node("end", ["slow"]),
    ];
    const planned = (name: string) => {
      const parsed = parsePlan({ kind: "plan", nodes: nodes(name), result: "end" }, [work, slow]);
      if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
      return parsed.plan;
    };
    const flow = workflow({
      name: "flow",
      input: z.null(),
      async run(_, ctx) {
        const after = await failureOf(ctx.execute(planned("bad")));
        await ctx.execute(planned("good"), { after });
      },
    });
    bad.add("bad");
    const { fleet, orchestrator } = await openFleet({ definitions: [flow, work, slow], workers: { slots: 2 } }, systemDeps);
    const run = await fleet.start(flow, null);
    const plans = async () =>
      (await orchestrator.plans(run.id)).map((p) => [
        `${p.key} gives ${p.result}`,
        ...p.nodes.map((n) => `${n.id} ${n.state}${n.keptFrom === null ? "" : ` kept from ${n.keptFrom}`}`),
      ]);
    const first = [
      "plan gives end",
      "a succeeded",
      "m succeeded",
      "empty succeeded",
      "bad failed",
      "slow not-run",
      "end not-run",
    ];
    const kept = ["a succeeded kept from plan", "m succeeded kept from plan", "empty succeeded kept from plan"];
    await begun.promise;
    expect(await plans()).toEqual([first, ["plan#2 gives end", ...kept, "bad succeeded", "slow running", "end pending"]]);
    gate.resolve();
    await run.result();
    expect(await plans()).toEqual([first, ["plan#2 gives end", ...kept, "bad succeeded", "slow succeeded", "end succeeded"]]);
    const [, next] = await orchestrator.plans(run.id);
    expect(next?.nodes.slice(0, 2)).toMatchObject([
      { id: "a", kind: "call", agent: "work", needs: [], tasks: { total: 1, succeeded: 1, failed: 0, open: 0 } },
      { id: "m", kind: "map", note: "many", task: null, tasks: { total: 2, succeeded: 2 } },
    ]);
    // A node's task is the one that `tasks get` shows, also that of a node that was kept.
    const { task } = next?.nodes[0] ?? {};
    expect(await orchestrator.task(task ?? "")).toMatchObject({ name: "work", key: "plan>a", input: { name: "a" } });
    expect(await orchestrator.plans(task ?? "")).toEqual([]);
    await fleet.close();
  });

  test("a node that was refused before it was a task says why, and what waits in an ended workflow was not run", async () => {
    const flow = workflow({
      name: "flow",
      input: z.null(),
      async run(_, ctx) {
        await failureOf(
          ctx.execute(
            checked(
              [
                node("a"),
                { id: "b", call: "work", input: { name: { $node: "l", path: "x" } } },
                { id: "l", call: "loose", input: { gives: 1 } },
              ],
              "b",
            ),
          ),
        );
        // Not awaited: its nodes are canceled with the end.
        void ctx.execute(checked([node("c"), node("d", ["c"])], "d"), { key: "second" });
      },
    });
    const { fleet, orchestrator } = await openFleet({ definitions: [flow, ...catalogue] }, systemDeps);
    const run = await fleet.start(flow, null);
    await run.result();
    const [first, second] = await orchestrator.plans(run.id);
    expect(first?.nodes[1]).toMatchObject({
      id: "b",
      state: "failed",
      task: null,
      error: { code: "FLOTILLA_INPUT_INVALID", message: expect.stringContaining('"l" gave nothing at x') },
    });
    expect([second?.key, second?.nodes[1]?.state]).toEqual(["second", "not-run"]);
    await fleet.close();
  });

  test("a workflow that continued as another execution shows the plan of the latest", async () => {
    const flow = workflow({
      name: "flow",
      input: z.object({ round: z.int() }),
      async run({ round }, ctx) {
        await ctx.execute(checked([node(`a${round}`), node("b", [`a${round}`])], "b"));
        return round < 3 ? ctx.continueAs({ round: round + 1 }) : round;
      },
    });
    const { fleet, orchestrator } = await openFleet({ definitions: [flow, ...catalogue] }, systemDeps);
    const run = await fleet.start(flow, { round: 1 });
    expect(await run.result()).toBe(3);
    const plans = await orchestrator.plans(run.id);
    expect(plans.map((p) => [p.key, ...p.nodes.map((n) => `${n.id} ${n.state} ${n.tasks.total}`)])).toEqual([
      ["plan", "a3 succeeded 1", "b succeeded 1"],
    ]);
    await fleet.close();
  });
});
