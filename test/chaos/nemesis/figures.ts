// The history as numbers.
import { faultKinds, kills, type FaultKind } from "./faults.ts";
import type { Line } from "./history.ts";

type Fault = Extract<Line, { e: "fault" }>;
interface Attempt {
  readonly pid: number;
  readonly task: number;
  readonly leaseNo: number;
  readonly begunAt: number;
  endedAt: number;
}

export interface Spread {
  readonly n: number;
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
}

export interface NemesisFigures {
  readonly faults: Readonly<Record<FaultKind, number>>;
  readonly kills: number;
  /** Kills that fell on at least one executing task. */
  readonly killsOnRunning: number;
  readonly runs: number;
  readonly attempts: number;
  /** Attempts that went on to their end after their task had been given to another: results that must not count. */
  readonly outlived: number;
  /** From a kill to the next lease of a task that it hit, ms. */
  readonly reLeaseMs: { readonly worker: Spread; readonly fleet: Spread };
}

export function figuresOf(lines: readonly Line[]): NemesisFigures {
  const faults = lines.filter((l): l is Fault => l.e === "fault");
  const killing = faults.filter((f) => kills.has(f.kind));
  const parents = new Map(lines.flatMap((l) => (l.e === "hello" ? [[l.pid, l.parent] as const] : [])));
  const attempts = attemptsOf(lines);
  const leases = Map.groupBy(
    lines.filter((l): l is Extract<Line, { e: "assigned" | "swallowed" }> => l.e === "assigned"),
    (l) => l.task,
  );
  /** When its task was given out again. */
  const movedAt = (a: Attempt) => leases.get(a.task)?.find((l) => l.leaseNo > a.leaseNo)?.at;
  const worker: number[] = [];
  const fleet: number[] = [];
  let killsOnRunning = 0;
  for (const kill of killing) {
    const hit = attempts.filter(
      (a) =>
        (a.pid === kill.pid || parents.get(a.pid) === kill.pid) &&
        a.begunAt <= kill.at &&
        a.endedAt > kill.at &&
        // One whose task had moved on before is not what was hit.
        (movedAt(a) ?? kill.at) >= kill.at,
    );
    if (hit.length > 0) killsOnRunning += 1;
    for (const a of hit) {
      const at = movedAt(a);
      if (at !== undefined) (kill.kind === "worker killed" ? worker : fleet).push(at - kill.at);
    }
  }
  return {
    faults: Object.fromEntries(faultKinds.map((k) => [k, faults.filter((f) => f.kind === k).length])) as Record<
      FaultKind,
      number
    >,
    kills: killing.length,
    killsOnRunning,
    runs: new Set(lines.flatMap((l) => (l.e === "result" ? [l.run] : []))).size,
    attempts: attempts.length,
    outlived: attempts.filter((a) => Number.isFinite(a.endedAt) && a.endedAt > (movedAt(a) ?? a.endedAt)).length,
    reLeaseMs: { worker: spread(worker), fleet: spread(fleet) },
  };
}

function attemptsOf(lines: readonly Line[]): Attempt[] {
  const byToken = new Map<string, Attempt>();
  for (const l of lines) {
    if (l.e === "begun")
      byToken.set(l.token, { pid: l.pid, task: l.task, leaseNo: l.leaseNo, begunAt: l.at, endedAt: Number.POSITIVE_INFINITY });
    const attempt = l.e === "ended" ? byToken.get(l.token) : undefined;
    if (attempt) attempt.endedAt = l.at;
  }
  return [...byToken.values()];
}

/** Nearest rank. */
export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (q: number) => Math.round(sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? 0);
  return { n: sorted.length, p50: at(0.5), p95: at(0.95), max: at(1) };
}
