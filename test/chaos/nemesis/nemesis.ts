// Breaks one fleet by seed, many times, and says what it found.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRandom, type Random } from "../../../src/core/random.ts";
import { Battle } from "./battle.ts";
import { faultKinds, inflict, type FaultKind } from "./faults.ts";
import type { Findings } from "./findings.ts";
import { figuresOf, spread, type NemesisFigures, type Spread } from "./figures.ts";

/** How often each fault is inflicted. */
export type Plan = Readonly<Record<FaultKind, number>>;

const others = { "worker frozen": 6, "worker frozen briefly": 6, "fleet process frozen": 6, "loop blocked": 6 } as const;
export const longPlan: Plan = {
  ...others,
  "worker killed": 48,
  "fleet process killed": 16,
  "log torn": 8,
  "worker deaf": 6,
  "worker mute": 6,
  "disk full": 6,
  "clock jumped": 6,
};
export const shortPlan: Plan = { ...eachOnce(), "worker killed": 6, "fleet process killed": 2 };

function eachOnce(): Plan {
  return Object.fromEntries(faultKinds.map((kind) => [kind, 1])) as Record<FaultKind, number>;
}

export interface NemesisReport {
  readonly figures: NemesisFigures;
  readonly findings: Findings;
  /** From a fault to the end of the worker that it was about, ms. */
  readonly detectedMs: Readonly<Partial<Record<FaultKind, Spread>>>;
  readonly endedInVain: number;
  /** Times that the file was checked between two lives. */
  readonly looks: number;
}

export async function runNemesis(o: {
  readonly seed: number;
  readonly plan: Plan;
  readonly say: (text: string) => void;
}): Promise<NemesisReport> {
  const folder = mkdtempSync(join(tmpdir(), "flotilla-nemesis-"));
  const random = createRandom(o.seed);
  let clean = false;
  try {
    await using battle = new Battle({ folder, seed: o.seed, random, say: o.say });
    await battle.begin();
    const order = shuffled(o.plan, random);
    for (const [i, kind] of order.entries()) {
      o.say(`${i + 1} of ${order.length}`);
      await inflict[kind](battle);
    }
    await battle.finish();
    clean = battle.findings.lines.length === 0;
    const { findings, looks, endedInVain } = battle;
    const detected = Map.groupBy(battle.detectedMs, (d) => d.kind);
    const detectedMs = Object.fromEntries([...detected].map(([kind, all]) => [kind, spread(all.map((d) => d.ms))]));
    return { figures: figuresOf(battle.tail.lines), findings, detectedMs, endedInVain, looks };
  } finally {
    // What broke a promise is kept, to be looked at.
    if (clean) rmSync(folder, { recursive: true, force: true });
    else o.say(`kept for a look: ${folder}`);
  }
}

function shuffled(plan: Plan, random: Random): FaultKind[] {
  const all = faultKinds.flatMap((kind) => Array.from({ length: plan[kind] }, () => kind));
  for (let i = all.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [all[i], all[j]] = [all[j] as FaultKind, all[i] as FaultKind];
  }
  return all;
}
