import type { Bench } from "../harness/bench.ts";
import { median, spread } from "../harness/bench.ts";
import { inChild } from "../harness/child.ts";

export const scale: Bench = {
  name: "scale",
  async *run(s) {
    const job = s.quick ? { tasks: 100, waitMs: 10 } : { tasks: 1_000, waitMs: 20 };
    const workS = (job.tasks * job.waitMs) / 1_000;
    for (const workers of [1, 2, 5, 10, 20, 100]) {
      const rounds = s.quick || workers === 1 ? 1 : 3;
      const ours: number[] = [];
      const plain: number[] = [];
      for (let round = 1; round <= rounds; round++) {
        s.progress(`${workers} workers, round ${round} of ${rounds}`);
        const told = await inChild<{ fleet: number; plain: number }>(new URL("../work/scale.ts", import.meta.url), {
          ...job,
          workers,
          path: s.scratch(),
        });
        ours.push(told.fleet);
        plain.push(told.plain);
      }
      // Waiting work scales with workers; computing work only with cores, and only in child processes.
      const settings = { ...job, workS, promiseAllS: median(plain), kind: "waits; CPU-bound work scales to the cores at most" };
      yield { case: `workers-${workers}`, ...spread(ours), unit: "s", limit: workS / workers, settings };
    }
  },
};
