// Programs that once hung, leaked or were lost: each is short, and each was somebody's night.
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { agent, createFleet, message, RetryableError, TerminalError, workflow } from "../../src/index.ts";
import { openFleet } from "../../src/runtime/create-fleet.ts";

const any = z.unknown().optional();
const found = message("found", z.object({ n: z.int() }));

describe("emits", () => {
  test("an agent that emits and fails is tried again, and has emitted once", async () => {
    let tries = 0;
    const flaky = agent({
      name: "flaky",
      input: any,
      retry: { from: "5ms", to: "5ms" },
      run(_input, ctx) {
        ctx.emit(found, { n: 1 });
        if (++tries === 1) throw new Error("once");
        return tries;
      },
    });
    const fleet = await createFleet({ definitions: [flaky] });
    const run = await fleet.start(flaky, null);
    expect(await run.result()).toBe(2);
    const seen: unknown[] = [];
    for await (const m of run.messages(found)) seen.push(m);
    expect(seen).toEqual([{ n: 1 }]);
    await fleet.close();
  });

  test("600 attempts that emit and end in one turn all end", async () => {
    let begun = 0;
    const gate = Promise.withResolvers<void>();
    const all = Promise.withResolvers<void>();
    const emitter = agent({
      name: "emitter",
      input: any,
      async run(_input, ctx) {
        if (++begun === 600) all.resolve();
        await gate.promise;
        ctx.emit(found, { n: begun });
        return 1;
      },
    });
    const fleet = await createFleet({ definitions: [emitter], workers: { slots: 1_000 } });
    const runs = await Promise.all(Array.from({ length: 600 }, () => fleet.start(emitter, null)));
    await all.promise;
    gate.resolve();
    expect((await Promise.all(runs.map((r) => r.result()))).length).toBe(600);
    await fleet.close();
  });
});

describe("children", () => {
  test("one that is asked for and canceled in one turn leaves its lane alive", async () => {
    const one = agent({ name: "one", input: any, run: () => 1 });
    const fickle = workflow({
      name: "fickle",
      input: any,
      async run(_input, ctx) {
        const call = ctx.call(one, null);
        call.cancel("changed my mind");
        return (await call.settled()).status;
      },
    });
    const fleet = await createFleet({ definitions: [one, fickle], workers: { slots: 1 } });
    expect(await fleet.run(fickle, null)).toBe("canceled");
    expect(await Promise.all([1, 2, 3, 4, 5].map(() => fleet.run(one, null)))).toEqual([1, 1, 1, 1, 1]);
    await fleet.close();
  });

  test("one that nobody awaited is canceled with its workflow, and no gate is left", async () => {
    const begun = Promise.withResolvers<boolean>();
    const told = Promise.withResolvers<boolean>();
    const slow = agent({
      name: "slow",
      input: any,
      async run(_input, ctx) {
        begun.resolve(true);
        await new Promise((resolve) => ctx.signal.addEventListener("abort", resolve));
        told.resolve(true);
      },
    });
    const hasty = workflow({
      name: "hasty",
      input: any,
      async run(_input, ctx) {
        void ctx.call(slow, null);
        await ctx.step("begun", () => begun.promise);
        return 1;
      },
    });
    const { fleet, orchestrator } = await openFleet({ definitions: [slow, hasty] });
    const run = await fleet.start(hasty, null);
    expect(await run.result()).toBe(1);
    expect(await told.promise).toBe(true);
    const { items } = await orchestrator.tasks({ run: run.id });
    expect(items.map((t) => t.state)).toEqual(["succeeded", "canceled"]);
    await fleet.close();
  });
});

describe("numbers and errors from anywhere", () => {
  test("broken amounts and waits end their own task, or are made whole", async () => {
    const odd = agent({
      name: "odd",
      input: any,
      run(_input, ctx) {
        ctx.spend({ inputTokens: 0.5, model: "m" });
        ctx.spend({ usd: 1e300 });
        return 1;
      },
    });
    const never = agent({
      name: "never",
      input: any,
      retry: { attempts: 1 },
      run: () => {
        throw new RetryableError("wait", { retryAfter: "99999999999999999d" });
      },
    });
    const { fleet, orchestrator } = await openFleet({ definitions: [odd, never] });
    const run = await fleet.start(odd, null);
    expect(await run.result()).toBe(1);
    expect(Number.isSafeInteger((await orchestrator.run(run.id)).spent.microUsd)).toBe(true);
    await expect(fleet.run(never, null)).rejects.toThrow();
    await expect(fleet.start(odd, null, { delay: "99999999999999999d" })).rejects.toMatchObject({
      code: "FLOTILLA_CONFIG_INVALID",
    });
    await fleet.close();
  });

  test("an error too large to travel whole is still an error, up the tree", async () => {
    const no = agent({
      name: "no",
      input: any,
      run: () => {
        throw new TerminalError("no");
      },
    });
    const loud = workflow({
      name: "loud",
      input: any,
      async run(_input, ctx) {
        try {
          return await ctx.call(no, null);
        } catch (e) {
          throw new Error("x".repeat(40_000), { cause: e });
        }
      },
    });
    const calm = workflow({
      name: "calm",
      input: any,
      run: async (_input, ctx) => (await ctx.call(loud, null).settled()).status,
    });
    const fleet = await createFleet({ definitions: [no, loud, calm] });
    expect((await (await fleet.start(loud, null)).outcome()).status).toBe("failed");
    expect(await fleet.run(calm, null)).toBe("failed");
    await fleet.close();
  });
});
