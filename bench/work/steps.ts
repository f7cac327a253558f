import { createFleet, workflow } from "flotilla";
import { unchecked } from "../harness/schema.ts";

/** Seconds that each round takes: `workflows` at once, each with `steps` durable steps one after the other. */
export async function work(o: {
  path: string;
  workflows: number;
  steps: number;
  rounds: number;
  durability: "power" | "process";
}): Promise<number[]> {
  const sequence = workflow({
    name: "sequence",
    input: unchecked<{ steps: number }>(),
    run: async ({ steps }, ctx) => {
      let sum = 0;
      for (let i = 0; i < steps; i++) sum += await ctx.step(`step ${i}`, () => i);
      return { sum };
    },
  });
  const fleet = await createFleet({
    definitions: [sequence],
    store: `sqlite:${o.path}`,
    durability: o.durability,
    workers: { slots: o.workflows },
  });
  await fleet.run(sequence, { steps: 200 });

  const seconds: number[] = [];
  for (let round = 0; round < o.rounds; round++) {
    const started = performance.now();
    const ends = await Promise.all(Array.from({ length: o.workflows }, () => fleet.run(sequence, { steps: o.steps })));
    seconds.push((performance.now() - started) / 1_000);
    const wanted = (o.steps * (o.steps - 1)) / 2;
    if (ends.some((e) => e.sum !== wanted)) throw new Error("a workflow lost a step");
  }
  await fleet.close();
  return seconds;
}
