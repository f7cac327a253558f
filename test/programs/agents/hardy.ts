// What child processes import: definitions and nothing else.
import { appendFileSync, readFileSync } from "node:fs";
import { agent, workflow } from "../../../src/index.ts";
import * as z from "zod";

export const pid = agent({ name: "pid", input: z.object({}), run: () => process.pid });

/** Ends its process as often as asked to; the file remembers how often it was tried. */
export const mortal = agent({
  name: "mortal",
  input: z.object({ file: z.string(), crashes: z.int() }),
  run({ file, crashes }) {
    appendFileSync(file, "x");
    const tries = readFileSync(file).length;
    if (tries <= crashes) process.exit(7);
    return tries;
  },
});

export const secret = agent({
  name: "secret",
  input: z.object({ name: z.string() }),
  run: ({ name }) => process.env[name] ?? null,
});

export const team = workflow({
  name: "team",
  input: z.object({ n: z.int() }),
  async run({ n }, ctx) {
    const pids = await ctx.map(
      pid,
      Array.from({ length: n }, () => ({})),
    );
    return pids.length;
  },
});

/** What a caller sees of a child that may end its process. */
export const keeper = workflow({
  name: "keeper",
  input: z.object({ file: z.string(), crashes: z.int() }),
  async run(input, ctx) {
    const outcome = await ctx.call(mortal, input).settled();
    return outcome.status === "succeeded" ? outcome.status : `${outcome.status} ${outcome.error.code}`;
  },
});
