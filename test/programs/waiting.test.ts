// What workflows wait for, in a fleet as users have it: time, messages, people; parked, canceled, continued.
import { agent, createFleet, isFlotillaError, message, workflow } from "flotilla";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { collect } from "./collect.ts";

const none = z.object({});
const paid = message("invoice.paid", z.object({ invoice: z.string(), at: z.coerce.date() }));
const note = message("note", z.string());
const Mail = z.object({ to: z.string(), body: z.string() });

describe("messages", () => {
  const wait = workflow({
    name: "wait",
    input: none,
    async run(_, ctx) {
      const payment = await ctx.waitFor(paid);
      return { invoice: payment.invoice, isDate: payment.at instanceof Date };
    },
  });

  test("a message reaches its run, before and after it waits", async () => {
    await using fleet = await createFleet({ definitions: [wait] });
    const run = await fleet.start(wait, {});
    await run.send(paid, { invoice: "i1", at: "2026-11-22" });
    expect(await run.result()).toEqual({ invoice: "i1", isDate: true });
    const late = await run.send(paid, { invoice: "i2", at: "2026-11-22" }).catch((e: unknown) => e);
    expect(isFlotillaError(late, "FLOTILLA_TOO_LATE")).toBe(true);
  });

  test("a wait may be left, and what comes later is the next one's", async () => {
    const two = workflow({
      name: "two",
      input: none,
      async run(_, ctx) {
        const first = await ctx.waitFor(note, { timeout: "1ms" }).settled();
        ctx.emit(note, "left");
        return { first: first.status, second: await ctx.waitFor(note) };
      },
    });
    await using fleet = await createFleet({ definitions: [two] });
    const run = await fleet.start(two, {});
    for await (const _ of run.messages(note)) break;
    await run.send(note, "b");
    expect(await run.result()).toEqual({ first: "failed", second: "b" });
  });

  test("a loop that races its messages with a timer loses none", async () => {
    const listen = workflow({
      name: "listen",
      input: z.object({ messages: z.int() }),
      async run({ messages }, ctx) {
        const heard: string[] = [];
        while (heard.length < messages) {
          const first = await ctx.race({ message: ctx.waitFor(note), timer: ctx.sleep("1ms") });
          if (first.winner === "message") heard.push(first.value);
        }
        return heard;
      },
    });
    const words = Array.from({ length: 60 }, (_, i) => `word ${i}`);
    for (const continuations of [100, 0]) {
      await using fleet = await createFleet({ definitions: [listen], workers: { continuations } });
      const run = await fleet.start(listen, { messages: words.length });
      for (const word of words) await run.send(note, word);
      expect(await run.result()).toEqual(words);
    }
  });

  test("tasks of one run talk to each other", async () => {
    const listener = workflow({
      name: "listener",
      input: none,
      run: async (_, ctx) => `heard ${await ctx.waitFor(note)}`,
    });
    const speaker = workflow({
      name: "speaker",
      input: z.object({ to: z.string() }),
      async run({ to }, ctx) {
        await ctx.send(to, note, "from a sibling");
        return null;
      },
    });
    const both = workflow({
      name: "both",
      input: none,
      async run(_, ctx) {
        const one = await ctx.start(listener, {}, { key: "one" });
        const two = await ctx.start(listener, {}, { key: "two" });
        await two.send(note, "from above");
        await ctx.call(speaker, { to: one.id });
        return [await one.result(), await two.result()];
      },
    });
    await using fleet = await createFleet({ definitions: [listener, speaker, both] });
    expect(await fleet.run(both, {})).toEqual(["heard from a sibling", "heard from above"]);
  });
});

