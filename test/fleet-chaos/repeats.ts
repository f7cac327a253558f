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

/** @param file the tables at the end */
export function repeatsOf(lines: readonly Line[], file: DatabaseSync): Repeat[] {
  const how = file.prepare("SELECT how FROM attempt WHERE task = ? AND lease_no >= ? ORDER BY lease_no LIMIT 1");
  const gone = new Map<number, string>();
  for (const l of lines) if (l.e === "fault" && (l.kind === "worker killed" || l.kind === "worker left")) gone.set(l.pid, l.kind);
  const told = new Map<string, string>();
  for (const l of lines) if (l.e === "told") told.set(l.token, l.why);
  const ended = new Set(lines.flatMap((l) => (l.e === "ended" ? [l.token] : [])));
  const byTask = Map.groupBy(
    lines.filter((l): l is Begun => l.e === "begun"),
    (l) => l.task,
  );
  const found: Repeat[] = [];
  for (const [task, begun] of byTask) {
    for (const [i, before] of begun.slice(0, -1).entries()) {
      const after = begun[i + 1] as Begun;
      const stored = (how.get(task, before.leaseNo) as { how: string } | undefined)?.how ?? "nothing stored";
      const long = before.long === true;
      const killed = ended.has(before.token) ? undefined : gone.get(before.pid);
      const why = killed ?? `${stored}${long && told.has(before.token) ? `: ${told.get(before.token)}` : ""}`;
      const finding =
        long && killed === undefined
          ? `long task ${task} was begun again ${((after.at - before.at) / 1_000).toFixed(1)} s later (${why}); before it: ${faultsBetween(lines, before.at, after.at)}`
          : null;
      found.push({ task, long, why, finding });
    }
  }
  return found;
}

function faultsBetween(lines: readonly Line[], from: number, to: number): string {
  return lines.flatMap((l) => (l.e === "fault" && l.at > from && l.at < to ? [`${l.kind} (${l.pid})`] : [])).join(", ");
}
