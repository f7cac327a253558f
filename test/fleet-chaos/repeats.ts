// Which tasks were executed more than once, and why. Execution is at least once; but a task that takes an hour is not begun
// again for a network that was away for a second.
import type { DatabaseSync } from "node:sqlite";
import type { Line } from "../chaos/nemesis/history.ts";

export interface Repeat {
  readonly task: number;
  readonly long: boolean;
  readonly why: string;
  /** Why this repeat breaks a promise; null: it does not. */
  readonly finding: string | null;
}

type Begun = Extract<Line, { e: "begun" | "ended" }>;

/** Only these two end a process that executes: what it was doing is begun again. */
const ends = new Set<string>(["worker killed", "worker left"]);
/** How long a loss may be the work of a fault before it: what an orchestrator waits for a link, and for another one's life. */
const graceMs = 5_000;
const leaseMs = 22_000;

/** @param file the tables at the end */
export function repeatsOf(lines: readonly Line[], file: DatabaseSync): Repeat[] {
  const stored = file.prepare(
    "SELECT how, ended_at AS endedAt FROM attempt WHERE task = ? AND lease_no >= ? ORDER BY lease_no LIMIT 1",
  );
  const gone = new Map(lines.flatMap((l) => (l.e === "fault" && ends.has(l.kind) ? [[l.pid, l.kind] as const] : [])));
  const ended = new Set(lines.flatMap((l) => (l.e === "ended" ? [l.token] : [])));
  const begun = lines.filter((l): l is Begun => l.e === "begun");
  const found: Repeat[] = [];
  for (const [task, all] of Map.groupBy(begun, (l) => l.task)) {
    for (const [i, before] of all.slice(0, -1).entries()) {
      const after = all[i + 1] as Begun;
      const lost = stored.get(task, before.leaseNo) as { how: string; endedAt: number } | undefined;
      const long = before.long === true;
      const own = ended.has(before.token) ? undefined : gone.get(before.pid);
      if (own !== undefined || !long) {
        found.push({ task, long, why: own ?? lost?.how ?? "nothing stored", finding: null });
        continue;
      }
      const until = lost?.endedAt ?? after.at;
      const by = faultsBetween(lines, until - (lost?.how === "lost" ? graceMs : leaseMs), until, before.pid);
      const how = lost?.how ?? "nothing stored";
      // Two at once may cut a worker off from all who could know of it. One alone never may.
      if (by.length > 1) found.push({ task, long, why: `${how}, under several faults at once`, finding: null });
      else {
        const s = ((after.at - before.at) / 1_000).toFixed(1);
        found.push({
          task,
          long,
          why: how,
          finding: `long task ${task} was begun again ${s} s later (${how}) after ${by.join()}`,
        });
      }
    }
  }
  return found;
}

/** Those that may have to do with the attempt of a worker. */
function faultsBetween(lines: readonly Line[], from: number, to: number, pid: number): string[] {
  return lines.flatMap((l) =>
    l.e === "fault" && l.at > from && l.at <= to && (l.pid === pid || !l.kind.startsWith("worker")) && l.kind !== "clients cut"
      ? [`${l.kind} (${l.pid})`]
      : [],
  );
}
