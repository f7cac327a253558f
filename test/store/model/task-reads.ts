import type { Store, Whereabouts } from "../../../src/store/contract.ts";
import { childrenOf, type Disk, type Rows } from "./disk.ts";
import { readAsked, readJournal, readSettled } from "./journal-reads.ts";
import { readyRow } from "./tasks.ts";
import { openWaitReads } from "./wait-reads.ts";

export function openQueue(disk: Disk): Store["queue"] {
  return {
    peek: ({ lanes, limit }) =>
      lanes.flatMap((lane) =>
        [...disk.rows.places]
          .flatMap(([task, place]) => (place.in === "ready" ? [readyRow(disk.rows, task)] : []))
          .filter((r) => r.lane === lane)
          .toSorted((a, b) => a.prio - b.prio || a.pass - b.pass || a.task - b.task)
          .slice(0, limit),
      ),
  };
}

export function openTaskReads(disk: Disk): Store["tasks"] {
  return {
    get: (ids) => [...new Set(ids)].flatMap((id) => disk.rows.tasks.get(id)?.row ?? []),
    child: ({ parent, act }) => childrenOf(disk.rows, parent).find((c) => c.row.act === act)?.row ?? null,
    where: (id) => whereabouts(disk.rows, id),
    attempts: (id) =>
      [...disk.rows.attempts.values()]
        .filter((a) => a.task === id)
        .map(({ task: _, ...a }) => a)
        .toSorted((a, b) => a.leaseNo - b.leaseNo),
    journal: (id) => readJournal(disk.rows, id),
    asked: (id) => readAsked(disk.rows, id),
    settled: ({ task, acts }) => readSettled(disk.rows, task, acts),
    ...openWaitReads(disk),
    children: (id) => ({
      total: childrenOf(disk.rows, id).length,
      unsettled: disk.rows.gates.get(id)?.remaining ?? 0,
    }),
    list({ run, definition, state, after, limit }) {
      const found = [...disk.rows.tasks.values()]
        .map((t) => t.row)
        .filter((t) => t.run === run && t.id > after)
        .filter((t) => definition === null || t.definition === definition)
        .filter((t) => state === null || stateOf(whereabouts(disk.rows, t.id)) === state)
        .toSorted((a, b) => a.id - b.id);
      const page = found.slice(0, limit);
      return {
        rows: page.map((task) => ({ task, where: whereabouts(disk.rows, task.id) })),
        next: found.length > limit ? (page.at(-1)?.id ?? null) : null,
      };
    },
  };
}

/** The word for where a task is: a workflow that is idle waits, in memory or parked, and so does what is held. */
function stateOf(where: Whereabouts | null): string | null {
  if (!where) return null;
  switch (where.in) {
    case "outcome":
      return where.outcome.status;
    case "running":
      return where.armed ? "waiting" : "running";
    case "held":
    case "parked":
      return "waiting";
    default:
      return where.in;
  }
}

function whereabouts(rows: Rows, id: number): Whereabouts | null {
  const place = rows.places.get(id);
  if (!place) return null;
  if (place.in === "outcome") return place;
  const { leaseNo, attempt, crashes } = place;
  switch (place.in) {
    case "ready":
      return { in: "ready", leaseNo, attempt, crashes, alone: place.alone, since: place.since };
    case "delayed":
      return { in: "delayed", leaseNo, attempt, crashes, dueAt: place.dueAt };
    case "held":
      return { in: "held", leaseNo, attempt, crashes, reason: place.reason, error: place.error, since: place.since };
    case "parked":
      return { in: "parked", leaseNo, attempt, crashes, since: place.since, remaining: rows.gates.get(id)?.remaining ?? 0 };
    case "running": {
      const gate = rows.gates.get(id);
      const { worker, claimedAt } = place;
      const waits = { armed: gate?.armed ?? false, remaining: gate?.remaining ?? 0 };
      return { in: "running", leaseNo, attempt, crashes, worker, claimedAt, ...waits };
    }
  }
}
