import { describe, expect, test } from "vitest";
import * as z from "zod";
import { tinyFleet, turns, type ActOf } from "../../test/replay/tiny-fleet.ts";
import { agent } from "../client/agent.ts";
import { message } from "../client/message.ts";
import { workflow } from "../client/workflow.ts";
import type { WorkflowContext } from "../core/context.ts";
import type { AnyCallable } from "../core/definition.ts";
import { FlotillaError } from "../core/error.ts";
import type { Act } from "../protocol/worker.ts";

const n = z.object({ n: z.number() });
const inc = agent({ name: "inc", input: n, output: z.number(), run: ({ n }) => n + 1 });
const total = agent({
  name: "total",
  input: z.object({ items: z.array(z.number()) }),
  output: z.number(),
  run: ({ items }) => items.reduce((a, b) => a + b, 0),
});
const note = message("note", z.string().min(2));

/** One run of that code, whose waits the test ends. */
function begin(run: (ctx: WorkflowContext) => unknown, o: { mute?: boolean } = {}) {
  const target: AnyCallable = workflow({ name: "flow", input: z.unknown(), run: (_, ctx) => run(ctx) });
  const fleet = tinyFleet({ definitions: [target, inc, total], ...o });
  const task = fleet.assign(target);
  const { asked, settled } = fleet;
  return {
    [Symbol.dispose]: () => fleet[Symbol.dispose](),
    fleet,
    task,
    asked: <K extends Act["kind"]>(kind: K, which?: (act: ActOf<K>) => boolean) => asked(task, kind, which),
    end: (act: number, over?: Parameters<typeof fleet.end>[2]) => fleet.end(task, act, over),
    result: () => settled(task).then((m) => m.result),
    cancel: () => fleet.end(task, 0, { status: "canceled", value: null, error: canceled }),
  };
}
const canceled = new FlotillaError("FLOTILLA_CANCELED", { by: "ann" }).toJSON();
const timeout = new FlotillaError("FLOTILLA_TIMEOUT", { after: "timeout" }).toJSON();
const code = (e: unknown): string => (e as { code: string }).code;
const config = { status: "failed", terminal: true, error: { code: "FLOTILLA_CONFIG_INVALID" } };

describe("sleep", () => {
  test("is a timer of so many ms, and goes on when it ends", async () => {
    using run = begin(async (ctx) => {
      await ctx.sleep("3d");
      return ctx.now().getTime();
    });
    const act = await run.asked("timer");
    expect(act).toMatchObject({ act: 1, until: { delayMs: 259_200_000 }, askedAfter: 0 });
    await run.asked("wait");
    run.end(act.act);
    expect(await run.result()).toEqual({ status: "succeeded", value: "1001" });
  });
  test("until a date", async () => {
    using run = begin((ctx) => ctx.sleepUntil(new Date("2027-01-01")).then(() => "up"));
    const act = await run.asked("timer");
    expect(act.until).toEqual({ at: Date.parse("2027-01-01") });
    run.end(act.act);
    expect(await run.result()).toMatchObject({ value: '"up"' });
  });
  test("cancel() is an act, and what comes of it the code's", async () => {
    using run = begin(async (ctx) => {
      const nap = ctx.sleep("1h");
      await ctx.call(inc, { n: 1 });
      nap.cancel("enough");
      return nap.catch(code);
    });
    const stop = await run.asked("cancel");
    expect(stop).toEqual({ kind: "cancel", act: 1, reason: "enough" });
    run.end(1, { status: "canceled", value: null, error: canceled });
    expect(await run.result()).toMatchObject({ value: '"FLOTILLA_CANCELED"' });
  });
  test.each([
    ["no duration", (ctx: WorkflowContext) => ctx.sleep("soon" as never)],
    ["no date", (ctx: WorkflowContext) => ctx.sleepUntil(new Date("never"))],
  ])("refused: %s", async (_, ask) => {
    using run = begin(ask);
    expect(await run.result()).toMatchObject(config);
  });
});

