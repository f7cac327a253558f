import { describe, expect, test } from "vitest";
import * as z from "zod";
import { testClock } from "../../test/orchestrator/world.ts";
import { tinyFleet, turns } from "../../test/replay/tiny-fleet.ts";
import { agent } from "../client/agent.ts";
import { message } from "../client/message.ts";
import { workflow } from "../client/workflow.ts";
import type { AgentContext } from "../core/context.ts";
import type { AnyCallable } from "../core/definition.ts";
import { FlotillaError } from "../core/error.ts";
import { createRandom } from "../core/random.ts";
import type { Assignment, FromWorker } from "../protocol/worker.ts";

const text = z.object({ text: z.string() });
const made = (run: (ctx: AgentContext) => unknown): AnyCallable =>
  agent({ name: "made", input: z.unknown(), run: (_, ctx) => run(ctx) });
const nap = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1));

/** Of the target that `made` gives. */
const assignmentOf = (task: number): Assignment => ({
  fence: { task, boot: 1, leaseNo: 1 },
  publicId: "t_x",
  definition: "made",
  tenant: "d",
  attempt: 2,
  input: "null",
  startedAt: 0,
  acts: 0,
  journal: [],
  deliveries: [],
});

async function resultOf(target: AnyCallable, input: unknown = null) {
  using fleet = tinyFleet({ definitions: [target] });
  return (await fleet.run(target, input)).result;
}

describe("the straight line", () => {
  test("parses, runs, stores JSON", async () => {
    const upper = agent({
      name: "upper",
      input: text,
      output: z.object({ text: z.string(), at: z.date().transform((d) => d.toISOString()) }),
      run: ({ text }) => ({ text: text.toUpperCase(), at: new Date(0), more: 1 }),
    });
    expect(await resultOf(upper, { text: "hi" })).toEqual({
      status: "succeeded",
      value: '{"text":"HI","at":"1970-01-01T00:00:00.000Z"}',
    });
  });
  test("sync and async code and schemas, and nothing returned", async () => {
    expect(await resultOf(made(() => undefined))).toEqual({ status: "succeeded", value: "null" });
    const slow = z.object({ n: z.number() }).refine(async (v) => (await nap(), v.n > 0));
    const late = agent({ name: "late", input: slow, output: slow, run: ({ n }) => ({ n: n - 1 }) });
    expect(await resultOf(late, { n: 2 })).toEqual({ status: "succeeded", value: '{"n":1}' });
    expect(await resultOf(late, { n: 1 })).toMatchObject({
      status: "failed",
      terminal: false,
      error: { code: "FLOTILLA_OUTPUT_INVALID" },
    });
    expect(await resultOf(late, { n: 0 })).toMatchObject({
      status: "failed",
      terminal: true,
      error: { code: "FLOTILLA_INPUT_INVALID" },
    });
  });
  test("refuses input with the path", async () => {
    const target = agent({ name: "t", input: text, run: () => 1 });
    expect(await resultOf(target, { text: 5 })).toMatchObject({
      terminal: true,
      error: { code: "FLOTILLA_INPUT_INVALID", where: "t.input", details: { issues: [{ path: ["text"] }] } },
    });
    using fleet = tinyFleet({ definitions: [target] });
    expect(await fleet.run(target, null, { input: "{" })).toMatchObject({
      result: { terminal: true, error: { code: "FLOTILLA_INPUT_INVALID" } },
    });
  });
  test("refuses what JSON would change, with the path", async () => {
    expect(await resultOf(made(() => ({ a: [1, { b: new Map() }] })))).toMatchObject({
      status: "failed",
      terminal: true,
      error: { code: "FLOTILLA_VALUE_NOT_JSON", details: { path: "a[1].b" } },
    });
  });
  test("a definition that is not here is another worker's: the attempt is given back", async () => {
    using fleet = tinyFleet({ definitions: [made(() => 1)] });
    const other = agent({ name: "other", input: text, run: () => 1 });
    expect(await fleet.run(other)).toMatchObject({
      spent: null,
      result: { status: "returned", error: { code: "FLOTILLA_UNKNOWN_DEFINITION" } },
    });
  });
});

