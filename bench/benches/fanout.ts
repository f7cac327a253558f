import type { Bench } from "../harness/bench.ts";
import { median, spread } from "../harness/bench.ts";
import { inChild } from "../harness/child.ts";

const ours = new URL("../work/fanout.ts", import.meta.url);
const raw = new URL("../work/raw-throughput.ts", import.meta.url);

export const fanout: Bench = {
  name: "sqlite.fanout",
  async *run(s) {
    const slots = 256;
    const sizes = s.quick ? [100, 1_000] : [100, 1_000, 10_000, 100_000];
    for (const children of sizes) {
      const rounds = s.quick ? 1 : children >= 100_000 ? 1 : 3;
      const turns = s.quick ? 1 : 3;
      const seconds: number[] = [];
      const limits: number[] = [];
      for (let turn = 1; turn <= turns; turn++) {
        s.progress(`${children} children, turn ${turn} of ${turns}`);
        seconds.push(...(await inChild<number[]>(ours, { path: s.scratch(), children, rounds, slots })));
        const rate = await inChild<number>(raw, {
          path: s.scratch(),
          durability: "power",
          tasks: children,
          batch: Math.min(1_000, children),
        });
        limits.push(children / rate);
      }
      yield {
        case: String(children),
        ...spread(seconds),
        unit: "s",
        limit: median(limits),
        settings: { slots, durability: "power" },
      };
    }
  },
};
