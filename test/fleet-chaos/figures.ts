// The history of a fleet under fire as numbers.
import { DatabaseSync } from "node:sqlite";
import type { Line } from "../chaos/nemesis/history.ts";
import { spread, type Spread } from "../chaos/nemesis/figures.ts";
import type { FleetBattle } from "./battle.ts";
import { fleetFaultKinds, type FleetFaultKind } from "./faults.ts";
import { repeatsOf } from "./repeats.ts";

export interface FleetFigures {
  readonly faults: Readonly<Record<FleetFaultKind, number>>;
  readonly runs: number;
  readonly tasks: number;
  /** Executions of agents' code. */
  readonly executions: number;
  /** Executions of a task that had begun before, by why. */
  readonly repeated: Readonly<Record<string, number>>;
  /** Long tasks, and those of them that a fault hit while they ran and that went on. */
  readonly long: number;
  readonly longRepeated: Readonly<Record<string, number>>;
  /** Attempts that went on under another orchestrator. */
  readonly adopted: number;
  readonly refused: Readonly<Record<string, number>>;
  readonly recoveredMs: Readonly<Partial<Record<FleetFaultKind, Spread>>>;
  /** From the end of a worker to the next lease of a task that it was executing, ms. */
  readonly reLeaseMs: { readonly killed: Spread; readonly left: Spread };
  readonly looks: number;
}

export function fleetFigures(b: FleetBattle): FleetFigures {
  const { lines } = b.tail;
  const file = new DatabaseSync(b.lastLook, { readOnly: true });
  try {
    const repeats = repeatsOf(lines, file);
    for (const r of repeats) if (r.finding !== null) b.findings.add("repeated", r.finding);
    const faults = lines.filter((l) => l.e === "fault");
    const recovered = Map.groupBy(b.recoveredMs, (r) => r.kind);
    return {
      faults: Object.fromEntries(fleetFaultKinds.map((k) => [k, faults.filter((f) => f.kind === k).length])) as Record<
        FleetFaultKind,
        number
      >,
      runs: new Set(lines.flatMap((l) => (l.e === "result" ? [l.run] : []))).size,
      tasks: (file.prepare("SELECT count(*) AS n FROM task").get() as { n: number }).n,
      executions: lines.filter((l) => l.e === "begun").length,
      repeated: counted(repeats.map((r) => r.why)),
      long: new Set(lines.flatMap((l) => (l.e === "begun" && l.long === true ? [l.task] : []))).size,
      longRepeated: counted(repeats.filter((r) => r.long).map((r) => r.why)),
      adopted: lines.filter((l) => l.e === "adopted").length,
      refused: Object.fromEntries(b.load.refused),
      recoveredMs: Object.fromEntries([...recovered].map(([kind, all]) => [kind, spread(all.map((r) => r.ms))])),
      reLeaseMs: { killed: spread(reLeases(lines, "worker killed")), left: spread(reLeases(lines, "worker left")) },
      looks: b.looks,
    };
  } finally {
    file.close();
  }
}

function counted(of: readonly string[]): Record<string, number> {
  return Object.fromEntries(
    [...Map.groupBy(of, (w) => w)].map(([w, all]) => [w, all.length] as const).toSorted(([a], [b]) => a.localeCompare(b)),
  );
}

/** Of attempts that were executing when their worker was killed, or left. */
function reLeases(lines: readonly Line[], kind: FleetFaultKind): number[] {
  const found: number[] = [];
  for (const fault of lines) {
    if (fault.e !== "fault" || fault.kind !== kind) continue;
    const ended = new Set(lines.flatMap((l) => (l.e === "ended" && l.at <= fault.at ? [l.token] : [])));
    for (const l of lines) {
      if (l.e !== "begun" || l.pid !== fault.pid || l.at > fault.at || ended.has(l.token)) continue;
      const next = lines.find((n) => n.e === "assigned" && n.task === l.task && n.at > l.at && n.leaseNo > l.leaseNo);
      if (next && next.at >= fault.at) found.push(next.at - fault.at);
    }
  }
  return found;
}
