// The figures of a whole run, and what a long one must reach.
import { availableParallelism, loadavg } from "node:os";
import { fleetFaultKinds } from "../fleet-chaos/faults.ts";
import type { FleetFigures } from "../fleet-chaos/figures.ts";
import type { FleetReport } from "../fleet-chaos/nemesis.ts";
import { faultKinds, type FaultKind } from "./nemesis/faults.ts";
import { promises, type Promised } from "./nemesis/findings.ts";
import type { NemesisFigures, Spread } from "./nemesis/figures.ts";
import type { NemesisReport } from "./nemesis/nemesis.ts";
import type { Point } from "./store-kills/points.ts";
import type { StoreKillsReport } from "./store-kills/store-kills.ts";

export interface ChaosFigures extends NemesisFigures, Circumstances {
  /** Broken promises, in all. */
  readonly broken: Readonly<Record<Promised, number>>;
  readonly detectedMs: Readonly<Partial<Record<FaultKind, Spread>>>;
  /** Workers that were ended as blocked, deaf or mute, and were only slow. */
  readonly endedInVain: number;
  readonly looks: number;
  readonly store: {
    readonly kills: number;
    readonly outside: number;
    readonly atPoints: Readonly<Record<Point, number>>;
    readonly tasks: number;
    readonly outcomes: number;
    readonly stale: number;
  };
}

export function toFigures(o: {
  readonly seed: number;
  readonly quick: boolean;
  readonly seconds: number;
  readonly nemesis: NemesisReport;
  readonly store: StoreKillsReport;
}): ChaosFigures {
  const { nemesis, store } = o;
  const broken = Object.fromEntries(
    (Object.keys(promises) as Promised[]).map((p) => [p, nemesis.findings.count(p) + store.findings.count(p)]),
  ) as Record<Promised, number>;
  const { kills, outside, atPoints, tasks, outcomes, stale } = store;
  return {
    ...circumstances(o),
    ...nemesis.figures,
    broken,
    detectedMs: nemesis.detectedMs,
    endedInVain: nemesis.endedInVain,
    looks: nemesis.looks,
    store: { kills, outside, atPoints, tasks, outcomes, stale },
  };
}

/** Where and when a run was. */
export interface Circumstances {
  readonly seed: number;
  readonly quick: boolean;
  readonly seconds: number;
  readonly node: string;
  readonly cores: number;
  /** Of the machine, over the run's last five minutes: above `cores`, processes waited for their turn. */
  readonly load5m: number;
}

export interface FleetChaosFigures extends FleetFigures, Circumstances {
  readonly broken: Readonly<Record<Promised, number>>;
}

export function toFleetFigures(o: {
  readonly seed: number;
  readonly quick: boolean;
  readonly seconds: number;
  readonly nemesis: FleetReport;
}): FleetChaosFigures {
  const { figures, findings } = o.nemesis;
  const broken = Object.fromEntries((Object.keys(promises) as Promised[]).map((p) => [p, findings.count(p)]));
  return { ...circumstances(o), ...figures, broken: broken as Record<Promised, number> };
}

function circumstances(o: { readonly seed: number; readonly quick: boolean; readonly seconds: number }): Circumstances {
  return {
    seed: o.seed,
    quick: o.quick,
    seconds: Math.round(o.seconds),
    node: process.version,
    cores: availableParallelism(),
    load5m: Math.round((loadavg()[1] ?? 0) * 10) / 10,
  };
}

const killsLeast = 60;
const killsOnRunningLeast = 50;
const eachFaultLeast = 5;
const storeKillsLeast = 1_000;

function least(what: string, n: number, min: number): string[] {
  return n >= min ? [] : [`${what}: ${n}, of at least ${min}`];
}

const longTasksLeast = 40;

export function fleetShortfalls(f: FleetChaosFigures): string[] {
  return [
    ...least("long tasks", f.long, longTasksLeast),
    ...fleetFaultKinds.flatMap((k) => least(k, f.faults[k], eachFaultLeast)),
  ];
}

/** What a long run has to have done before its silence means anything. */
export function shortfalls(f: ChaosFigures): string[] {
  return [
    ...least("kills", f.kills, killsLeast),
    ...least("kills that hit a running task", f.killsOnRunning, killsOnRunningLeast),
    ...faultKinds.flatMap((kind) => least(kind, f.faults[kind], eachFaultLeast)),
    ...least("kills of a store", f.store.kills, storeKillsLeast),
  ];
}
