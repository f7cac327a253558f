import { agent, createFleet, workflow } from "flotilla";
import { unchecked } from "../harness/schema.ts";

export interface Job {
  readonly tasks: number;
  /** What each task waits for, as an agent waits for a model. */
  readonly waitMs: number;
  readonly workers: number;
}

/** Seconds for the whole job on `workers` workers of one slot, and with a plain Promise pool of the same width. */
export async function work(o: Job & { path: string }): Promise<{ fleet: number; plain: number }> {
  const wait = agent({
    name: "wait",
    input: unchecked<{ ms: number }>(),
    run: ({ ms }) => sleep(ms).then(() => ({ ms })),
  });
  const job = workflow({
    name: "job",
    input: unchecked<Job>(),
    run: async ({ tasks, waitMs }, ctx) =>
      (
        await ctx.map(
          wait,
          Array.from({ length: tasks }, () => ({ ms: waitMs })),
        )
      ).length,
  });
  const fleet = await createFleet({
    definitions: [wait, job],
    store: `sqlite:${o.path}`,
    workers: { count: o.workers, slots: 1 },
  });
  await fleet.run(job, { tasks: 100, waitMs: 0, workers: o.workers });
  let started = performance.now();
  await fleet.run(job, { tasks: o.tasks, waitMs: o.waitMs, workers: o.workers });
  const withFleet = (performance.now() - started) / 1_000;
  await fleet.close();

  started = performance.now();
  let taken = 0;
  const taker = async (): Promise<void> => {
    while (taken++ < o.tasks) await sleep(o.waitMs);
  };
  await Promise.all(Array.from({ length: o.workers }, taker));
  return { fleet: withFleet, plain: (performance.now() - started) / 1_000 };
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
