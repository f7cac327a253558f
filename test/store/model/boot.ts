import type { Boot, ReadyRow } from "../../../src/store/contract.ts";
import { add, inTransaction, name, type Disk } from "./disk.ts";
import { delayedTasks, nextDue, readyRow } from "./tasks.ts";
import { nextTickAt } from "./ticks.ts";

/**
 * A new life: what earlier lives were running is ready again, with its lease number and without a charge. What was idle
 * has nothing to run for: it is parked.
 */
export function bootStore(disk: Disk, p: { readonly pid: number; readonly now: number; readonly skip?: number }): Boot {
  return inTransaction(disk, (rows) => {
    const boot = (rows.lives.at(-1)?.boot ?? 0) + 1 + (p.skip ?? 0);
    rows.lives.push({ boot, pid: p.pid });
    let recovered = 0;
    for (const [task, place] of rows.places) {
      if (place.in !== "running") continue;
      const { leaseNo, attempt, crashes, alone, worker, claimedAt } = place;
      const ended = { endedAt: p.now, how: "orchestrator ended", error: null };
      add(rows.attempts, name(task, leaseNo), { task, leaseNo, attempt, worker, startedAt: claimedAt, ...ended });
      const again = { leaseNo, attempt: attempt - 1, crashes, since: p.now };
      const idle = rows.gates.get(task)?.armed ?? false;
      rows.places.set(task, idle ? { in: "parked", ...again, alone: false } : { in: "ready", ...again, alone });
      if (!idle) recovered += 1;
    }
    for (const [task, gate] of rows.gates) rows.gates.set(task, { ...gate, armed: false });
    const ready = [...rows.places].flatMap(([task, place]): ReadyRow[] => (place.in === "ready" ? [readyRow(rows, task)] : []));
    return {
      boot,
      recovered,
      nextWorker: Math.max(0, ...rows.workers.keys()) + 1,
      definitions: [...rows.definitions.values()],
      lanes: [...rows.lanes.values()],
      depth: new Map(
        [...Map.groupBy(ready, (r) => r.lane)].map(([lane, list]) => [
          lane,
          { ready: list.length, lastPass: Math.max(...list.map((r) => r.pass)) },
        ]),
      ),
      delayed: delayedTasks(rows).length,
      parked: [...rows.places.values()].filter((place) => place.in === "parked").length,
      nextDueAt: nextDue(rows),
      nextTickAt: nextTickAt(rows),
      cancelsLeft: rows.cancelJobs.size > 0,
    };
  });
}
