// Code that changed under a run: the attempt ends as a mismatch, before it has submitted anything.
import { beforeAll, describe, expect, test } from "vitest";
import type { WorkflowContext } from "../../src/core/context.ts";
import { createRandom } from "../../src/core/random.ts";
import type { JournalEntry } from "../../src/protocol/worker.ts";
import { play } from "./model.ts";
import { double, inc, program, said } from "./programs.ts";
import { rerun, until, type History } from "./rerun.ts";

const original = program(async (ctx) => {
  ctx.emit(said, "begin");
  const a = await ctx.call(inc, { n: 1 });
  const b = await ctx.step("b", () => a + 1);
  const c = await ctx.call(double, { n: b }, { key: "third" });
  const d = await ctx.map(inc, [{ n: c }, { n: c + 1 }]);
  return ctx.call(double, { n: d[0] as number });
});

let history: History;
beforeAll(async () => {
  history = await play({ workflow: original, random: createRandom(7), crash: 0, crashesMax: 0 });
});

test("the history under test", () => {
  expect(history.rows.map((r) => r.askedAfter)).toEqual([0, 0, 1, 2, 3, 3, 5]);
});

/** The original with one change. */
interface Change {
  begin?(ctx: WorkflowContext): unknown;
  a?(ctx: WorkflowContext): Promise<number>;
  b?(ctx: WorkflowContext, a: number): Promise<number>;
  c?(ctx: WorkflowContext, b: number): Promise<number>;
  after?(ctx: WorkflowContext): unknown;
}
const changed = (change: Change) =>
  program(async (ctx) => {
    if (change.begin) await change.begin(ctx);
    else ctx.emit(said, "begin");
    const a = await (change.a ? change.a(ctx) : ctx.call(inc, { n: 1 }));
    const b = await (change.b ? change.b(ctx, a) : ctx.step("b", () => a + 1));
    const c = await (change.c ? change.c(ctx, b) : ctx.call(double, { n: b }, { key: "third" }));
    await change.after?.(ctx);
    const d = await ctx.map(inc, [{ n: c }, { n: c + 1 }]);
    return ctx.call(double, { n: d[0] as number });
  });

test.each([0, 1, 2, 3, 4, 5])("the same code goes on after seq %i", async (seq) => {
  const { result, acts } = await rerun(original, until(history, seq));
  expect(result).toBeUndefined();
  // After seq 1 its step is in doubt, and runs again.
  expect(acts).toMatchObject(seq === 1 ? [{ kind: "step-result", act: 3, value: "3" }] : []);
});

test("the same code gives the result once all is there", async () => {
  const { result, acts } = await rerun(original, history);
  expect(result).toMatchObject({ status: "succeeded" });
  expect(acts).toEqual([]);
});

describe("is a mismatch, and nothing new was submitted", () => {
  const changes: readonly (readonly [string, Change])[] = [
    ["a call removed", { c: async (_, b) => b * 2 }],
    ["a step removed", { b: async (_, a) => a + 1 }],
    ["an emit removed", { begin: () => {} }],
    ["an emit changed", { begin: (ctx) => ctx.emit(said, "start") }],
    ["a call inserted", { begin: async (ctx) => (ctx.emit(said, "begin"), await ctx.call(double, { n: 5 })) }],
    ["a call inserted that nobody awaits", { begin: (ctx) => (ctx.emit(said, "begin"), void ctx.call(double, { n: 5 })) }],
    ["a step inserted in the middle", { after: (ctx) => ctx.step("new", () => 1) }],
    ["an emit inserted in the middle", { b: (ctx, a) => (ctx.emit(said, "new"), ctx.step("b", () => a + 1)) }],
    ["an input changed", { a: (ctx) => ctx.call(inc, { n: 2 }) }],
    ["an input changed under its own key", { c: (ctx, b) => ctx.call(double, { n: b + 1 }, { key: "third" }) }],
    ["another agent under the same key", { c: (ctx, b) => ctx.call(inc, { n: b }, { key: "third" }) }],
    ["another agent with the same input", { a: (ctx) => ctx.call(double, { n: 1 }) }],
    ["a step made a call", { b: (ctx, a) => ctx.call(inc, { n: a }, { key: "b" }) }],
    ["a call made a step", { c: (ctx, b) => ctx.step("third", () => b * 2) }],
    ["a key changed", { c: (ctx, b) => ctx.call(double, { n: b }, { key: "3rd" }) }],
    ["a scope put around a call", { a: (ctx) => ctx.scope("s", (c) => c.call(inc, { n: 1 })) }],
    ["returned early", { c: () => Promise.reject(new Error("no more")) }],
    ["never asks again", { c: () => new Promise(() => {}) }],
    ["the mismatch is caught", { c: (ctx, b) => ctx.call(double, { n: b + 1 }, { key: "third" }).catch(() => 0) }],
    [
      "hidden behind settled()",
      {
        c: async (ctx, b) => ((await ctx.call(double, { n: b + 1 }, { key: "third" }).settled()).status === "succeeded" ? 1 : 0),
      },
    ],
  ];
  test.each(changes)("%s", async (_, change) => {
    for (const seq of [4, 5, 6]) {
      const { result, acts } = await rerun(changed(change), until(history, seq));
      expect(result).toMatchObject({ status: "mismatch", error: { code: "FLOTILLA_HISTORY_MISMATCH" } });
      expect(acts).toEqual([]);
    }
  });
});

