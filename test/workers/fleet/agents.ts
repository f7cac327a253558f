// What worker processes of these tests serve.
import { agent, defineFleet, workflow } from "../../../src/index.ts";
import * as z from "zod";

export const whoami = agent({
  name: "whoami",
  description: "says which process ran it",
  input: z.object({}),
  output: z.number(),
  run: () => process.pid,
});
export const hold = agent({
  name: "hold",
  description: "runs until it is told to stop",
  input: z.object({}),
  output: z.string(),
  run: (_, ctx) =>
    new Promise<string>((_resolve, reject) => {
      process.stderr.write("holding\n");
      ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason as Error), { once: true });
    }),
});
export const pids = workflow({
  name: "pids",
  description: "asks n times who runs it",
  input: z.object({ n: z.number() }),
  output: z.array(z.number()),
  run: ({ n }, ctx) =>
    ctx.map(
      whoami,
      Array.from({ length: n }, () => ({})),
      { key: (_, i) => `${i}` },
    ),
});

/* oxlint-disable import/no-default-export -- the CLI imports the default export of a config */
export default defineFleet({ definitions: [whoami, hold, pids] });