describe("its context", () => {
  test("works without `this`", async () => {
    const target = made(({ step, log, uuid, random, now, task, progress, spend, budget }) => {
      log.info("hello");
      progress({ done: 1 });
      spend({ usd: 0.5 });
      return step("s", () => ({
        uuid: uuid().length,
        random: random() < 1,
        now: now() instanceof Date,
        task: task.attempt,
        spent: budget.spent.usd,
      }));
    });
    expect(await resultOf(target)).toEqual({
      status: "succeeded",
      value: '{"uuid":36,"random":true,"now":true,"task":1,"spent":0}',
    });
  });
  test("draws from the generator that the worker was given, so that a seed replays a run", async () => {
    const drawn = async (seed: number, target: AnyCallable) => {
      using fleet = tinyFleet({ definitions: [target], random: createRandom(seed) });
      return [await fleet.value(target), await fleet.value(target)];
    };
    const inAgent = made((ctx) => [ctx.random(), ctx.uuid(), ctx.random(), ctx.uuid()]);
    const inStep = workflow({
      name: "flow",
      input: z.unknown(),
      run: (_, ctx) => ctx.step("s", async () => [await Promise.resolve(ctx.random()), ctx.uuid()]),
    });
    for (const target of [inAgent, inStep]) {
      const [first, second] = await drawn(1, target);
      expect(await drawn(1, target)).toEqual([first, second]);
      expect(second).not.toEqual(first);
      expect(await drawn(2, target)).not.toEqual([first, second]);
    }
    expect((await drawn(1, inAgent))[0]).toEqual([
      expect.any(Number),
      expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
      expect.any(Number),
      expect.any(String),
    ]);
  });
  test("without one, draws are the system's", async () => {
    const target = made((ctx) => Array.from({ length: 1_000 }, () => [ctx.random(), ctx.uuid()]));
    using fleet = tinyFleet({ definitions: [target] });
    const draws = (await fleet.value(target)) as [number, string][];
    expect(draws.every(([n]) => n >= 0 && n < 1)).toBe(true);
    expect(new Set(draws.flat()).size).toBe(2_000);
  });
  test("counts what was spent, and tells it at the end, also of a failure", async () => {
    using fleet = tinyFleet({ definitions: [made(() => 1)] });
    const target = made((ctx) => {
      ctx.spend({ usd: 0.25, inputTokens: 10, outputTokens: 5 });
      ctx.spend({ model: "m", inputTokens: 1, outputTokens: undefined });
      const { spent, remaining, total } = ctx.budget;
      throw new Error(JSON.stringify({ spent, left: remaining.usd === Infinity, total }));
    });
    using other = tinyFleet({ definitions: [target] });
    const settle = await other.run(target);
    expect(settle.spent).toEqual({ microUsd: 250_000, inputTokens: 11, outputTokens: 5 });
    expect(settle.result).toMatchObject({
      error: { message: '{"spent":{"usd":0.25,"tokens":16,"turns":2,"tasks":0},"left":true,"total":{}}' },
    });
    expect((await fleet.run(made(() => 1))).spent).toBeNull();
  });
  test("progress goes once per macrotask, with its last value", async () => {
    const target = made(async (ctx) => {
      for (let done = 1; done <= 1_000; done++) ctx.progress({ done, total: 1_000, note: "n" });
      await turns(1);
      ctx.progress({ done: 5 });
    });
    using fleet = tinyFleet({ definitions: [target] });
    await fleet.run(target);
    expect(fleet.of("progress").map(({ done }) => done)).toEqual([1_000, 5]);
  });
  test("declared errors and what this version lacks", async () => {
    const target = agent({
      name: "t",
      input: z.unknown(),
      errors: { Gone: z.object({ n: z.number() }) },
      run: (_, ctx) => ctx.fail("Gone", { n: 1 }),
    });
    expect(await resultOf(target)).toMatchObject({
      terminal: true,
      error: { code: "FLOTILLA_DECLARED", name: "Gone", data: { n: 1 } },
    });
    expect(await resultOf(made((ctx) => ctx.acquire({ kind: "limit", name: "l" })))).toMatchObject({
      terminal: true,
      error: { code: "FLOTILLA_NOT_SUPPORTED" },
    });
  });
  test("artifacts", async () => {
    const target = made(async (ctx) => {
      const ref = await ctx.artifact.put({ big: [1, 2] });
      const lost = await ctx.artifact.get({ $artifact: "none", bytes: 0 }).catch((e: unknown) => (e as { code: string }).code);
      return { ref, back: await ctx.artifact.get(ref), lost };
    });
    expect(await resultOf(target)).toEqual({
      status: "succeeded",
      value: '{"ref":{"$artifact":"artifact-1","bytes":13},"back":{"big":[1,2]},"lost":"FLOTILLA_NOT_FOUND"}',
    });
  });
});

