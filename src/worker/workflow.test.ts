import { describe, expect, test } from "vitest";
import * as z from "zod";
import { tinyFleet, turns } from "../../test/replay/tiny-fleet.ts";
import { agent } from "../client/agent.ts";
import { workflow } from "../client/workflow.ts";
import type { WorkflowContext } from "../core/context.ts";
import type { AnyCallable } from "../core/definition.ts";
import type { ErrorJson } from "../core/error.ts";
import type { ChildAct } from "../protocol/worker.ts";

const n = z.object({ n: z.number() });
const inc = agent({ name: "inc", input: n, output: z.number(), run: ({ n }) => n + 1 });
const picky = agent({
  name: "picky",
  input: n,
  output: z.number(),
  errors: { Odd: n },
  run: ({ n }, ctx) => (n % 2 ? ctx.fail("Odd", { n }) : n),
});
const flow = (run: (ctx: WorkflowContext) => unknown): AnyCallable =>
  workflow({ name: "flow", input: z.unknown(), run: (_, ctx) => run(ctx) });

async function valueOf(run: (ctx: WorkflowContext) => unknown): Promise<unknown> {
  const target = flow(run);
  using fleet = tinyFleet({ definitions: [target, inc, picky] });
  return await fleet.value(target);
}
async function resultOf(run: (ctx: WorkflowContext) => unknown) {
  const target = flow(run);
  using fleet = tinyFleet({ definitions: [target, inc, picky] });
  return (await fleet.run(target)).result;
}
async function childActs(run: (ctx: WorkflowContext) => unknown): Promise<ChildAct[]> {
  const target = flow(run);
  using fleet = tinyFleet({ definitions: [target, inc, picky], mute: true });
  fleet.assign(target);
  await fleet.until((m) => m.t === "acts" || m.t === "settle");
  return fleet.acts().filter((a) => a.kind === "child");
}
const codeOf = (e: unknown): string => (e as { code: string }).code;