describe("people", () => {
  const campaign = workflow({
    name: "campaign",
    input: z.object({ timeout: z.enum(["1ms", "1d"]), onTimeout: z.enum(["reject", "approve"]) }),
    async run({ timeout, onTimeout }, ctx) {
      const ok = await ctx.approve({
        title: "Send the mail?",
        detail: "to everybody",
        edit: { schema: Mail, value: { to: "all", body: "hi" } },
        timeout,
        onTimeout,
      });
      return { by: ok.by, via: ok.via, note: ok.note ?? null, to: ok.value.to };
    },
  });

  test("an approval is asked, seen, edited and granted", async () => {
    await using fleet = await createFleet({ definitions: [campaign] });
    const run = await fleet.start(campaign, { timeout: "1d", onTimeout: "reject" });
    let id = "";
    for await (const e of run.events({ types: ["approval.asked"] })) {
      expect(e.data.title).toBe("Send the mail?");
      id = e.data.approval;
      break;
    }
    expect(await fleet.approvals.list()).toMatchObject([
      { id, runId: run.id, detail: "to everybody", value: { to: "all" }, valueSchema: { type: "object" }, state: "open" },
    ]);
    await fleet.approvals.approve(id, { by: "ada", note: "fine", value: { to: "one", body: "hi" } });
    expect(await run.result()).toEqual({ by: "ada", via: "person", note: "fine", to: "one" });
    expect(await fleet.approvals.list()).toEqual([]);
    const late = await fleet.approvals.reject(id, { reason: "no" }).catch((e: unknown) => e);
    expect(isFlotillaError(late, "FLOTILLA_TOO_LATE")).toBe(true);
  });

  test("rejected, and expired either way", async () => {
    await using fleet = await createFleet({ definitions: [campaign] });
    const run = await fleet.start(campaign, { timeout: "1d", onTimeout: "approve" });
    for await (const e of run.events({ types: ["approval.asked"] })) {
      await fleet.approvals.reject(e.data.approval, { by: "ada", reason: "too loud" });
      break;
    }
    const outcome = await run.outcome();
    expect(outcome).toMatchObject({ status: "failed" });
    const refused = await run.result().catch((e: unknown) => e as Error);
    expect(JSON.stringify(refused)).toContain("too loud");
    const expired = await fleet.start(campaign, { timeout: "1ms", onTimeout: "reject" });
    expect(await expired.outcome()).toMatchObject({ status: "failed" });
    expect(await fleet.run(campaign, { timeout: "1ms", onTimeout: "approve" })).toMatchObject({ via: "timeout", to: "all" });
  });
});

describe("time", () => {
  test("timers end in their order, and a race with one is decided once", async () => {
    const never = workflow({ name: "never", input: none, run: (_, ctx) => ctx.waitFor(note) });
    const race = workflow({
      name: "race",
      input: none,
      async run(_, ctx) {
        const before = ctx.now().getTime();
        await ctx.sleep("20ms");
        await ctx.sleepUntil(new Date(0));
        const { winner } = await ctx.race({ child: ctx.call(never, {}), timer: ctx.sleep("5ms") });
        return { winner, slept: ctx.now().getTime() - before >= 20 };
      },
    });
    await using fleet = await createFleet({ definitions: [never, race] });
    expect(await fleet.run(race, {})).toEqual({ winner: "timer", slept: true });
  });

  test("a join within a time goes on with what there is, and the run is partial", async () => {
    const fast = agent({ name: "fast", input: z.object({ n: z.int() }), run: ({ n }) => n });
    const item = workflow({
      name: "item",
      input: z.object({ n: z.int() }),
      run: async ({ n }, ctx) => (n === 3 ? ctx.waitFor(note) : ctx.call(fast, { n })),
    });
    const all = workflow({
      name: "all",
      input: none,
      async run(_, ctx) {
        const inputs = [1, 2, 3, 4].map((n) => ({ n }));
        const joined = await ctx.map(item, inputs, { join: { atLeast: "50%", within: "300ms" } });
        return { values: joined.values, gaps: joined.gaps.map((g) => g.index) };
      },
    });
    await using fleet = await createFleet({ definitions: [fast, item, all] });
    const outcome = await (await fleet.start(all, {})).outcome();
    expect(outcome).toMatchObject({ status: "partial", value: { values: [1, 2, 4], gaps: [2] } });
    const gaps = outcome.status === "partial" ? outcome.gaps : [];
    expect(gaps).toMatchObject([{ index: 2, input: { n: 3 }, outcome: { status: "canceled" } }]);
  });
});

