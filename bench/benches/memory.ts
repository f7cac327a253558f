import type { Bench } from "../harness/bench.ts";
import { median, spread } from "../harness/bench.ts";
import { inChild } from "../harness/child.ts";

export const memory: Bench = {
  name: "sqlite.memory",
  async *run(s) {
    const tasks = s.quick ? 20_000 : 200_000;
    const settled: number[] = [];
    const peaks: number[] = [];
    const heaps: number[] = [];
    const raw: number[] = [];
    for (let round = 1; round <= (s.quick ? 1 : 3); round++) {
      s.progress(`round ${round}`);
      const ours = await inChild<{ peak: number; settled: number; heap: number }>(new URL("../work/memory.ts", import.meta.url), {
        path: s.scratch(),
        tasks,
      });
      settled.push(ours.settled);
      peaks.push(ours.peak);
      heaps.push(ours.heap);
      raw.push(await inChild(new URL("../work/raw-memory.ts", import.meta.url), { path: s.scratch(), tasks }));
    }
    const name = s.quick ? "queued20k" : "queued200k";
    yield {
      case: name,
      ...spread(settled),
      unit: "MB",
      limit: median(raw),
      settings: { tasks, peakMB: Math.round(median(peaks)), heapMB: Math.round(median(heaps)) },
    };
  },
};
