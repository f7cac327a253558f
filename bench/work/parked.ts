import { DatabaseSync } from "node:sqlite";
import { createFleet, message, workflow, type Run } from "flotilla";
import { unchecked } from "../harness/schema.ts";

export interface Parked {
  /** MB, when all wait: what is held for them, and before V8 gave back what starting them had taken. */
  readonly settled: number;
  readonly rush: number;
  readonly heap: number;
  /** Seconds until the woken ones have ended. */
  readonly wokenS: number;
  /** Workflows in no process's memory. */
  readonly parked: number;
}

/** `runs` workflows that each wait for a message; then `woken` of them get it. */
export async function work(o: { path: string; runs: number; woken: number; continuations: number }): Promise<Parked> {
  const go = message("go", unchecked<{ n: number }>());
  const waiting = workflow({
    name: "waiting",
    input: unchecked<{ n: number }>(),
    run: async ({ n }, ctx) => ({ n, heard: (await ctx.waitFor(go)).n }),
  });
  const fleet = await createFleet({
    definitions: [waiting],
    store: `sqlite:${o.path}`,
    durability: "process",
    workers: { continuations: o.continuations },
  });
  const sample: Run<{ n: number; heard: number }>[] = [];
  const every = Math.floor(o.runs / o.woken);
  for (let done = 0; done < o.runs; done += 1_000) {
    const runs = await Promise.all(Array.from({ length: 1_000 }, (_, i) => fleet.start(waiting, { n: done + i })));
    for (const [i, run] of runs.entries()) if ((done + i) % every === 0 && sample.length < o.woken) sample.push(run);
  }
  const parked = await atRest(o.path, o.runs - o.continuations);
  const rush = process.memoryUsage.rss();
  const { rss: settled, heapUsed } = collected();
  const started = performance.now();
  await Promise.all(sample.map((run, i) => run.send(go, { n: i })));
  const ends = await Promise.all(sample.map((run) => run.result()));
  const wokenS = (performance.now() - started) / 1_000;
  if (ends.some((e, i) => e.heard !== i)) throw new Error("a message reached another run");
  return {
    settled: settled / 1_000_000,
    rush: rush / 1_000_000,
    heap: heapUsed / 1_000_000,
    wokenS,
    parked,
  };
}

/** Looks at the file until so many are parked. */
async function atRest(path: string, wanted: number): Promise<number> {
  const db = new DatabaseSync(path, { readOnly: true });
  const count = db.prepare("SELECT count(*) AS n FROM parked");
  try {
    for (;;) {
      const { n } = count.get() as { n: number };
      if (n >= wanted) return n;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  } finally {
    db.close();
  }
}

type Collect = (o?: { type: "major"; execution: "sync"; flavor: "last-resort" }) => void;

/**
 * What the process holds for those that wait. V8 keeps the pages that the rush needed for the next one, until the machine
 * asks for them: a collection of the last resort gives them back, and the bench tells both figures.
 */
function collected(): NodeJS.MemoryUsage {
  (globalThis as { gc?: Collect }).gc?.({ type: "major", execution: "sync", flavor: "last-resort" });
  return process.memoryUsage();
}
