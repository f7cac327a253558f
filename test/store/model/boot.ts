import type { Boot, ReadyRow } from "../../../src/store/contract.ts";
import { add, inTransaction, name, need, type Disk, type Rows } from "./disk.ts";
import { delayedTasks, nextDue, readyRow } from "./tasks.ts";
import { nextTickAt } from "./ticks.ts";

/**
 * A new life: what earlier lives were running is ready again, with its lease number and without a charge. What was idle
 * has nothing to run for: it is parked.
 */
export function bootStore(disk: Disk, p: { readonly pid: number; readonly now: number; readonly skip?: number }): Boot {
  return inTransaction(disk, (rows) => {
    const boot = (rows.lives.at(-1)?.boot ?? 0) + 1 + (p.skip ?? 0);
    rows.lives.push({ boot, pid: p.pid, shares: false });
    let recovered = 0;
    for (const [task, place] of rows.places) {
      if (place.in !== "running") continue;
      if (takeBack(rows, task, p.now) === "ready") recovered += 1;
    }
    return { boot, recovered, nextWorker: Math.max(0, ...rows.workers.keys()) + 1, ...whatIsThere(rows) };
  });
}

/** Its orchestrator is gone: it is ready again, or parked when it was idle. */
export function takeBack(rows: Rows, task: number, now: number): "ready" | "parked" {
  const place = need(rows.places, task);
  if (place.in !== "running") throw new Error(`task ${task} does not run`);
  const { leaseNo, attempt, crashes, alone, worker, claimedAt } = place;
  const ended = { endedAt: now, how: "orchestrator ended", error: null };
  add(rows.attempts, name(task, leaseNo), { task, leaseNo, attempt, worker, startedAt: claimedAt, ...ended });
  const again = { leaseNo, attempt: attempt - 1, crashes, since: now };
  const gate = rows.gates.get(task);
  if (!gate?.armed) {
    rows.places.set(task, { in: "ready", ...again, alone });
    return "ready";
  }
  rows.gates.set(task, { ...gate, armed: false });
  rows.places.set(task, { in: "parked", ...again, alone: false });
  return "parked";
}

/** Ready tasks by lane. */
export function depths(rows: Rows): Map<number, { ready: number; firstPass: number; lastPass: number }> {
  const ready = [...rows.places].flatMap(([task, place]): ReadyRow[] => (place.in === "ready" ? [readyRow(rows, task)] : []));
  return new Map(
    [...Map.groupBy(ready, (r) => r.lane)].map(([lane, list]) => {
      const passes = list.map((r) => r.pass);
      return [lane, { ready: list.length, firstPass: Math.min(...passes), lastPass: Math.max(...passes) }];
    }),
  );
}

export function parkedTasks(rows: Rows): number {
  return [...rows.places.values()].filter((place) => place.in === "parked").length;
}

/** What a life finds. */
export function whatIsThere(rows: Rows): Omit<Boot, "boot" | "recovered" | "nextWorker"> {
  return {
    definitions: [...rows.definitions.values()],
    lanes: [...rows.lanes.values()],
    depth: new Map([...depths(rows)].map(([lane, { ready, lastPass }]) => [lane, { ready, lastPass }])),
    delayed: delayedTasks(rows).length,
    parked: parkedTasks(rows),
    nextDueAt: nextDue(rows),
    nextTickAt: nextTickAt(rows),
    cancelsLeft: rows.cancelJobs.size > 0,
  };
}