describe("steps", () => {
  test("send intent and result, and resolve when it is committed", async () => {
    const keys: string[] = [];
    const target = made(async (ctx) => {
      const a = await ctx.step("a", ({ effectKey, signal }) => (keys.push(effectKey), signal.aborted ? 0 : 1));
      const b = await ctx.step("a", async () => (await nap(), { a: a + 1 }));
      return b;
    });
    using fleet = tinyFleet({ definitions: [target] });
    expect(await fleet.value(target)).toEqual({ a: 2 });
    expect(fleet.acts().map((a) => [a.kind, "act" in a ? a.act : 0])).toEqual([
      ["step", 1],
      ["step-result", 1],
      ["step", 2],
      ["step-result", 2],
    ]);
    expect(keys[0]).toMatch(/^t_[\w-]+$/);
  });
  test("are not run again by the next attempt; one in doubt is, by its own rule", async () => {
    const ran: string[] = [];
    const target = made(async (ctx) => {
      const a = await ctx.step("a", () => (ran.push("a"), "fresh"));
      const b = await ctx.step("b", () => (ran.push("b"), "again"));
      const c = await ctx.step("c", () => "never", { onDoubt: "fail" }).catch((e: unknown) => (e as { code: string }).code);
      return [a, b, c];
    });
    using fleet = tinyFleet({ definitions: [target] });
    const entry = { kind: "step", inputHash: "", askedAfter: 0 } as const;
    const { result } = await fleet.run(target, null, {
      attempt: 2,
      acts: 3,
      journal: [
        { ...entry, act: 1, key: "a", seq: 1 },
        { ...entry, act: 2, key: "b", seq: null },
        { ...entry, act: 3, key: "c", seq: null },
      ],
      deliveries: [{ seq: 1, act: 1, status: "succeeded", value: '"kept"', error: null, at: 5 }],
    });
    expect(result).toEqual({ status: "succeeded", value: '["kept","again","FLOTILLA_STEP_IN_DOUBT"]' });
    expect(ran).toEqual(["b"]);
    expect(fleet.acts()).toMatchObject([{ kind: "step-result", act: 2 }]);
  });
  test('with onDoubt: "fail" run only when the intent is committed', async () => {
    const target = made((ctx) => ctx.step("pay", () => "paid", { onDoubt: "fail" }));
    using fleet = tinyFleet({ definitions: [target], mute: true });
    const task = fleet.assign(target);
    await fleet.until((m) => m.t === "acts");
    await turns();
    expect(fleet.acts()).toMatchObject([{ kind: "step" }]);
    fleet.send({ t: "ack", fence: fleet.fence(task), act: 1 });
    await fleet.until((m) => m.t === "acts" && m.acts[0]?.kind === "step-result");
    await turns();
    expect(fleet.of("settle")).toEqual([]);
    // The value may be left out: it is its own.
    fleet.send({
      t: "deliver",
      fence: fleet.fence(task),
      deliveries: [{ seq: 1, act: 1, status: "succeeded", value: null, error: null, at: 5 }],
    });
    expect((await fleet.settled(task)).result).toEqual({ status: "succeeded", value: '"paid"' });
  });
  test("that throw record nothing, and the error is the code's", async () => {
    const target = made((ctx) => ctx.step("s", () => Promise.reject(new Error("far side"))));
    using fleet = tinyFleet({ definitions: [target] });
    expect((await fleet.run(target)).result).toMatchObject({ terminal: false, error: { message: "far side" } });
    expect(fleet.acts().map((a) => a.kind)).toEqual(["step"]);
    expect(await resultOf(made((ctx) => ctx.step("s", () => 1, { onDoubt: "ask" })))).toMatchObject({
      error: { code: "FLOTILLA_NOT_SUPPORTED" },
    });
  });
});