describe("until a re-run has caught up, nothing has an effect", () => {
  const ran: string[] = [];
  const code = (last: (ctx: WorkflowContext) => Promise<number>) =>
    program(async (ctx) => {
      const step = ctx.step("effect", () => ran.push("effect"));
      const loser = await ctx.start(double, { n: 1 });
      await ctx.call(inc, { n: 1 });
      await loser.cancel("lost");
      await last(ctx);
      return step;
    });
  const asked = code((ctx) => ctx.call(inc, { n: 2 }));
  // One outcome: the call's. The step was begun, its result never came; the loser runs; the last call was asked.
  const history = async (): Promise<History> => {
    const all = await play({ workflow: asked, random: createRandom(1), crash: 0, crashesMax: 0 });
    const [step, loser, call, last] = all.rows as [JournalEntry, JournalEntry, JournalEntry, JournalEntry];
    const value = { act: call.act, status: "succeeded" as const, value: "2", error: null };
    return {
      rows: [
        { ...step, seq: null },
        { ...loser, seq: null },
        { ...call, seq: 1 },
        { ...last, askedAfter: 1, seq: null },
      ],
      deliveries: [{ ...value, seq: 1, at: 2_000 }],
    };
  };

  test("the same code: the step in doubt runs, the loser is canceled", async () => {
    const lived = await history();
    ran.length = 0;
    const { result, acts } = await rerun(asked, lived);
    expect(result).toBeUndefined();
    expect(acts.map((a) => a.kind).toSorted()).toEqual(["cancel", "step-result"]);
    expect(ran).toEqual(["effect"]);
  });

  test("changed code: neither", async () => {
    const lived = await history();
    ran.length = 0;
    const { result, acts } = await rerun(
      code((ctx) => ctx.call(inc, { n: 3 })),
      lived,
    );
    expect(result).toMatchObject({ status: "mismatch" });
    expect(acts).toEqual([]);
    expect(ran).toEqual([]);
  });
});

test("a mismatch names the key, what was recorded and what was asked", async () => {
  const other = changed({ c: (ctx, b) => ctx.step("third", () => b) });
  const { result } = await rerun(other, history);
  expect(result).toMatchObject({ error: { details: { key: "third", recorded: "a child", asked: "a step" } } });
});

test("a change beyond the history is no mismatch", async () => {
  const { result, acts } = await rerun(changed({ after: (ctx) => ctx.call(inc, { n: 9 }) }), until(history, 2));
  expect(result).toBeUndefined();
  expect(acts).toEqual([]);
  const further = await rerun(changed({ c: (ctx, b) => ctx.call(inc, { n: b }) }), until(history, 1));
  expect(further.result).toBeUndefined();
});

test("logs, emits and progress of what was lived through are not told again", async () => {
  const loud = program(async (ctx) => {
    ctx.log.info("first");
    ctx.progress({ done: 1 });
    ctx.emit(said, "begin");
    await ctx.call(inc, { n: 1 });
    ctx.log.info("second");
    await ctx.call(inc, { n: 2 });
    ctx.log.info("third");
    ctx.progress({ done: 3 });
    ctx.emit(said, "third");
    return ctx.call(inc, { n: 3 });
  });
  const lived = await play({ workflow: loud, random: createRandom(3), crash: 0, crashesMax: 0 });
  const told = (h: History) =>
    rerun(loud, h).then(({ said }) =>
      said.flatMap((m): unknown[] =>
        m.t === "log" ? [m.message] : m.t === "progress" ? [m.done] : m.t === "acts" ? m.acts.map((a) => a.kind) : [],
      ),
    );
  expect(await told({ rows: [], deliveries: [] })).toEqual(["emit", "child", "wait", "first", 1]);
  expect(await told(until(lived, 1))).toEqual(["wait"]);
  // Turn 2 was not lived through: its acts were lost with the attempt.
  const lost = until(lived, 2);
  expect(await told({ rows: lost.rows.filter((r) => r.askedAfter < 2), deliveries: lost.deliveries })).toEqual([
    "emit",
    "child",
    "wait",
    "third",
    3,
  ]);
});