describe("waitFor", () => {
  test("gives what the message's schema makes of it", async () => {
    using run = begin((ctx) => ctx.waitFor(note, { timeout: "1m" }));
    const act = await run.asked("message");
    expect(act).toMatchObject({ name: "note", timeoutMs: 60_000 });
    run.end(act.act, { value: '"hello"' });
    expect(await run.result()).toEqual({ status: "succeeded", value: '"hello"' });
  });
  test("a value that does not fit is the code's to handle, and so is a timeout", async () => {
    using run = begin(async (ctx) => [
      await ctx.waitFor(note).catch(code),
      await ctx.waitFor(note, { timeout: "1s" }).catch(code),
    ]);
    expect((await run.asked("message")).timeoutMs).toBeNull();
    run.end(1, { value: '"x"' });
    const second = await run.asked("message", (a) => a.act === 2);
    expect(second.key).not.toBe("message#note");
    run.end(2, { status: "failed", value: null, error: timeout });
    expect(await run.result()).toMatchObject({ value: '["FLOTILLA_INPUT_INVALID","FLOTILLA_TIMEOUT"]' });
  });
  test("refused: no message", async () => {
    using run = begin((ctx) => ctx.waitFor("note" as never));
    expect(await run.result()).toMatchObject(config);
  });
});

describe("approve", () => {
  test("asks with what may be edited, and gives what came back", async () => {
    using run = begin((ctx) =>
      ctx.approve({ title: "Ship?", edit: { schema: n, value: { n: 1 } }, timeout: "1d", onTimeout: "approve", role: "lead" }),
    );
    const act = await run.asked("approval");
    expect(act).toMatchObject({
      timeoutMs: 86_400_000,
      approval: {
        title: "Ship?",
        role: "lead",
        detail: null,
        onTimeout: "approve",
        edit: { value: { n: 1 }, schema: { type: "object" } },
      },
    });
    run.end(act.act, { value: JSON.stringify({ by: "ann", via: "person", value: { n: 2 } }) });
    expect(await run.result()).toMatchObject({ value: JSON.stringify({ by: "ann", via: "person", value: { n: 2 } }) });
  });
  test("a no throws, and an edit that does not fit too", async () => {
    using run = begin(async (ctx) => [
      await ctx.approve({ title: "a" }).catch(code),
      await ctx.approve({ title: "b", edit: { schema: n, value: { n: 1 } } }).catch(code),
    ]);
    await run.asked("approval");
    const error = new FlotillaError("FLOTILLA_REJECTED", { by: "ann", reason: "no" }).toJSON();
    run.end(1, { status: "failed", value: null, error });
    await run.asked("approval", (a) => a.act === 2);
    run.end(2, { value: JSON.stringify({ by: "ann", via: "person", value: { n: "two" } }) });
    expect(await run.result()).toMatchObject({ value: '["FLOTILLA_REJECTED","FLOTILLA_INPUT_INVALID"]' });
  });
  test("refused: no title", async () => {
    using run = begin((ctx) => ctx.approve({ title: "" }));
    expect(await run.result()).toMatchObject(config);
  });
});

describe("send", () => {
  test("to a child and to a task of the run: an act each, and the code goes on at once", async () => {
    using run = begin(async (ctx) => {
      const child = await ctx.start(inc, { n: 1 });
      await child.send(note, "hello");
      await ctx.send("t_other", note, "there");
      return ctx.send("t_other", note, "x").catch(code);
    });
    expect(await run.result()).toMatchObject({ value: '"FLOTILLA_INPUT_INVALID"' });
    expect(run.fleet.acts(run.task).filter((a) => a.kind === "send")).toMatchObject([
      { act: 2, to: { act: 1 }, name: "note", value: '"hello"' },
      { act: 3, to: { task: "t_other" }, name: "note", value: '"there"' },
    ]);
  });
});