test("an emit that an earlier attempt sent is not sent again", async () => {
  const found = message("found", text);
  const target = made((ctx) => {
    ctx.emit(found, { text: "a" });
    ctx.emit(found, { text: "a" });
    ctx.emit(found, { text: "b" });
  });
  using fleet = tinyFleet({ definitions: [target] });
  await fleet.run(target);
  const first = fleet.acts() as { key: string; act: number }[];
  expect(first.map(({ act, key }) => [act, key.replace(/#[\w-]{22}/, "#hash")])).toEqual([
    [1, "found#hash"],
    [2, "found#hash#2"],
    [3, "found#hash"],
  ]);
  using again = tinyFleet({ definitions: [target] });
  await again.run(target, null, {
    acts: 2,
    journal: first.slice(0, 2).map(({ act, key }) => ({ act, key, kind: "emit", inputHash: "", askedAfter: 0, seq: null })),
  });
  expect(again.acts()).toMatchObject([{ act: 3, value: '{"text":"b"}' }]);
  expect(await resultOf(made((ctx) => ctx.emit(found, { text: 1 as never })))).toMatchObject({
    terminal: true,
    error: { code: "FLOTILLA_INPUT_INVALID" },
  });
  expect(await resultOf(made((ctx) => ctx.emit(found, { text: "x".repeat(70_000) })))).toMatchObject({
    error: { code: "FLOTILLA_TOO_LARGE" },
  });
});

describe("an attempt that no longer counts", () => {
  test("is told by its signal, and says `ended` when its code has stopped", async () => {
    const target = made(
      (ctx) => new Promise((_, reject) => ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason as Error))),
    );
    using fleet = tinyFleet({ definitions: [target], slots: 1 });
    const task = fleet.assign(target);
    const next = fleet.assign(target);
    await turns();
    fleet.send({ t: "cancel", fence: fleet.fence(task), reason: "a person" });
    await fleet.until((m) => m.t === "ended" && m.fence.task === task);
    expect(fleet.of("settle")).toEqual([]);
    // The slot is free again.
    await turns();
    fleet.send({ t: "cancel", fence: fleet.fence(next), reason: "a person" });
    await fleet.until((m) => m.t === "ended" && m.fence.task === next);
  });
  test("that never began ends at once", async () => {
    const hang = made(() => new Promise(() => {}));
    using fleet = tinyFleet({ definitions: [hang], slots: 1 });
    fleet.assign(hang);
    const second = fleet.assign(hang);
    fleet.send({ t: "cancel", fence: fleet.fence(second), reason: "x" });
    await fleet.until((m) => m.t === "ended" && m.fence.task === second);
  });
  test("a cancel of another lease is not for it", async () => {
    const target = made(() => nap());
    using fleet = tinyFleet({ definitions: [target] });
    const task = fleet.assign(target);
    fleet.send({ t: "cancel", fence: { task, boot: 1, leaseNo: 2 }, reason: "x" });
    fleet.send({ t: "cancel", fence: { task, boot: 2, leaseNo: 1 }, reason: "x" });
    expect((await fleet.settled(task)).result.status).toBe("succeeded");
  });
  test("a cancel of what is not here is answered at once, so that nobody waits for its end", async () => {
    using fleet = tinyFleet({ definitions: [made(() => 1)] });
    fleet.send({ t: "cancel", fence: { task: 77, boot: 1, leaseNo: 3 }, reason: "x" });
    await fleet.until((m) => m.t === "ended");
    expect(fleet.said).toEqual([{ t: "ended", fence: { task: 77, boot: 1, leaseNo: 3 } }]);
  });
  test("a cancel of an attempt that a new lease has displaced waits for its code", async () => {
    let release = (): void => {};
    let attempts = 0;
    const target = made(() => (++attempts === 1 ? new Promise<void>((resolve) => (release = resolve)) : "second"));
    using fleet = tinyFleet({ definitions: [target] });
    const task = fleet.assign(target);
    await turns();
    fleet.send({ t: "assign", tasks: [{ ...assignmentOf(task), fence: { task, boot: 1, leaseNo: 2 } }] });
    await fleet.settled(task);
    fleet.send({ t: "cancel", fence: { task, boot: 1, leaseNo: 1 }, reason: "x" });
    await turns();
    expect(fleet.of("ended")).toEqual([]);
    release();
    await fleet.until((m) => m.t === "ended");
    expect(fleet.of("ended")).toEqual([{ t: "ended", fence: { task, boot: 1, leaseNo: 1 } }]);
  });
  test("a new lease of its task takes its place", async () => {
    let n = 0;
    const target = made((ctx) =>
      ++n === 1 ? new Promise((_, reject) => ctx.signal.addEventListener("abort", () => reject(new Error("x")))) : "second",
    );
    using fleet = tinyFleet({ definitions: [target] });
    const task = fleet.assign(target);
    await turns();
    fleet.send({
      t: "assign",
      tasks: [{ ...assignmentOf(task), fence: { task, boot: 1, leaseNo: 2 } }],
    });
    const { fence } = await fleet.settled(task);
    expect(fence.leaseNo).toBe(2);
    expect(fleet.of("ended")).toMatchObject([{ fence: { leaseNo: 1 } }]);
  });
  test("steps and artifacts of a canceled attempt are refused, so that its code ends", async () => {
    const target = made(async (ctx) => {
      await ctx.step("s", () => 1);
      return "unreachable";
    });
    using fleet = tinyFleet({ definitions: [target], mute: true });
    const task = fleet.assign(target);
    await fleet.until((m) => m.t === "acts");
    fleet.send({ t: "cancel", fence: fleet.fence(task), reason: "x" });
    await fleet.until((m) => m.t === "ended");
  });
});

