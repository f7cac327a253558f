import type { Bench } from "../harness/bench.ts";
import { median, spread } from "../harness/bench.ts";
import { inChild } from "../harness/child.ts";

const ours = new URL("../work/steps.ts", import.meta.url);

export const steps: Bench = {
  name: "sqlite.steps",
  async *run(s) {
    const rounds = s.quick ? 2 : 5;
    const perWorkflow = 100;

    s.progress("one workflow");
    const commits = await inChild<number[]>(new URL("../work/raw-commit.ts", import.meta.url), {
      path: s.scratch(),
      durability: "power",
      rounds: 500,
    });
    const one = await inChild<number[]>(ours, {
      path: s.scratch(),
      workflows: 1,
      steps: perWorkflow,
      rounds: rounds * 3,
    });
    // An intent before, a result after; the result of one step and the intent of the next may share a commit.
    const settings = { durability: "power", stepsPerWorkflow: perWorkflow };
    yield { case: "one", ...spread(one.map((x) => (x * 1_000) / perWorkflow)), unit: "ms", limit: median(commits), settings };

    s.progress("a hundred workflows");
    const workflows = s.quick ? 20 : 100;
    const many = await inChild<number[]>(ours, { path: s.scratch(), workflows, steps: perWorkflow, rounds });
    const raw = await inChild<number>(new URL("../work/raw-throughput.ts", import.meta.url), {
      path: s.scratch(),
      durability: "power",
      tasks: workflows * perWorkflow,
      batch: workflows,
    });
    const rates = many.map((x) => (workflows * perWorkflow) / x);
    yield { case: "hundred", ...spread(rates), unit: "steps/s", limit: raw, settings: { ...settings, workflows } };
  },
};
