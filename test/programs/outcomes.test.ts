// The table of docs/reference/outcomes.md, run: what a parent's ctx.call gives or throws for each end of a child.
import { agent, createFleet, TerminalError, workflow } from "flotilla";
import { expect, test } from "vitest";
import * as z from "zod";

const None = z.object({});
const item = agent({
  name: "item",
  input: z.object({ ok: z.boolean() }),
  retry: { attempts: 1 },
  run: ({ ok }) => {
    if (!ok) throw new TerminalError("this one is broken");
    return "ok";
  },
});
const picky = agent({
  name: "picky",
  input: None,
  errors: { Refused: z.object({ policy: z.string() }) },
  run: (_, ctx) => ctx.fail("Refused", { policy: "export" }),
});
const partial = workflow({
  name: "partial",
  input: None,
  run: async (_, ctx) => (await ctx.map(item, [{ ok: true }, { ok: false }], { join: { atLeast: 1 } })).values,
});
const sleeper = workflow({ name: "sleeper", input: None, run: (_, ctx) => ctx.sleep("1d") });
const asker = workflow({
  name: "asker",
  input: None,
  run: async (_, ctx) => (await ctx.approve({ title: "?", timeout: "1ms" })).by,
});
const unmet = workflow({
  name: "unmet",
  input: None,
  run: (_, ctx) => ctx.map(item, [{ ok: false }], { join: { atLeast: 1 } }),
});

const caller = workflow({
  name: "caller",
  input: z.object({ child: z.enum(["item", "broken", "partial", "picky", "canceled", "asker", "unmet"]) }),
  async run({ child }, ctx) {
    const calls = {
      item: () => ctx.call(item, { ok: true }),
      broken: () => ctx.call(item, { ok: false }),
      partial: () => ctx.call(partial, {}),
      picky: () => ctx.call(picky, {}),
      canceled: () => ctx.call(sleeper, {}),
      asker: () => ctx.call(asker, {}),
      unmet: () => ctx.call(unmet, {}),
    };
    const call = calls[child]();
    if (child === "canceled") call.cancel("no longer needed");
    const seen = await call.then(
      (value: unknown) => ({ value }),
      (e: unknown) => ({ code: (e as { code: string }).code }),
    );
    return { ...seen, status: (await call.settled()).status };
  },
});
const definitions = [item, picky, partial, sleeper, asker, unmet, caller] as const;

test.each([
  ["item", { value: "ok", status: "succeeded" }, "succeeded"],
  // Its own gaps are the parent's too: a run is never "succeeded" over something that is missing below it.
  ["partial", { value: ["ok"], status: "succeeded" }, "partial"],
  ["broken", { code: "FLOTILLA_AGENT_FAILED", status: "failed" }, "succeeded"],
  ["picky", { code: "FLOTILLA_DECLARED", status: "failed" }, "succeeded"],
  ["asker", { code: "FLOTILLA_REJECTED", status: "failed" }, "succeeded"],
  ["unmet", { code: "FLOTILLA_AGENT_FAILED", status: "failed" }, "succeeded"],
  ["canceled", { code: "FLOTILLA_CANCELED", status: "canceled" }, "succeeded"],
] as const)("a child that ends as %s", async (child, seen, ends) => {
  await using fleet = await createFleet({ definitions });
  const outcome = await (await fleet.start(caller, { child })).outcome();
  expect(outcome).toMatchObject({ status: ends, value: seen });
});

test("a partial run gives its value, and names what it lacks up to the root", async () => {
  await using fleet = await createFleet({ definitions });
  const own = await fleet.start(partial, {});
  expect(await own.result()).toEqual(["ok"]);
  expect(await own.outcome()).toMatchObject({
    status: "partial",
    gaps: [
      {
        index: 1,
        input: { ok: false },
        task: `${own.id.replace("r_", "t_")}.2`,
        outcome: { status: "failed", error: { code: "FLOTILLA_AGENT_FAILED" } },
      },
    ],
  });
  const above = await fleet.start(caller, { child: "partial" });
  expect(await above.outcome()).toMatchObject({
    status: "partial",
    gaps: [{ task: `${above.id.replace("r_", "t_")}.1`, outcome: { status: "partial" } }],
  });
});
