// A contract of the fleet, implemented in another language.
import { spawn, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { contract, workflow } from "flotilla";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { openWorld, token } from "./world.ts";

const script = fileURLToPath(new URL("../../examples/python-worker/worker.py", import.meta.url));
const here = spawnSync("python3", ["-c", "import sys; sys.exit(0 if sys.version_info >= (3, 9) else 1)"]).status === 0;

const ocr = contract({
  name: "ocr",
  needs: ["gpu"],
  input: z.object({ url: z.url() }),
  output: z.object({ text: z.string() }),
});
const scan = workflow({
  name: "scan",
  description: "reads several images",
  input: z.object({ urls: z.array(z.url()) }),
  output: z.array(z.string()),
  async run({ urls }, ctx) {
    const read = await ctx.map(
      ocr,
      urls.map((url) => ({ url })),
    );
    return read.map((r) => r.text);
  },
});

describe.skipIf(!here)(`a worker in Python${here ? "" : " (skipped: there is no python3 of 3.9 or later here)"}`, () => {
  test("implements a contract that a workflow calls", { timeout: 60_000 }, async () => {
    await using world = await openWorld();
    world.orchestrator.register([(await import("../../src/worker/cards.ts")).cardOf(ocr["~definition"])]);
    await world.worker([scan]);
    // Stored before anybody can run it.
    const id = await world.start("scan", { urls: ["https://x.example/open-day.png", "https://x.example/lost-cat.jpg"] });
    const python = spawn("python3", [script, world.url], { env: { ...process.env, FLOTILLA_TOKEN: token }, stdio: "inherit" });
    const gone = new Promise((resolve) => python.once("close", resolve));
    try {
      expect(await world.outcome(id)).toEqual({ status: "succeeded", value: ["OPEN DAY", "LOST CAT"] });
      python.kill("SIGTERM");
      expect(await gone).toBe(0);
    } finally {
      python.kill("SIGKILL");
      await gone;
    }
  });
});