describe("a stray rejection", () => {
  test("fails its own attempt and no other", async () => {
    const careless = agent({
      name: "careless",
      input: z.unknown(),
      run: async (_, ctx) => {
        void (async () => {
          await nap();
          throw new Error("nobody listens");
        })();
        await new Promise((resolve) => ctx.signal.addEventListener("abort", resolve));
      },
    });
    const fine = made(async () => {
      for (let i = 0; i < 10; i++) await nap();
      return "fine";
    });
    using fleet = tinyFleet({ definitions: [careless, fine] });
    const [bad, good] = [fleet.assign(careless), fleet.assign(fine)];
    expect((await fleet.settled(bad)).result).toMatchObject({
      status: "failed",
      terminal: false,
      error: { message: "nobody listens" },
    });
    expect((await fleet.settled(good)).result).toEqual({ status: "succeeded", value: '"fine"' });
  });
  /** Throws where nobody listens, and goes on until `release`. */
  const careless = () => {
    const seen: string[] = [];
    let release = (): void => {};
    let heeds = true;
    const target = made(async (ctx) => {
      seen.push("begin");
      void nap().then(() => Promise.reject(new Error("nobody listens")));
      const signal = heeds ? ctx.signal : undefined;
      signal?.addEventListener("abort", () => seen.push("aborted"));
      await new Promise<void>((resolve) => (release = resolve));
      seen.push(ctx.signal.aborted ? "end, aborted" : "end");
    });
    return { target, seen, release: () => release(), ignore: () => (heeds = false) };
  };
  test("settles once; the slot is free when the code has ended, so that a retry never runs beside it", async () => {
    const { target, seen, release } = careless();
    using fleet = tinyFleet({ definitions: [target], slots: 1 });
    const task = fleet.assign(target);
    await fleet.settled(task);
    await turns();
    expect(seen).toEqual(["begin", "aborted"]);
    const next = fleet.assign(target);
    await turns();
    expect(seen).toEqual(["begin", "aborted"]);
    release();
    await turns();
    // The next one's stray may have come already.
    expect(seen.slice(0, 4)).toEqual(["begin", "aborted", "end, aborted", "begin"]);
    await fleet.settled(next);
    release();
    await turns();
    expect(fleet.said.map((m) => m.t)).toEqual(["settle", "settle"]);
  });
  test("aborts also a signal that is asked for later", async () => {
    const { target, seen, release, ignore } = careless();
    ignore();
    using fleet = tinyFleet({ definitions: [target] });
    await fleet.run(target);
    release();
    await turns();
    expect(seen).toEqual(["begin", "end, aborted"]);
  });
  test("code that ignores its signal loses its slot after a grace", async () => {
    const { target, seen, release } = careless();
    const clock = testClock();
    const warnings: string[] = [];
    using fleet = tinyFleet({ definitions: [target], slots: 1, clock, warnings });
    await fleet.run(target);
    const next = fleet.assign(target);
    await until(() => seen.length === 2);
    expect(seen).toEqual(["begin", "aborted"]);
    const first = release;
    clock.advance(5_000);
    await until(() => seen.length === 3);
    expect(seen).toEqual(["begin", "aborted", "begin"]);
    expect(warnings).toEqual([expect.stringContaining("goes on")]);
    await fleet.settled(next);
    first();
  });
  test("ends the steps and artifacts that its code awaits", async () => {
    const seen: string[] = [];
    const target = made(async (ctx) => {
      void nap().then(() => Promise.reject(new Error("nobody listens")));
      await ctx.artifact.put(1).catch((e: unknown) => seen.push((e as { code: string }).code));
      await ctx.step("s", () => 1).catch((e: unknown) => seen.push((e as { code: string }).code));
    });
    using fleet = tinyFleet({ definitions: [target], mute: true });
    await fleet.run(target);
    await turns();
    expect(seen).toEqual(["FLOTILLA_CLOSED", "FLOTILLA_CLOSED"]);
  });
  test("after the end is noted, and changes nothing", async () => {
    const target = made(() => void nap().then(() => Promise.reject(new Error("late"))));
    const warnings: string[] = [];
    using fleet = tinyFleet({ definitions: [target], warnings });
    expect((await fleet.run(target)).result.status).toBe("succeeded");
    while (warnings.length === 0) await turns();
    expect(warnings[0]).toContain("after its attempt had ended");
  });
});

