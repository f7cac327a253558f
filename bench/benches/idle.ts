import type { Bench } from "../harness/bench.ts";
import { median, percentile } from "../harness/bench.ts";
import { inChild } from "../harness/child.ts";

export const idle: Bench = {
  name: "sqlite.idle",
  async *run(s) {
    const rounds = s.quick ? 200 : 1_000;
    const durability = "power";
    const commits: number[] = [];
    const start: number[] = [];
    const result: number[] = [];
    const turns = s.quick ? 1 : 3;
    for (let turn = 1; turn <= turns; turn++) {
      s.progress(`turn ${turn} of ${turns}`);
      commits.push(
        ...(await inChild<number[]>(new URL("../work/raw-commit.ts", import.meta.url), {
          path: s.scratch(),
          durability,
          rounds,
        })),
      );
      const ours = await inChild<{ start: number[]; result: number[] }>(new URL("../work/idle.ts", import.meta.url), {
        path: s.scratch(),
        durability,
        rounds,
      });
      start.push(...ours.start);
      result.push(...ours.result);
    }
    // Starting costs one commit, a result one more: the second is asked for by a process that has just been woken.
    for (const [name, values, acts] of [["start", start, 1] as const, ["result", result, 2] as const]) {
      for (const [p, label] of [[0.5, "p50"] as const, [0.99, "p99"] as const]) {
        yield {
          case: `${name}.${label}`,
          value: percentile(values, p),
          unit: "ms",
          limit: percentile(commits, p) * acts,
          min: Math.min(...values),
          max: Math.max(...values),
          n: values.length,
          settings: { durability, oneCommitMs: median(commits) },
        };
      }
    }
  },
};
