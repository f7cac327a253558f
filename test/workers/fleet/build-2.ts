import * as z from "zod";
import { defineFleet, workflow } from "../../../src/index.ts";
import { build, ended, go, whereabouts } from "./rolling.ts";

/** Another order of calls than in build 1: what that has begun does not fit this code. */
export const order = workflow({
  name: "order",
  description: "waits for a word, and asks",
  input: z.object({}),
  output: ended,
  async run(_, ctx) {
    const began = await ctx.step("began", build);
    await ctx.waitFor(go);
    const only = await ctx.call(whereabouts, {}, { key: "only" });
    return { code: 2, began, ended: await ctx.step("ended", build), asked: [only] };
  },
});

/* oxlint-disable import/no-default-export -- the CLI imports the default export of a config */
export default defineFleet({ definitions: [order, whereabouts] });
