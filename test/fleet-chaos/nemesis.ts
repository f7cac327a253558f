// Breaks a fleet on PostgreSQL by seed, many times, and says what it found.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRandom, type Random } from "../../src/core/random.ts";
import type { Findings } from "../chaos/nemesis/findings.ts";
import { FleetBattle, type BattleOptions } from "./battle.ts";
import { fleetFaultKinds, inflict, type FleetFaultKind } from "./faults.ts";
import { fleetFigures, type FleetFigures } from "./figures.ts";

export interface FleetPlan extends Pick<BattleOptions, "orchestrators" | "workers" | "waves" | "vigils" | "longMs"> {
  /** How often each fault is inflicted. */
  readonly faults: Readonly<Record<FleetFaultKind, number>>;
  /** The tables are checked after so many faults. */
  readonly lookEvery: number;
  /** Share of faults that are followed by the next one at once. */
  readonly atOnce: number;
}

export const longFleetPlan: FleetPlan = {
  orchestrators: 2,
  workers: 8,
  waves: 4,
  vigils: 8,
  longMs: 60_000,
  lookEvery: 3,
  atOnce: 0.25,
  faults: {
    "worker killed": 16,
    "worker left": 6,
    "worker frozen briefly": 5,
    "worker link blip": 8,
    "worker link half-open": 6,
    "orchestrator killed": 12,
    "orchestrator left": 5,
    "orchestrator frozen briefly": 5,
    "orchestrator frozen past its lease": 5,
    "backends terminated": 8,
    "store link cut": 6,
    "store link half-open": 6,
    "store link dead": 5,
    "store link slow": 5,
    "clients cut": 6,
    "PostgreSQL restarted": 8,
    "PostgreSQL crashed": 8,
    "PostgreSQL down": 5,
  },
};
const once = Object.fromEntries(fleetFaultKinds.map((kind) => [kind, 1])) as Record<FleetFaultKind, number>;
export const shortFleetPlan: FleetPlan = {
  orchestrators: 2,
  workers: 4,
  waves: 2,
  vigils: 3,
  longMs: 8_000,
  lookEvery: 6,
  atOnce: 0.6,
  faults: { ...once, "PostgreSQL down": 0 },
};

export interface FleetReport {
  readonly figures: FleetFigures;
  readonly findings: Findings;
}

export async function runFleetNemesis(o: {
  readonly seed: number;
  readonly plan: FleetPlan;
  readonly say: (text: string) => void;
}): Promise<FleetReport> {
  const folder = mkdtempSync(join(tmpdir(), "flotilla-fleet-nemesis-"));
  const random = createRandom(o.seed);
  let clean = false;
  try {
    await using battle = new FleetBattle({ ...o.plan, folder, seed: o.seed, random, say: o.say });
    await battle.begin();
    const order = shuffled(o.plan, random);
    for (const [i, kind] of order.entries()) {
      o.say(`${i + 1} of ${order.length}`);
      await inflict[kind](battle);
      // Most come one at a time, some on top of what the last one left.
      if (random() >= o.plan.atOnce) await battle.calm();
      if ((i + 1) % o.plan.lookEvery === 0) await battle.look(`after ${kind}`);
    }
    await battle.finish();
    const figures = fleetFigures(battle);
    clean = battle.findings.lines.length === 0;
    return { figures, findings: battle.findings };
  } finally {
    // What broke a promise is kept, to be looked at.
    if (clean) rmSync(folder, { recursive: true, force: true });
    else o.say(`kept for a look: ${folder}`);
  }
}

function shuffled(plan: FleetPlan, random: Random): FleetFaultKind[] {
  const all = fleetFaultKinds.flatMap((kind) => Array.from({ length: plan.faults[kind] }, () => kind));
  for (let i = all.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [all[i], all[j]] = [all[j] as FleetFaultKind, all[i] as FleetFaultKind];
  }
  return all;
}