describe("a join with time", () => {
  const inputs = [{ n: 1 }, { n: 2 }, { n: 3 }];
  const child = (run: ReturnType<typeof begin>, act: number) => run.end(act, { value: String(act * 10) });

  test("over, with enough: the rest is canceled and named as gaps", async () => {
    using run = begin(async (ctx) => (await ctx.map(inc, inputs, { join: { atLeast: 1, within: "1m" } })).values, { mute: true });
    const act = await run.asked("timer");
    expect(act.until).toEqual({ delayMs: 60_000 });
    child(run, 1);
    run.end(act.act);
    const result = await run.result();
    expect(result).toMatchObject({ status: "succeeded", value: "[10]" });
    const gaps = JSON.parse((result as { gaps: string }).gaps) as unknown;
    expect(gaps).toMatchObject({ total: 2, named: [{ index: 1, status: "canceled" }, { index: 2 }] });
    expect(run.fleet.acts(run.task).filter((a) => a.kind === "cancel")).toMatchObject([{ act: 2 }, { act: 3 }]);
  });
  test("over, with too few: unmet", async () => {
    using run = begin((ctx) => ctx.map(inc, inputs, { join: { atLeast: 2, within: "1m" } }), { mute: true });
    await run.asked("timer");
    child(run, 2);
    run.end(4);
    expect(await run.result()).toMatchObject({
      status: "failed",
      error: { code: "FLOTILLA_JOIN_UNMET", details: { wanted: 2, succeeded: 1 } },
    });
  });
  test("decided before: its timer is canceled, nothing is missed", async () => {
    using run = begin(
      async (ctx) => (await ctx.map(inc, inputs, { join: { atLeast: 2, within: "1m", early: true } })).values.length,
    );
    expect(await run.result()).toEqual({ status: "succeeded", value: "2" });
    expect(run.fleet.acts(run.task).filter((a) => a.kind === "cancel")).toContainEqual(expect.objectContaining({ act: 4 }));
  });
});

test("results: references go into a reduce without passing through the workflow", async () => {
  using run = begin(
    async (ctx) => {
      const refs = await ctx.map(inc, [{ n: 1 }, { n: 2 }, { n: 3 }], { results: "refs" });
      return ctx.reduce(total, refs, { fanIn: 2, empty: 0 });
    },
    { mute: true },
  );
  const ref = (id: string) => JSON.stringify({ $artifact: id, bytes: 1 });
  expect(await run.asked("child", (a) => a.act === 3)).toMatchObject({ asRef: true });
  for (const act of [1, 2, 3]) run.end(act, { value: ref(`a${act}`) });
  const pair = await run.asked("child", (a) => a.act === 4);
  expect(pair).toMatchObject({ definition: "total", inflate: true, asRef: true });
  expect(JSON.parse(pair.input)).toEqual({
    items: [
      { $artifact: "a1", bytes: 1 },
      { $artifact: "a2", bytes: 1 },
    ],
  });
  run.end(4, { value: ref("a4") });
  run.end(5, { value: ref("a5") });
  const last = await run.asked("child", (a) => a.act === 6);
  expect(last).toMatchObject({ inflate: true });
  expect(last.asRef).toBeUndefined();
  run.end(6, { value: "9" });
  expect(await run.result()).toEqual({ status: "succeeded", value: "9" });
});

test("what was passed by reference is loaded before the code gets it", async () => {
  using fleet = tinyFleet({ definitions: [total] });
  const task = fleet.assign(total, { items: [{ $artifact: "a1", bytes: 1 }, 5] }, { inflate: true });
  const get = await fleet.until((m) => m.t === "get");
  expect(get).toMatchObject({ ref: "a1" });
  // Nobody has it: it is tried again elsewhere, or waits; the code never sees a reference.
  expect((await fleet.settled(task)).result).not.toMatchObject({ status: "succeeded" });
});

