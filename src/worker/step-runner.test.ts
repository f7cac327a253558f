import { expect, test } from "vitest";
import * as z from "zod";
import { tinyFleet } from "../../test/replay/tiny-fleet.ts";
import { workflow } from "../client/workflow.ts";

test("a quick step is one message: its intent and its result, so one commit; a slow one tells its intent first", async () => {
  const slow = Promise.withResolvers<number>();
  const flow = workflow({
    name: "flow",
    input: z.unknown(),
    async run(_, ctx) {
      const a = await ctx.step("quick", () => 1);
      const b = await ctx.step("async", async () => a + 1);
      return b + (await ctx.step("slow", () => slow.promise));
    },
  });
  using fleet = tinyFleet({ definitions: [flow] });
  const task = fleet.assign(flow, null);
  await fleet.until((m) => m.t === "acts" && m.acts.some((a) => a.kind === "step" && a.key === "slow"));
  slow.resolve(40);
  expect((await fleet.settled(task)).result).toEqual({ status: "succeeded", value: "42" });
  expect(fleet.of("acts").map((m) => m.acts.map((a) => a.kind))).toEqual([
    ["step", "step-result"],
    ["step", "step-result"],
    ["step"],
    ["step-result"],
  ]);
});
