import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Bench } from "../harness/bench.ts";
import { median, spread } from "../harness/bench.ts";

const program = fileURLToPath(new URL("../work/coldstart.ts", import.meta.url));

export const coldstart: Bench = {
  name: "coldstart",
  async *run(s) {
    const rounds = s.quick ? 3 : 20;
    const ours: number[] = [];
    const bare: number[] = [];
    for (let round = 0; round <= rounds; round++) {
      const mine = await firstOutputMs([program, s.scratch()]);
      const node = await firstOutputMs(["-e", 'process.stdout.write("hello")']);
      // the first round fills the disk's cache
      if (round > 0) {
        ours.push(mine);
        bare.push(node);
      }
    }
    yield { case: "first-task", ...spread(ours), unit: "ms", limit: median(bare), settings: { limit: "bare node start" } };
  },
};

/** Ms from the start of the process to its first words. */
async function firstOutputMs(args: string[]): Promise<number> {
  const started = performance.now();
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const exit = once(child, "exit");
  const first = await Promise.race([
    once(child.stdout, "data").then(() => performance.now() - started),
    exit.then(() => undefined),
  ]);
  const [code] = (await exit) as [number | null];
  if (code !== 0 || first === undefined) throw new Error(`${args.join(" ")} ended with ${code}`);
  return first;
}
