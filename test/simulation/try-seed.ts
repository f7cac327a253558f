import { addHits, countHits, noHitsOf, type HitsOf } from "./crash-points.ts";
import { check, type Violation } from "./history.ts";
import { faultsMin, live, tasksMin, type Bend } from "./world.ts";

export interface Tried {
  readonly seed: number;
  readonly hash: string;
  readonly tasks: number;
  readonly faults: number;
  readonly lives: number;
  readonly events: number;
  readonly hits: HitsOf<string>;
  readonly violations: readonly Violation[];
}

/** Lives one seed and checks its record. */
export async function trySeed(seed: number, bend?: Bend): Promise<Tried> {
  const lived = await live(seed, bend);
  const { record, hits, lives, events, store } = lived;
  const { hash, tasks } = record;
  try {
    const violations = [...(await check(lived))];
    const faults = countHits(hits);
    if (tasks < tasksMin || faults < faultsMin)
      violations.push({ invariant: "I6", atMs: 0, what: `the world ended with ${tasks} tasks and ${faults} faults` });
    return { seed, hash, tasks, faults, lives, events, hits, violations };
  } finally {
    await store.close();
  }
}

/** What a failing seed says, and how to see it again. */
export function failure(t: Tried, flags = ""): string {
  const lines = t.violations
    .slice(0, 8)
    .map((v) => `  ${v.invariant} at ${(v.atMs / 1_000).toFixed(3)} s: ${v.what.slice(0, 400)}`);
  const more = t.violations.length > 8 ? `\n  and ${t.violations.length - 8} more` : "";
  return `seed=${t.seed}: ${t.violations.length} violations\n${lines.join("\n")}${more}\n  again: npm run simulate -- ${flags}--seed ${t.seed}`;
}

export interface Sum {
  seeds: number;
  tasks: number;
  faults: number;
  lives: number;
  events: number;
  readonly hits: HitsOf<string>;
}
export function noSum(points: readonly string[]): Sum {
  return { seeds: 0, tasks: 0, faults: 0, lives: 0, events: 0, hits: noHitsOf(points) };
}
export function addTo(sum: Sum, t: Omit<Sum, "seeds"> & { readonly seeds?: number }): void {
  sum.seeds += t.seeds ?? 1;
  sum.tasks += t.tasks;
  sum.faults += t.faults;
  sum.lives += t.lives;
  sum.events += t.events;
  addHits(sum.hits, t.hits);
}
