import * as z from "zod";
import { defineFleet, workflow } from "../../../src/index.ts";
import { build, ended, go, whereabouts } from "./rolling.ts";

export const order = workflow({
  name: "order",
  description: "asks, waits for a word, and asks again",
  input: z.object({}),
  output: ended,
  async run(_, ctx) {
    const began = await ctx.step("began", build);
    const first = await ctx.call(whereabouts, {}, { key: "first" });
    await ctx.waitFor(go);
    const second = await ctx.call(whereabouts, {}, { key: "second" });
    return { code: 1, began, ended: await ctx.step("ended", build), asked: [first, second] };
  },
});

/* oxlint-disable import/no-default-export -- the CLI imports the default export of a config */
export default defineFleet({ definitions: [order, whereabouts] });
