import type { Bench, Case, Settings } from "../harness/bench.ts";
import { median, spread } from "../harness/bench.ts";
import { inChild } from "../harness/child.ts";
import type { Durability } from "../work/raw.ts";

const ours = new URL("../work/throughput.ts", import.meta.url);
const raw = new URL("../work/raw-throughput.ts", import.meta.url);
const batches = [100, 500, 1_000];

export const throughput: Bench = {
  name: "sqlite.throughput",
  async *run(settings) {
    for (const durability of ["power", "process"] as const) yield measure(durability, settings);
  },
};

async function measure(durability: Durability, s: Settings): Promise<Case> {
  const tasks = s.quick ? 4_000 : 40_000;
  const pairs = s.quick ? 2 : 5;
  const load = { tasks, inFlight: 2_000, slots: 2_000 };
  const mine: number[] = [];
  const byBatch = new Map<number, number[]>(batches.map((b) => [b, []]));
  // Ours and raw take turns: the machine drifts within minutes, and both must see the same minutes.
  for (let pair = 1; pair <= pairs; pair++) {
    s.progress(`${durability}: pair ${pair} of ${pairs}`);
    mine.push(await inChild(ours, { ...load, path: s.scratch(), durability }));
    for (const batch of batches) byBatch.get(batch)?.push(await inChild(raw, { path: s.scratch(), durability, tasks, batch }));
  }
  const best = [...byBatch].map(([batch, rates]) => ({ batch, rate: median(rates) })).toSorted((a, b) => b.rate - a.rate)[0];
  const rates = Object.fromEntries([...byBatch].map(([batch, r]) => [`raw${batch}`, Math.round(median(r))]));
  return {
    case: durability,
    ...spread(mine),
    unit: "tasks/s",
    limit: best?.rate ?? null,
    settings: { ...load, pairs, ...rates },
  };
}
