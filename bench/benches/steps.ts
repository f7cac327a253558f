import type { Bench } from "../harness/bench.ts";
import { median, spread } from "../harness/bench.ts";
import { inChild } from "../harness/child.ts";

const ours = new URL("../work/steps.ts", import.meta.url);
const rawCommit = new URL("../work/raw-commit.ts", import.meta.url);
const rawThroughput = new URL("../work/raw-throughput.ts", import.meta.url);

export const steps: Bench = {
  name: "sqlite.steps",
  async *run(s) {
    const turns = s.quick ? 1 : 5;
    const rounds = s.quick ? 2 : 3;
    const perWorkflow = 100;
    const workflows = s.quick ? 20 : 100;
    const one: number[] = [];
    const fast: number[] = [];
    const many: number[] = [];
    const commits: number[] = [];
    const raw: number[] = [];
    // Ours and raw take turns, as in the throughput bench.
    for (let turn = 1; turn <= turns; turn++) {
      s.progress(`turn ${turn} of ${turns}`);
      commits.push(...(await inChild<number[]>(rawCommit, { path: s.scratch(), durability: "power", rounds: 200 })));
      const sequence = { workflows: 1, steps: perWorkflow, rounds: rounds * 5 };
      one.push(...(await inChild<number[]>(ours, { path: s.scratch(), ...sequence, durability: "power" })));
      fast.push(...(await inChild<number[]>(ours, { path: s.scratch(), ...sequence, durability: "process" })));
      many.push(
        ...(await inChild<number[]>(ours, { path: s.scratch(), workflows, steps: perWorkflow, rounds, durability: "power" })),
      );
      const load = { durability: "power", tasks: workflows * perWorkflow, batch: workflows };
      raw.push(await inChild<number>(rawThroughput, { path: s.scratch(), ...load }));
    }
    // An intent before, a result after; the result of one step and the intent of the next may share a commit.
    const settings = { durability: "power", stepsPerWorkflow: perWorkflow };
    yield { case: "one", ...spread(one.map((x) => (x * 1_000) / perWorkflow)), unit: "ms", limit: median(commits), settings };
    yield {
      case: "one.process",
      ...spread(fast.map((x) => (x * 1_000) / perWorkflow)),
      unit: "ms",
      limit: null,
      settings: { ...settings, durability: "process" },
    };
    const rates = many.map((x) => (workflows * perWorkflow) / x);
    yield { case: "hundred", ...spread(rates), unit: "steps/s", limit: median(raw), settings: { ...settings, workflows } };
  },
};