describe("in nobody's memory", () => {
  test("workflows are parked at once where no memory is given, and end all the same", async () => {
    const double = agent({ name: "double", input: z.object({ n: z.int() }), run: ({ n }) => n * 2 });
    let begun = 0;
    const chain = workflow({
      name: "chain",
      input: z.object({ length: z.int() }),
      async run({ length }, ctx) {
        begun += 1;
        let n = 1;
        for (let i = 0; i < length; i++) n = (await ctx.call(double, { n }, { key: `at ${i}` })) % 1_000;
        return n;
      },
    });
    let expected = 1;
    for (let i = 0; i < 40; i++) expected = (expected * 2) % 1_000;
    await using fleet = await createFleet({ definitions: [double, chain], workers: { continuations: 0 } });
    expect(await fleet.run(chain, { length: 40 })).toBe(expected);
    expect(begun).toBeGreaterThan(1);
  });

  test("a state query brings a parked workflow back", async () => {
    const stateful = workflow({
      name: "stateful",
      input: none,
      async run(_, ctx) {
        let heard = 0;
        ctx.query("heard", () => ({ heard }));
        while (heard < 3) {
          await ctx.waitFor(note);
          heard += 1;
        }
        return heard;
      },
    });
    await using fleet = await createFleet({ definitions: [stateful], workers: { continuations: 0 } });
    const run = await fleet.start(stateful, {});
    await run.send(note, "a");
    await run.send(note, "b");
    let answer = (await run.query("heard")) as { heard: number };
    while (answer.heard < 2) answer = (await run.query("heard")) as { heard: number };
    expect(answer).toEqual({ heard: 2 });
    const unknown = await run.query("other").catch((e: unknown) => e);
    expect(isFlotillaError(unknown, "FLOTILLA_NOT_FOUND")).toBe(true);
    await run.send(note, "c");
    expect(await run.result()).toBe(3);
  });
});

describe("ends", () => {
  test("a canceled workflow unwinds: its finally runs, its shield calls, and it is canceled", async () => {
    const done: string[] = [];
    const work = agent({ name: "work", input: z.object({ what: z.string() }), run: ({ what }) => done.push(what) });
    const careful = workflow({
      name: "careful",
      input: none,
      async run(_, ctx) {
        await ctx.call(work, { what: "reserve" });
        ctx.emit(note, "reserved");
        try {
          await ctx.waitFor(note);
        } catch (e) {
          done.push(isFlotillaError(e, "FLOTILLA_CANCELED") ? "told" : "?");
          await ctx.shield((c) => c.call(work, { what: "release" }), { within: "1m" });
          await ctx.call(work, { what: "never" });
        } finally {
          done.push("finally");
        }
        return 1;
      },
    });
    for (const continuations of [10, 0]) {
      done.length = 0;
      await using fleet = await createFleet({ definitions: [work, careful], workers: { continuations } });
      const run = await fleet.start(careful, {});
      for await (const _ of run.messages(note)) break;
      await run.cancel("enough");
      expect(await run.outcome()).toMatchObject({ status: "canceled" });
      expect(done.filter((d) => d !== "told")).toEqual(["reserve", "release", "finally"]);
    }
  });

  test("a loop that never ends begins anew with an empty journal", async () => {
    const step = agent({ name: "step", input: z.object({ n: z.int() }), run: ({ n }) => n + 1 });
    const loop = workflow({
      name: "loop",
      input: z.object({ n: z.int(), rounds: z.int() }),
      async run({ n, rounds }, ctx) {
        const next = await ctx.call(step, { n });
        if (rounds > 1) ctx.continueAs({ n: next, rounds: rounds - 1 });
        return next;
      },
    });
    await using fleet = await createFleet({ definitions: [step, loop] });
    const run = await fleet.start(loop, { n: 0, rounds: 50 });
    expect(await run.result()).toBe(50);
    const events = await collect(run.events({ types: ["task.settled"] }));
    expect(events).toHaveLength(50);
  });

  test("references pass through a parent and a reduce without their values", async () => {
    const big = agent({ name: "big", input: z.object({ n: z.int() }), run: ({ n }) => ({ n, text: "x".repeat(1_000) }) });
    const Part = z.object({ n: z.int(), text: z.string() });
    const sum = agent({
      name: "sum",
      input: z.object({ items: z.array(Part) }),
      output: Part,
      run: ({ items }) => ({ n: items.reduce((s, i) => s + i.n, 0), text: "y".repeat(1_000) }),
    });
    const total = workflow({
      name: "total",
      input: none,
      async run(_, ctx) {
        const inputs = Array.from({ length: 9 }, (_unused, n) => ({ n }));
        const refs = await ctx.map(big, inputs, { results: "refs" });
        const whole = await ctx.reduce(sum, refs, { fanIn: 3, empty: { n: 0, text: "" } });
        refs[0]?.$artifact satisfies string | undefined;
        return { refs: refs.length, held: JSON.stringify(refs).length < 2_000, n: whole.n };
      },
    });
    await using fleet = await createFleet({ definitions: [big, sum, total] });
    expect(await fleet.run(total, {})).toEqual({ refs: 9, held: true, n: 36 });
  });
});