describe("a cancel of the task", () => {
  test("rejects what is awaited, refuses what is asked, and ends as canceled whatever is returned", async () => {
    const seen: unknown[] = [];
    using run = begin(async (ctx) => {
      seen.push(await ctx.sleep("1h").catch(code), ctx.signal.aborted);
      seen.push(await ctx.call(inc, { n: 1 }).catch(code), await ctx.step("s", () => 1).catch(code));
      return "fine";
    });
    await run.asked("wait");
    run.cancel();
    expect(await run.result()).toEqual({ status: "canceled", error: canceled });
    expect(seen).toEqual(["FLOTILLA_CANCELED", true, "FLOTILLA_CANCELED", "FLOTILLA_CANCELED"]);
    expect(run.fleet.acts(run.task).map((a) => a.kind)).toEqual(["timer"]);
  });
  test("ends code that asks on for ever", async () => {
    using run = begin(async (ctx) => {
      for (;;) await ctx.call(inc, { n: 1 }, { key: "again" }).catch(() => ctx.sleep("1h").catch(() => 0));
    });
    await run.fleet.until((m) => m.t === "acts");
    run.cancel();
    expect(await run.result()).toMatchObject({ status: "canceled" });
  });
});

test("a canceled scope whose code asks on for ever does not hold the worker", async () => {
  using run = begin(async (ctx) => {
    const loop = ctx.scope("loop", async (c) => {
      for (;;) await c.sleep("1h").catch(() => 0);
    });
    await ctx.call(inc, { n: 1 });
    loop.cancel("enough");
    await loop;
  });
  await run.asked("cancel");
  run.end(1, { status: "canceled", value: null, error: canceled });
  // It waits for nothing that could come.
  expect(await run.result()).toMatchObject({ status: "failed", error: { code: "FLOTILLA_FOREIGN_AWAIT" } });
});

describe("shield", () => {
  const undo = (within: "1m", body: (c: WorkflowContext) => Promise<unknown>) => async (ctx: WorkflowContext) => {
    try {
      await ctx.sleep("1h");
    } finally {
      await ctx.shield(body, { within });
    }
  };
  test("without a cancel it is just code, and no timer", async () => {
    using run = begin((ctx) => ctx.shield((c) => c.call(inc, { n: 1 }), { within: "1m" }));
    expect(await run.result()).toEqual({ status: "succeeded", value: "2" });
    expect(run.fleet.acts(run.task)).toMatchObject([{ kind: "child", shielded: true }]);
  });
  test("goes on after a cancel; its time runs from there, and ends with it", async () => {
    using run = begin(undo("1m", async (c) => c.emit(message("done", z.number()), await c.call(inc, { n: 1 }))));
    await run.asked("wait");
    run.cancel();
    expect(await run.result()).toMatchObject({ status: "canceled" });
    expect(run.fleet.acts(run.task)).toMatchObject([
      { kind: "timer", until: { delayMs: 3_600_000 } },
      { kind: "timer", until: { delayMs: 60_000 } },
      { kind: "child", shielded: true },
      { kind: "emit" },
      { kind: "cancel", act: 2 },
    ]);
  });
  test("is over when its time is", async () => {
    using run = begin(undo("1m", (c) => c.waitFor(note)));
    await run.asked("wait");
    run.cancel();
    const time = await run.asked("timer", (a) => a.act === 2);
    await run.asked("message");
    run.end(time.act);
    expect(await run.result()).toMatchObject({ status: "canceled" });
  });
  test("what is inside it lasts no longer than it does", async () => {
    using run = begin(undo("1m", (c) => c.shield((d) => d.waitFor(note), { within: "1h" })));
    await run.asked("wait");
    run.cancel();
    const time = await run.asked("timer", (a) => "delayMs" in a.until && a.until.delayMs === 60_000);
    await run.asked("message");
    run.end(time.act);
    expect(await run.result()).toMatchObject({ status: "canceled" });
  });
  test("is over although another goes on", async () => {
    const seen: unknown[] = [];
    using run = begin(async (ctx) => {
      await ctx.sleep("1h").catch(() => 0);
      const short = ctx.shield(
        async (c) => {
          seen.push(await c.waitFor(note).catch(code));
          seen.push(await c.call(inc, { n: 1 }).catch(code));
        },
        { within: "1m" },
      );
      await ctx.shield((c) => c.approve({ title: "long" }), { within: "1h" });
      await short;
    });
    await run.asked("wait");
    run.cancel();
    const time = await run.asked("timer", (a) => "delayMs" in a.until && a.until.delayMs === 60_000);
    const message = await run.asked("message");
    const approval = await run.asked("approval");
    run.end(time.act);
    expect(await run.asked("cancel")).toMatchObject({ act: message.act });
    run.end(message.act, { status: "canceled", value: null, error: canceled });
    await run.fleet.until((m) => m.t === "acts" && m.acts.some((a) => a.kind === "wait" && a.seen === 3));
    expect(seen).toEqual(["FLOTILLA_CANCELED", "FLOTILLA_CANCELED"]);
    run.end(approval.act, { value: JSON.stringify({ by: "ann", via: "person", value: null }) });
    expect(await run.result()).toMatchObject({ status: "canceled" });
  });
  test("refused without a time", async () => {
    using run = begin((ctx) => ctx.shield(() => 1, {} as never));
    expect(await run.result()).toMatchObject({ status: "failed", terminal: true });
  });
});

