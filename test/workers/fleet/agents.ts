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
export const compute = agent({
  name: "compute",
  description: "blocks its process for a while",
  input: z.object({ ms: z.number() }),
  output: z.number(),
  run({ ms }, ctx) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
    return ctx.task.attempt;
  },
});
export const crash = agent({
  name: "crash",
  description: "ends its process",
  input: z.object({}),
  output: z.null(),
  run: () => process.exit(7),
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
export default defineFleet({ definitions: [whoami, hold, compute, crash, pids] });
