// What a cancel reaches, and what it leaves alone: children that undo something, code that does not want to hear of it.
import { agent, createFleet, message, workflow, type WorkflowContext } from "flotilla";
import { describe, expect, test } from "vitest";
import * as z from "zod";

const none = z.object({});
const note = message("note", z.string());

describe("a child that undoes something", () => {
  test("is told once, and left to it, although its parent has ended", async () => {
    const done: string[] = [];
    const work = agent({ name: "work", input: z.object({ what: z.string() }), run: ({ what }) => done.push(what) });
    const careful = workflow({
      name: "careful",
      input: none,
      async run(_, ctx) {
        ctx.emit(note, "reserved");
        try {
          await ctx.waitFor(note);
        } finally {
          await ctx.shield(
            async (c) => {
              await c.sleep("5ms");
              await c.call(work, { what: "release" });
            },
            { within: "1m" },
          );
          done.push("finally");
        }
      },
    });
    const ways: Record<string, (ctx: WorkflowContext) => Promise<unknown>> = {
      "its run is canceled": (ctx) => ctx.call(careful, {}),
      "its parent cancels it and fails": async (ctx) => {
        const child = ctx.call(careful, {});
        await ctx.waitFor(note);
        child.cancel("no more");
        child.cancel("really");
        throw new Error("failed");
      },
    };
    for (const [how, run] of Object.entries(ways)) {
      for (const continuations of [10, 0]) {
        done.length = 0;
        const parent = workflow({ name: "parent", input: none, run: (_, ctx) => run(ctx) });
        await using fleet = await createFleet({ definitions: [work, careful, parent], workers: { continuations } });
        const started = await fleet.start(parent, {});
        for await (const _ of started.messages(note)) break;
        if (how === "its run is canceled") await started.cancel("enough");
        else await started.send(note, "go");
        expect(`${how}: ${(await started.outcome()).status}`).toBe(
          `${how}: ${how === "its run is canceled" ? "canceled" : "failed"}`,
        );
        await expect.poll(() => done, { timeout: 10_000 }).toContain("release");
      }
    }
  });
});

describe("code that catches its cancel and asks on", () => {
  const add = agent({ name: "add", input: z.object({ n: z.int() }), run: ({ n }) => n + 1 });
  /** Each of them is refused at the ask, in the same microtask. */
  const asks = {
    sleep: (ctx: WorkflowContext) => ctx.sleep("1h"),
    waitFor: (ctx: WorkflowContext) => ctx.waitFor(note),
    call: (ctx: WorkflowContext) => ctx.call(add, { n: 1 }).then(() => ctx.sleep("1h")),
    map: (ctx: WorkflowContext) => ctx.map(add, [{ n: 1 }]).then(() => ctx.sleep("1h")),
    scope: (ctx: WorkflowContext) => ctx.scope("again", (c) => c.sleep("1h")),
  };
  const forEver = async (ctx: WorkflowContext, ask: (ctx: WorkflowContext) => Promise<unknown>): Promise<never> => {
    for (;;) {
      try {
        await ask(ctx);
      } catch {
        // It does not want to hear of it.
      }
    }
  };

  for (const [name, ask] of Object.entries(asks)) {
    test(`ends with its run: ${name}`, async () => {
      const loop = workflow({
        name: "loop",
        input: none,
        run(_, ctx) {
          ctx.emit(note, "begun");
          return forEver(ctx, ask);
        },
      });
      await using fleet = await createFleet({ definitions: [add, loop] });
      const run = await fleet.start(loop, {});
      for await (const _ of run.messages(note)) break;
      await run.cancel("enough");
      expect((await run.outcome()).status).toBe("canceled");
    });
  }

  // Its refusals are bounded where the cancel was, also when it makes a scope of its own for every ask.
  for (const name of ["sleep", "scope"] as const) {
    test(`is left behind with its scope: ${name}`, { timeout: 120_000 }, async () => {
      const parent = workflow({
        name: "parent",
        input: none,
        async run(_, ctx) {
          const loop = ctx.scope("loop", (c) => forEver(c, asks[name]));
          await ctx.sleep("5ms");
          loop.cancel("enough");
          await ctx.sleep("5ms");
          return "went on";
        },
      });
      await using fleet = await createFleet({ definitions: [add, parent] });
      expect(await fleet.run(parent, {})).toBe("went on");
    });
  }
});

describe("questions", () => {
  test("asked before the first attempt, they are answered by it", async () => {
    const gate = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const block = agent({
      name: "block",
      input: none,
      async run() {
        begun.resolve();
        await gate.promise;
      },
    });
    const asked = workflow({
      name: "asked",
      input: none,
      async run(_, ctx) {
        ctx.query("state", () => 42);
        await ctx.waitFor(note);
      },
    });
    await using fleet = await createFleet({ definitions: [block, asked], workers: { slots: 1 } });
    await fleet.start(block, {});
    await begun.promise;
    const run = await fleet.start(asked, {});
    const answer = run.query("state");
    // Another look at the store, begun later: the question has been taken by then.
    await fleet.approvals.list();
    gate.resolve();
    expect(await answer).toBe(42);
    await run.send(note, "enough");
    await run.outcome();
  });

  test("an answer that asks something is refused, and its run goes on", async () => {
    const curious = workflow({
      name: "curious",
      input: none,
      async run(_, ctx) {
        ctx.query("state", () => ctx.emit(note, "asked"));
        return ctx.waitFor(note);
      },
    });
    for (const continuations of [10, 0]) {
      await using fleet = await createFleet({ definitions: [curious], workers: { continuations } });
      const run = await fleet.start(curious, {});
      await expect(run.query("state")).rejects.toMatchObject({ code: "FLOTILLA_NOT_SUPPORTED" });
      await run.send(note, "fine");
      expect(await run.result()).toBe("fine");
    }
  });
});