describe("a message that the link cannot carry ends its attempt alone", () => {
  const large = new FlotillaError("FLOTILLA_TOO_LARGE", { what: "a message", bytes: 2, max: 1 });
  const failed = { status: "failed", terminal: true, error: { code: "FLOTILLA_TOO_LARGE" } };
  const world = (target: AnyCallable, test: (m: FromWorker) => boolean) =>
    tinyFleet({ definitions: [target], slots: 1, refuses: (m) => (test(m) ? large : undefined) });

  test("its result", async () => {
    const target = made(() => "large");
    using fleet = world(target, (m) => m.t === "settle" && m.result.status === "succeeded" && m.result.value === '"large"');
    expect((await fleet.run(target)).result).toMatchObject(failed);
    expect((await fleet.run(target)).result).toMatchObject(failed);
  });
  test("its artifact, which its code may catch", async () => {
    const target = made((ctx) => ctx.artifact.put("large").catch((e: unknown) => (e as { code: string }).code));
    using fleet = world(target, (m) => m.t === "put");
    expect((await fleet.run(target)).result).toEqual({ status: "succeeded", value: '"FLOTILLA_TOO_LARGE"' });
  });
  test("its acts, and nothing that it does later counts", async () => {
    const target = made(async (ctx) => {
      await ctx.step("s", () => "large").catch(() => {});
      return "went on";
    });
    using fleet = world(target, (m) => m.t === "acts" && m.acts.some((a) => a.kind === "step-result"));
    expect((await fleet.run(target)).result).toMatchObject(failed);
    await turns();
    expect(fleet.of("settle")).toHaveLength(1);
    // And its slot is free.
    expect((await fleet.run(target)).result).toMatchObject(failed);
  });
  test("acts that leave with its result", async () => {
    const target = made((ctx) => ctx.emit(message("found", text), { text: "large" }));
    using fleet = world(target, (m) => m.t === "acts");
    expect((await fleet.run(target)).result).toMatchObject(failed);
    await turns();
    expect(fleet.of("settle")).toHaveLength(1);
  });
  test("a workflow's acts", async () => {
    const target = workflow({
      name: "flow",
      input: z.unknown(),
      run: (_, ctx) =>
        ctx.call(
          made(() => 1),
          null,
        ),
    });
    using fleet = world(target, (m) => m.t === "acts");
    expect((await fleet.run(target)).result).toMatchObject(failed);
  });
});

/** Turns of the loop until it holds, at most so many that a person would call it hung. */
async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 10_000 && !holds(); i++) await new Promise((resolve) => setImmediate(resolve));
}