describe("a call", () => {
  test("gives the value, or throws what the child ended with", async () => {
    expect(await valueOf((ctx) => ctx.call(inc, { n: 1 }))).toBe(2);
    expect(
      await valueOf((ctx) =>
        ctx.call(picky, { n: 1 }).catch((e: unknown) => [codeOf(e), (e as { name: string }).name, (e as { data: unknown }).data]),
      ),
    ).toEqual(["FLOTILLA_DECLARED", "Odd", { n: 1 }]);
    expect(await resultOf((ctx) => ctx.call(picky, { n: 1 }))).toMatchObject({
      status: "failed",
      terminal: true,
      error: { cause: { code: "FLOTILLA_DECLARED" } },
    });
  });
  test("as a value: settled(), before and after", async () => {
    const seen = await valueOf(async (ctx) => {
      const good = ctx.call(inc, { n: 1 });
      const bad = ctx.call(picky, { n: 3 }).settled();
      await good;
      return [await good.settled(), (await bad).status];
    });
    expect(seen).toEqual([{ status: "succeeded", value: 2 }, "failed"]);
  });
  test("carries its options, and the key that the caller wrote", async () => {
    const [act] = await childActs((ctx) =>
      ctx.call(
        inc,
        { n: 1 },
        { key: "mine", needs: ["gpu"], priority: "high", timeout: "5s", retry: { attempts: 7 }, ifNoWorker: "fail" },
      ),
    );
    expect(act).toMatchObject({
      key: "mine",
      definition: "inc",
      input: '{"n":1}',
      needs: ["gpu"],
      priority: 0,
      timeoutMs: 5_000,
      retry: { attempts: 7, backoff: "exponential" },
      ifNoWorker: "fail",
    });
  });
  test("keeps its input as it was when it was asked", async () => {
    const [first, second] = await childActs((ctx) => {
      const input = { n: 1 };
      const calls = [ctx.call(inc, input)];
      input.n = 2;
      calls.push(ctx.call(inc, input));
      return Promise.all(calls);
    });
    expect([first?.input, second?.input]).toEqual(['{"n":1}', '{"n":2}']);
  });
  test("with an input that does not fit is refused at the ask, and nothing is sent", async () => {
    const refused = (input: unknown) => (ctx: WorkflowContext) => ctx.call(inc, input as { n: number });
    expect(await resultOf(refused({ n: "1" }))).toMatchObject({
      terminal: true,
      error: { code: "FLOTILLA_INPUT_INVALID", where: "inc.input" },
    });
    expect(await resultOf(refused({ n: 1, m: new Map() }))).toMatchObject({ error: { code: "FLOTILLA_VALUE_NOT_JSON" } });
    expect(await resultOf(refused({ n: 1, big: "x".repeat(1_100_000) }))).toMatchObject({
      error: { code: "FLOTILLA_TOO_LARGE" },
    });
    expect(await resultOf(async (ctx) => (await ctx.call(inc, {} as never).settled()).status)).toEqual({
      status: "succeeded",
      value: '"failed"',
    });
    expect(await childActs(refused({}))).toEqual([]);
  });
  test("of something that is no definition says so", async () => {
    expect(await resultOf((ctx) => ctx.call(undefined as never, {}))).toMatchObject({
      error: { code: "FLOTILLA_CONFIG_INVALID" },
    });
  });
  test("equal calls are told apart by their number, other agents by their name", async () => {
    const acts = await childActs((ctx) =>
      Promise.all([ctx.call(inc, { n: 1 }), ctx.call(inc, { n: 1 }), ctx.call(picky, { n: 1 })]),
    );
    expect(acts.map((a) => a.key.replace(/#[\w-]{22}/, "#"))).toEqual(["inc#", "inc##2", "picky#"]);
    expect(acts[0]?.inputHash).toBe(acts[1]?.inputHash);
    expect(acts[0]?.inputHash).not.toBe(acts[2]?.inputHash);
  });
});

describe("start and detach", () => {
  test("give ids without a round trip", async () => {
    expect(
      await valueOf(async (ctx) => {
        const child = await ctx.start(inc, { n: 1 });
        const { id } = await ctx.detach(inc, { n: 2 });
        return [child.id, id, await child.result()];
      }),
    ).toEqual([expect.stringMatching(/\.1$/), expect.stringMatching(/\.2$/), 2]);
  });
  test("a detached child is not waited for", async () => {
    const acts = await childActs((ctx) => ctx.detach(inc, { n: 1 }));
    expect(acts).toMatchObject([{ detached: true }]);
    expect(await resultOf((ctx) => ctx.start(inc, { n: "x" as never }))).toMatchObject({
      error: { code: "FLOTILLA_INPUT_INVALID" },
    });
  });
});

describe("a map", () => {
  test("gives values in the order of its inputs", async () => {
    expect(await valueOf((ctx) => ctx.map(inc, [{ n: 3 }, { n: 1 }]))).toEqual([4, 2]);
    expect(await valueOf((ctx) => ctx.map(inc, []))).toEqual([]);
    expect(await valueOf((ctx) => ctx.map(inc, new Set([{ n: 3 }])))).toEqual([4]);
  });
  test("of all fails with the first failure and cancels the rest", async () => {
    const target = flow((ctx) => ctx.map(picky, [{ n: 1 }, { n: 2 }, { n: 4 }]));
    using fleet = tinyFleet({ definitions: [target, picky], mute: true });
    const task = fleet.assign(target);
    await fleet.until((m) => m.t === "acts");
    const error = { code: "FLOTILLA_AGENT_FAILED", message: "no", details: { agent: "picky", task: "t", attempts: 3 } };
    fleet.send({
      t: "deliver",
      fence: fleet.fence(task),
      deliveries: [
        { seq: 1, act: 2, status: "succeeded", value: "2", error: null, at: 1 },
        { seq: 2, act: 1, status: "failed", value: null, error, at: 2 },
      ],
    });
    expect((await fleet.settled(task)).result).toMatchObject({ error: { code: "FLOTILLA_AGENT_FAILED" } });
    expect(fleet.acts().filter((a) => a.kind === "cancel")).toEqual([
      { kind: "cancel", act: 3, reason: "the join cannot be met" },
    ]);
  });
  test("settled() gives every item, with its gaps", async () => {
    const joined = await valueOf(async (ctx) => {
      const all = await ctx.map(picky, [{ n: 1 }, { n: 2 }, { n: 3 }], { key: (i) => `k${i.n}` }).settled();
      return JSON.parse(JSON.stringify(all)) as unknown;
    });
    expect(joined).toMatchObject({
      values: [2],
      complete: false,
      items: [{ status: "failed" }, { status: "succeeded", value: 2 }, { status: "failed" }],
      gaps: [
        { index: 0, key: "k1", input: { n: 1 }, task: expect.stringMatching(/\.1$/), outcome: { status: "failed" } },
        { index: 2, key: "k3" },
      ],
    });
  });
  test("an item that is refused is its own failure", async () => {
    const items = [{ n: 1 }, { n: "x" as never }, { n: 3 }];
    expect(await valueOf(async (ctx) => (await ctx.map(inc, items).settled()).items.map((i) => i.status))).toEqual([
      "succeeded",
      "failed",
      "succeeded",
    ]);
    expect(await resultOf((ctx) => ctx.map(inc, items))).toMatchObject({ error: { code: "FLOTILLA_INPUT_INVALID" } });
  });
  test("joins", async () => {
    expect(await valueOf((ctx) => ctx.map(picky, [{ n: 1 }, { n: 2 }], { join: "first" }))).toEqual({ value: 2, index: 1 });
    expect(
      await valueOf(async (ctx) => (await ctx.map(picky, [{ n: 1 }, { n: 2 }, { n: 4 }], { join: { atLeast: "60%" } })).values),
    ).toEqual([2, 4]);
    expect(await resultOf((ctx) => ctx.map(picky, [{ n: 1 }, { n: 3 }, { n: 4 }], { join: { atLeast: 2 } }))).toMatchObject({
      error: { code: "FLOTILLA_JOIN_UNMET", details: { wanted: 2 }, cause: { code: "FLOTILLA_DECLARED" } },
    });
  });
  test("bounded: the next is asked when one has settled", async () => {
    const target = flow((ctx) => ctx.map(inc, [{ n: 1 }, { n: 2 }, { n: 3 }], { concurrency: 2 }));
    using fleet = tinyFleet({ definitions: [target], mute: true });
    const task = fleet.assign(target);
    await fleet.until((m) => m.t === "acts");
    expect(fleet.acts().length).toBe(2);
    fleet.send({
      t: "deliver",
      fence: fleet.fence(task),
      deliveries: [{ seq: 1, act: 2, status: "succeeded", value: "2", error: null, at: 1 }],
    });
    await fleet.until((m) => m.t === "acts" && m.acts.some((a) => a.kind === "child" && a.act === 3 && a.askedAfter === 1));
    expect(await resultOf((ctx) => ctx.map(inc, [], { concurrency: 0 }))).toMatchObject({
      error: { code: "FLOTILLA_CONFIG_INVALID" },
    });
  });
  test("a large one that is awaited as a whole takes few turns", async () => {
    const target = flow(
      async (ctx) =>
        (
          await ctx.map(
            inc,
            Array.from({ length: 5_000 }, (_, i) => ({ n: i })),
          )
        ).length,
    );
    using fleet = tinyFleet({ definitions: [target], mute: true });
    const task = fleet.assign(target);
    await fleet.until((m) => m.t === "acts");
    fleet.send({
      t: "deliver",
      fence: fleet.fence(task),
      deliveries: Array.from({ length: 5_000 }, (_, i) => ({
        seq: i + 1,
        act: i + 1,
        status: "succeeded" as const,
        value: "1",
        error: null,
        at: 1,
      })),
    });
    await turns(25);
    expect(fleet.of("settle")).toMatchObject([{ result: { value: "5000" } }]);
  });
});

describe("cancel", () => {
  test("of a call, a fan-out, a scope with what is nested in it", async () => {
    const target = flow(async (ctx) => {
      ctx.call(inc, { n: 1 }).cancel("enough");
      const scope = ctx.scope("s", async (c) => {
        void c.call(inc, { n: 2 });
        return c.scope("t", (d) => d.call(inc, { n: 3 }));
      });
      scope.cancel();
      const later = await ctx.call(inc, { n: 4 });
      return later;
    });
    using fleet = tinyFleet({ definitions: [target], mute: true });
    fleet.assign(target);
    await fleet.until((m) => m.t === "acts");
    expect(
      fleet
        .acts()
        .filter((a) => a.kind === "cancel")
        .map((a) => [a.act, a.reason]),
    ).toEqual([
      [1, "enough"],
      [2, "canceled by its parent"],
      [3, "canceled by its parent"],
    ]);
  });
  test("asks in a canceled scope are refused", async () => {
    expect(
      await valueOf(async (ctx) => {
        let late: Promise<unknown> = Promise.resolve();
        const scope = ctx.scope("s", async (c) => {
          await c.call(inc, { n: 1 });
          late = c.call(inc, { n: 2 });
          return late;
        });
        scope.cancel("enough");
        return scope.catch(codeOf);
      }),
    ).toBe("FLOTILLA_CANCELED");
  });
  test("of the attempt ends it at once: its code is suspended for good", async () => {
    const target = flow(async (ctx) => {
      try {
        await ctx.call(inc, { n: 1 });
      } finally {
        ctx.log.error("must not run");
      }
    });
    using fleet = tinyFleet({ definitions: [target], mute: true });
    const task = fleet.assign(target);
    await fleet.until((m) => m.t === "acts");
    fleet.send({ t: "cancel", fence: fleet.fence(task), reason: "a person" });
    await fleet.until((m) => m.t === "ended");
    fleet.send({
      t: "deliver",
      fence: fleet.fence(task),
      deliveries: [{ seq: 1, act: 1, status: "succeeded", value: "1", error: null, at: 1 }],
    });
    await turns();
    expect(fleet.said.map((m) => m.t)).toEqual(["acts", "ended"]);
  });
  test("waits for a step that runs, and tells it by its signal", async () => {
    const target = flow((ctx) =>
      ctx.step("s", ({ signal }) => new Promise((resolve) => signal.addEventListener("abort", resolve))),
    );
    using fleet = tinyFleet({ definitions: [target] });
    const task = fleet.assign(target);
    await fleet.until((m) => m.t === "acts");
    fleet.send({ t: "cancel", fence: fleet.fence(task), reason: "a person" });
    await fleet.until((m) => m.t === "ended");
    expect(fleet.acts().map((a) => a.kind)).toEqual(["step"]);
  });
});

describe("steps", () => {
  test('with onDoubt: "fail" run after the intent is committed, and fail when it is in doubt', async () => {
    let ran = 0;
    const target = flow((ctx) => ctx.step("pay", () => ++ran, { onDoubt: "fail" }));
    using fleet = tinyFleet({ definitions: [target], mute: true });
    const task = fleet.assign(target);
    await fleet.until((m) => m.t === "acts");
    await turns();
    expect(ran).toBe(0);
    fleet.send({ t: "ack", fence: fleet.fence(task), act: 1 });
    await fleet.until((m) => m.t === "acts" && m.acts.some((a) => a.kind === "step-result"));
    expect(ran).toBe(1);

    using again = tinyFleet({ definitions: [target] });
    const { result } = await again.run(target, null, {
      acts: 1,
      journal: [{ act: 1, kind: "step", key: "pay", inputHash: "", askedAfter: 0, seq: null }],
    });
    expect(result).toMatchObject({ terminal: true, error: { code: "FLOTILLA_STEP_IN_DOUBT" } });
    expect(ran).toBe(1);
    expect(await resultOf((ctx) => ctx.step("s", () => 1, { onDoubt: "ask" }))).toMatchObject({
      error: { code: "FLOTILLA_NOT_SUPPORTED" },
    });
  });
  test("may have the real time and real chance", async () => {
    const [wall, recorded] = (await valueOf(async (ctx) => [
      await ctx.step("t", () => ctx.now().getTime() + ctx.random() + ctx.uuid().length),
      ctx.now().getTime(),
    ])) as number[];
    expect(wall).toBeGreaterThan(1e12);
    expect(recorded).toBe(1_001);
  });
});

test("artifacts are put once and read in the order of delivery", async () => {
  expect(
    await valueOf(async (ctx) => {
      const ref = await ctx.artifact.put({ big: 1 });
      const [a, b] = await Promise.all([ctx.artifact.get(ref), ctx.call(inc, { n: 1 })]);
      const lost = await ctx.artifact.get({ $artifact: "none", bytes: 0 }).catch(codeOf);
      return [ref, a, b, lost];
    }),
  ).toEqual([{ $artifact: "artifact-1", bytes: 9 }, { big: 1 }, 2, "FLOTILLA_NOT_FOUND"]);
});

describe("a re-run loads an artifact again", () => {
  const target = flow(async (ctx) => {
    const log: unknown[] = [];
    await Promise.all([
      ctx.artifact.get({ $artifact: "a", bytes: 1 }).then((v) => log.push(v)),
      ctx.call(inc, { n: 1 }).then((v) => log.push(v)),
    ]);
    return log;
  });
  const rerun = async () => {
    using first = tinyFleet({ definitions: [target], mute: true });
    first.assign(target);
    await first.until((m) => m.t === "acts");
    const [step, child] = first.acts() as ChildAct[];
    const again = tinyFleet({ definitions: [target], mute: true });
    const task = again.assign(target, null, {
      acts: 2,
      journal: [
        { act: 1, kind: "step", key: step?.key as string, inputHash: "", askedAfter: 0, seq: 1 },
        { act: 2, kind: "child", key: child?.key as string, inputHash: child?.inputHash as string, askedAfter: 0, seq: 2 },
      ],
      deliveries: [
        { seq: 1, act: 1, status: "succeeded", value: "null", error: null, at: 1 },
        { seq: 2, act: 2, status: "succeeded", value: "2", error: null, at: 2 },
      ],
    });
    const get = await again.until((m) => m.t === "get");
    await turns();
    const reply = (value: string | null, error: ErrorJson | null = null): void =>
      again.send({ t: "reply", fence: again.fence(task), request: (get as { request: number }).request, value, error });
    return { again, task, reply };
  };

  test("and its delivery waits for it", async () => {
    const { again, task, reply } = await rerun();
    expect(again.of("settle")).toEqual([]);
    reply('"loaded"');
    expect((await again.settled(task)).result).toEqual({ status: "succeeded", value: '["loaded",2]' });
    again[Symbol.dispose]();
  });
  test("when it cannot be had now, the attempt is given back: no fault of the code", async () => {
    const { again, task, reply } = await rerun();
    reply(null, { code: "ECONNREFUSED", message: "the artifact store is away" });
    expect((await again.settled(task)).result).toMatchObject({
      status: "returned",
      error: { message: "the artifact store is away" },
    });
    again[Symbol.dispose]();
  });
});

test("a history that cannot be read gives the attempt back", async () => {
  const target = flow((ctx) => ctx.call(inc, { n: 1 }));
  using fleet = tinyFleet({ definitions: [target], mute: true });
  const task = fleet.assign(target);
  await fleet.until((m) => m.t === "acts");
  const delivery = { seq: 1, act: 1, status: "succeeded" as const, value: "{", error: null, at: 1 };
  fleet.send({ t: "deliver", fence: fleet.fence(task), deliveries: [delivery] });
  expect((await fleet.settled(task)).result).toMatchObject({ status: "returned", error: { message: expect.any(String) } });
  const next = fleet.assign(target, null, { journal: null as never });
  expect((await fleet.settled(next)).result).toMatchObject({ status: "returned" });
});

describe("combinators", () => {
  test("race cancels the losers and throws what the winner throws", async () => {
    expect(await valueOf((ctx) => ctx.race({ a: ctx.call(inc, { n: 1 }), b: Promise.resolve(5) }))).toEqual({
      winner: "b",
      value: 5,
    });
    expect(await resultOf((ctx) => ctx.race({ a: ctx.call(picky, { n: 1 }) }))).toMatchObject({
      error: { cause: { code: "FLOTILLA_DECLARED" } },
    });
    expect(await resultOf((ctx) => ctx.race({}))).toMatchObject({ error: { code: "FLOTILLA_CONFIG_INVALID" } });
  });
  test("reduce builds a tree of at most fanIn", async () => {
    const sizes: number[] = [];
    const total = agent({
      name: "total",
      input: z.object({ items: z.array(z.number()) }),
      output: z.number(),
      run: ({ items }) => (sizes.push(items.length), items.reduce((a, b) => a + b, 0)),
    });
    const target = flow((ctx) =>
      ctx.reduce(
        total,
        Array.from({ length: 17 }, (_, i) => i),
        { fanIn: 4, empty: -1 },
      ),
    );
    using fleet = tinyFleet({ definitions: [target, total] });
    expect(await fleet.value(target)).toBe(136);
    expect(sizes.toSorted((a, b) => a - b)).toEqual([1, 2, 4, 4, 4, 4, 4]);
    expect(await valueOf((ctx) => ctx.reduce(total, [], { fanIn: 4, empty: -1 }))).toBe(-1);
    expect(await resultOf((ctx) => ctx.reduce(total, [1], { fanIn: 1, empty: 0 }))).toMatchObject({
      error: { code: "FLOTILLA_CONFIG_INVALID" },
    });
  });
  test("each joins code as map joins children", async () => {
    expect(await valueOf((ctx) => ctx.each([1, 2, 3], async (n, c, i) => (await c.call(inc, { n })) * 10 + i))).toEqual([
      20, 31, 42,
    ]);
    expect(
      await valueOf(async (ctx) => (await ctx.each([1, 2], (n, c) => c.call(picky, { n })).settled()).items.map((i) => i.status)),
    ).toEqual(["failed", "succeeded"]);
    expect(await resultOf((ctx) => ctx.each([new Map()], () => 1))).toMatchObject({ error: { code: "FLOTILLA_VALUE_NOT_JSON" } });
    expect(await valueOf((ctx) => ctx.each([new Map([[1, 2]])], (m) => m.size, { key: () => "m" }))).toEqual([1]);
    expect(await resultOf((ctx) => ctx.each([1], () => 1, { timeout: "1s" }))).toMatchObject({
      error: { code: "FLOTILLA_NOT_SUPPORTED" },
    });
  });
});

describe("not in this version: throws at once, with what to do instead", () => {
  const missing: readonly (readonly [string, (ctx: WorkflowContext) => unknown])[] = [
    ["acquire", (ctx) => ctx.acquire({ kind: "limit", name: "l" })],
    ["hedge", (ctx) => ctx.map(inc, [{ n: 1 }], { hedge: { after: "p95" } })],
    ["budget", (ctx) => ctx.call(inc, { n: 1 }, { budget: { usd: 1 } })],
  ];
  test.each(missing)("%s", async (_, ask) => {
    expect(await resultOf(ask)).toMatchObject({
      status: "failed",
      terminal: true,
      error: { code: "FLOTILLA_NOT_SUPPORTED", fix: [expect.stringMatching(/\w/)] },
    });
  });
});

describe("the end", () => {
  test("a throw is terminal", async () => {
    expect(await resultOf(() => Promise.reject(new Error("no")))).toMatchObject({
      status: "failed",
      terminal: true,
      error: { message: "no" },
    });
  });
  test("input and output are checked", async () => {
    const strict = workflow({ name: "strict", input: n, output: n, run: (i) => (i.n ? i : ({} as never)) });
    using fleet = tinyFleet({ definitions: [strict] });
    expect((await fleet.run(strict, { n: 1 })).result).toEqual({ status: "succeeded", value: '{"n":1}' });
    expect((await fleet.run(strict, {})).result).toMatchObject({ terminal: true, error: { code: "FLOTILLA_INPUT_INVALID" } });
    expect((await fleet.run(strict, { n: 0 })).result).toMatchObject({
      terminal: true,
      error: { code: "FLOTILLA_OUTPUT_INVALID" },
    });
  });
  test("a failing child that nobody awaits harms nobody", async () => {
    expect(
      await valueOf(async (ctx) => {
        void ctx.call(picky, { n: 1 });
        void ctx.map(picky, [{ n: 1 }, { n: 3 }]);
        void ctx.step("s", () => Promise.reject(new Error("x")));
        void ctx.scope("s", (c) => c.call(picky, { n: 5 }));
        return ctx.call(inc, { n: await ctx.call(inc, { n: 1 }) });
      }),
    ).toBe(3);
  });
  test("a stray rejection of the code's own fails it", async () => {
    expect(
      await resultOf(async (ctx) => {
        void ctx.call(inc, { n: 1 }).then(() => {
          throw new Error("nobody listens");
        });
        return ctx.map(
          inc,
          Array.from({ length: 50 }, (_, i) => ({ n: i })),
          { concurrency: 1 },
        );
      }),
    ).toMatchObject({ status: "failed", terminal: true, error: { message: "nobody listens" } });
  });
  test("every deliver that leaves it idle is answered with a wait", async () => {
    const target = flow((ctx) => ctx.map(inc, [{ n: 1 }, { n: 2 }, { n: 3 }]));
    using fleet = tinyFleet({ definitions: [target], mute: true });
    const task = fleet.assign(target);
    await fleet.until((m) => m.t === "acts");
    for (const seq of [1, 2]) {
      fleet.send({
        t: "deliver",
        fence: fleet.fence(task),
        deliveries: [{ seq, act: seq, status: "succeeded", value: "1", error: null, at: 1 }],
      });
      await fleet.until((m) => m.t === "acts" && m.acts.some((a) => a.kind === "wait" && a.seen === seq));
    }
  });
});
