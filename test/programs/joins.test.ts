// docs/guides/joins.md, run: when each join is decided, what it gives, and which gaps make a run partial.
import { agent, createFleet, TerminalError, workflow } from "flotilla";
import { describe, expect, test } from "vitest";
import * as z from "zod";

const Item = z.object({ n: z.int(), ends: z.enum(["well", "badly", "never"]) });
const item = agent({
  name: "item",
  input: Item,
  retry: { attempts: 1 },
  run({ n, ends }, ctx) {
    if (ends === "badly") throw new TerminalError(`${n} is broken`);
    if (ends === "well") return n;
    return new Promise<number>((_, reject) => ctx.signal.addEventListener("abort", () => reject(new Error("stopped"))));
  },
});
const items = (...ends: z.infer<typeof Item>["ends"][]) => ends.map((e, n) => ({ n, ends: e }));

const atLeast = workflow({
  name: "at-least",
  input: z.object({
    items: z.array(Item),
    atLeast: z.union([z.int(), z.templateLiteral([z.number(), "%"])]),
    within: z.enum(["1ms", "50ms", "1h"]).optional(),
    early: z.boolean().optional(),
  }),
  async run({ items: inputs, atLeast: wanted, within, early }, ctx) {
    const joined = await ctx.map(item, inputs, {
      join: { atLeast: wanted, ...(within && { within }), ...(early !== undefined && { early }) },
    });
    return { values: joined.values, gaps: joined.gaps.map((g) => `${g.index} ${g.outcome.status}`), complete: joined.complete };
  },
});
const first = workflow({
  name: "first",
  input: z.object({ items: z.array(Item) }),
  run: ({ items: inputs }, ctx) => ctx.map(item, inputs, { join: "first" }),
});
const settled = workflow({
  name: "settled",
  input: z.object({ items: z.array(Item) }),
  run: async ({ items: inputs }, ctx) => (await ctx.map(item, inputs).settled()).items.map((i) => i.status),
});
const streamed = workflow({
  name: "streamed",
  input: z.object({ items: z.array(Item), stopAt: z.enum(["failed", "end"]) }),
  async run({ items: inputs, stopAt }, ctx) {
    const seen: string[] = [];
    for await (const i of ctx.map(item, inputs).asCompleted()) {
      seen.push(`${i.index} ${i.status}`);
      if (i.status === stopAt) break;
    }
    return seen.toSorted();
  },
});
const each = workflow({
  name: "each",
  input: z.object({ items: z.array(Item) }),
  run: async ({ items: inputs }, ctx) =>
    (await ctx.each(inputs, (input, c) => c.call(item, input), { key: (i) => `item ${i.n}`, join: { atLeast: 1 } })).values,
});
const caught = workflow({
  name: "caught",
  input: z.object({ items: z.array(Item) }),
  async run({ items: inputs }, ctx) {
    const outcome = await ctx.call(item, inputs[0] as z.infer<typeof Item>).settled();
    const again = await ctx.map(item, inputs).catch((e: unknown) => (e as { code: string }).code);
    return [outcome.status, again];
  },
});
const definitions = [item, atLeast, first, settled, streamed, each, caught] as const;

describe("a join of at least so many", () => {
  test.each([
    ["all have ended", { items: items("well", "badly"), atLeast: 1 }, "partial", { values: [0], gaps: ["1 failed"] }],
    ["a share of them", { items: items("well", "well", "badly"), atLeast: "60%" }, "partial", { values: [0, 1] }],
    ["nothing is missing", { items: items("well", "well"), atLeast: 1 }, "succeeded", { gaps: [], complete: true }],
    ["enough, early", { items: items("well", "never"), atLeast: 1, early: true }, "succeeded", { gaps: ["1 canceled"] }],
    ["early over a failure", { items: items("badly", "well", "never"), atLeast: 1, early: true }, "partial", { values: [1] }],
    ["the time is over", { items: items("well", "never"), atLeast: 0, within: "50ms" }, "partial", { complete: false }],
    ["all before the time", { items: items("well", "badly"), atLeast: 1, within: "1h" }, "partial", { values: [0] }],
    ["none wanted, none given", { items: [], atLeast: 0 }, "succeeded", { values: [], complete: true }],
  ] as const)("%s", async (_, input, status, value) => {
    await using fleet = await createFleet({ definitions });
    // One at a time would wait for the item that never ends.
    const outcome = await (await fleet.start(atLeast, { ...input, items: [...input.items] })).outcome();
    expect(outcome).toMatchObject({ status, value });
  });

  test.each([
    ["out of reach", { items: items("badly", "never"), atLeast: 2 }, { wanted: 2, succeeded: 0, gaps: 2 }],
    ["too few in time", { items: items("never", "never"), atLeast: 1, within: "1ms" }, { wanted: 1, succeeded: 0, gaps: 2 }],
  ] as const)("not met: %s", async (_, input, details) => {
    await using fleet = await createFleet({ definitions });
    const outcome = await (await fleet.start(atLeast, { ...input, items: [...input.items] })).outcome();
    expect(outcome).toMatchObject({ status: "failed", error: { cause: { code: "FLOTILLA_JOIN_UNMET", details } } });
  });
});

describe("what makes a run partial", () => {
  test.each([
    ["items under .settled()", settled, { items: items("well", "badly") }, "partial", ["succeeded", "failed"]],
    ["items of a stream", streamed, { items: items("well", "badly"), stopAt: "end" }, "partial", ["0 succeeded", "1 failed"]],
    [
      "items that a break stopped, over one that failed",
      streamed,
      { items: items("badly", "never"), stopAt: "failed" },
      "partial",
      ["0 failed"],
    ],
    ["items of ctx.each", each, { items: items("well", "badly") }, "partial", [0]],
    ["not what the first made needless", first, { items: items("badly", "well", "never") }, "succeeded", { value: 1, index: 1 }],
    ["not what the code caught", caught, { items: items("badly") }, "succeeded", ["failed", "FLOTILLA_AGENT_FAILED"]],
  ] as const)("%s", async (_, program, input, status, value) => {
    await using fleet = await createFleet({ definitions });
    const outcome = await (await fleet.start(program.name as "settled", input as never)).outcome();
    expect(outcome).toMatchObject({ status, value });
    expect("gaps" in outcome ? outcome.gaps.length : 0).toBe(status === "partial" ? 1 : 0);
  });
});
