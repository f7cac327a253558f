import { agent, workflow } from "flotilla";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { cutter, openWorld } from "./world.ts";

const double = agent({
  name: "double",
  description: "doubles",
  input: z.object({ n: z.number() }),
  output: z.number(),
  run: ({ n }) => n * 2,
});
const sum = workflow({
  name: "sum",
  description: "adds what is doubled",
  input: z.object({ upTo: z.number() }),
  output: z.number(),
  async run({ upTo }, ctx) {
    const doubled = await ctx.map(
      double,
      Array.from({ length: upTo }, (_, n) => ({ n })),
    );
    return doubled.reduce((a, b) => a + b, 0);
  },
});

describe("a worker across a socket", () => {
  test("runs tasks and workflows, and its definitions can be started as soon as it is there", async () => {
    await using world = await openWorld();
    await expect(world.start("double", { n: 1 })).rejects.toMatchObject({ code: "FLOTILLA_UNKNOWN_DEFINITION" });
    const worker = await world.worker([double, sum]);
    expect(worker.id).toMatch(/^w_/);
    expect(await world.run("double", { n: 21 })).toEqual({ status: "succeeded", value: 42 });
    expect(await world.run("sum", { upTo: 100 })).toEqual({ status: "succeeded", value: 9_900 });
    const [view] = await world.orchestrator.workers();
    expect(view).toMatchObject({ isolation: "remote", slots: 4, state: "idle", id: worker.id });
  });

  test("loses nothing when its link breaks and comes back", async () => {
    await using world = await openWorld();
    const links = cutter();
    const begun = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    let runs = 0;
    const long = agent({
      name: "long",
      description: "waits",
      input: z.object({}),
      output: z.string(),
      async run() {
        runs += 1;
        begun.resolve();
        await go.promise;
        return "done";
      },
    });
    await world.worker([long], { dial: links.dial });
    const id = await world.start("long", {});
    await begun.promise;
    links.cut();
    go.resolve();
    expect(await world.outcome(id)).toEqual({ status: "succeeded", value: "done" });
    expect(runs).toBe(1);
    expect(links.links).toBe(2);
  });
});
