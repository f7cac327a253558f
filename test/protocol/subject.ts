// The agents that the protocol's conformance run asks for: node subject.ts ws://127.0.0.1:PORT
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { agent, serveWorker, TerminalError } from "../../src/index.ts";

const anything = z.unknown();
const echo = agent({ name: "echo", description: "Returns its input", input: anything, output: anything, run: (input) => input });
const fail = agent({
  name: "fail",
  description: "Fails, for good when it is told so",
  input: z.object({ terminal: z.boolean().optional() }),
  output: z.null(),
  run({ terminal }): null {
    if (terminal) throw new TerminalError("told to");
    throw new Error("boom");
  },
});
const hold = agent({
  name: "hold",
  description: "Runs until it is canceled, or for so long",
  input: z.object({ ms: z.number().optional() }),
  output: z.string(),
  async run({ ms = 60_000 }, ctx) {
    ctx.progress({ note: "holding" });
    await sleep(ms, undefined, { signal: ctx.signal });
    return "held";
  },
});
const worker = await serveWorker({
  definitions: [echo, fail, hold],
  connect: process.argv[2] as `ws://${string}`,
  token: "conformance",
  slots: 2,
  name: "subject",
  build: "b1",
});
process.on("SIGTERM", () => void worker.drain());