describe("continueAs", () => {
  test("ends the execution with the next input; nothing after it counts", async () => {
    using run = begin(async (ctx) => {
      void ctx.sleep("1h");
      try {
        ctx.continueAs({ n: 2 });
      } catch {
        await ctx.call(inc, { n: 1 });
      }
    });
    expect(await run.result()).toEqual({ status: "continued", input: '{"n":2}', seen: 0 });
    expect(run.fleet.acts(run.task).map((a) => a.kind)).toEqual(["timer"]);
  });
  test("refuses what the workflow's input refuses", async () => {
    const target = workflow({ name: "strict", input: n, run: (_, ctx) => ctx.continueAs({ n: "two" }) });
    using fleet = tinyFleet({ definitions: [target] });
    expect((await fleet.run(target, { n: 1 })).result).toMatchObject({ error: { code: "FLOTILLA_INPUT_INVALID" } });
  });
});

describe("a worker without memory for what waits", () => {
  test("asks to forget it, and forgets it when it may", async () => {
    const target = workflow({ name: "flow", input: z.unknown(), run: (_, ctx) => ctx.sleep("1h") });
    using fleet = tinyFleet({ definitions: [target], continuations: 0 });
    const task = fleet.assign(target);
    expect(await fleet.asked(task, "wait", (a) => a.park === true)).toMatchObject({ seen: 0 });
    fleet.send({ t: "parked", fence: fleet.fence(task) });
    await turns();
    fleet.send({ t: "cancel", fence: fleet.fence(task), reason: "gone" });
    await fleet.until((m) => m.t === "ended"); // It has nothing of it any more.
    expect(fleet.of("settle")).toEqual([]);
  });
  test("what settles first is told first", async () => {
    const target = workflow({ name: "flow", input: z.unknown(), run: (_, ctx) => ctx.sleep("1h").then(() => 1) });
    using fleet = tinyFleet({ definitions: [target], continuations: 0 });
    const task = fleet.assign(target);
    await fleet.asked(task, "wait", (a) => a.park === true);
    fleet.end(task, 1);
    expect((await fleet.settled(task)).result).toEqual({ status: "succeeded", value: "1" });
  });
});

test("a state is answered by the code that has it, between two turns", async () => {
  using run = begin(async (ctx) => {
    let done = 0;
    ctx.query("done", () => done);
    await ctx.call(inc, { n: 1 });
    done = 1;
    await ctx.sleep("1h");
  });
  await run.asked("timer");
  run.fleet.send({ t: "query", fence: run.fleet.fence(run.task), request: 1, name: "done" });
  expect(await run.fleet.until((m) => m.t === "answer")).toMatchObject({ request: 1, value: "1", error: null });
  run.fleet.send({ t: "query", fence: run.fleet.fence(run.task), request: 2, name: "other" });
  expect(await run.fleet.until((m) => m.t === "answer" && m.request === 2)).toMatchObject({
    error: { code: "FLOTILLA_NOT_FOUND" },
  });
});
