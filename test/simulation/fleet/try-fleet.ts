import { check } from "../history.ts";
import { countHits } from "../crash-points.ts";
import type { Tried } from "../try-seed.ts";
import { fleetTasksMin, liveFleet, type FleetBend } from "./world.ts";

export interface TriedFleet extends Tried {
  /** Attempts that went on at another orchestrator. */
  readonly adopted: number;
}

/** Lives one seed of a fleet and checks its record. */
export async function tryFleet(seed: number, bend?: FleetBend): Promise<TriedFleet> {
  const lived = await liveFleet(seed, bend);
  const { record, hits, lives, events } = lived;
  const { hash, tasks } = record;
  const violations = [...(await check(lived))];
  const faults = countHits(hits);
  if (tasks < fleetTasksMin)
    violations.push({ invariant: "I6", atMs: 0, what: `the world ended with ${tasks} tasks and ${faults} faults` });
  let adopted = 0;
  for (const e of record.entries) if (e.t === "adopted") adopted += e.attempts.length;
  return { seed, hash, tasks, faults, lives, adopted, events, hits, violations };
}
