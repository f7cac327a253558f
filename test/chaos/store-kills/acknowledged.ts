// What a store's owner was told before it died, and whether the file agrees.
import { existsSync, readFileSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { readOutcomes } from "../nemesis/at-rest.ts";
import type { Findings } from "../nemesis/findings.ts";

type Lease = readonly [task: number, leaseNo: number];
export type Acknowledged =
  | { readonly boot: number }
  | {
      readonly tasks: readonly number[];
      readonly outcomes: readonly Lease[];
      /** Leases that the store said were fenced. */
      readonly refused: readonly Lease[];
      /** Leases that were no longer held when they were used. */
      readonly stale: readonly Lease[];
    };

/** A line is one write: a kill leaves it whole or not at all. */
export function readAcknowledged(log: string): Acknowledged[] {
  if (!existsSync(log)) return [];
  return readFileSync(log, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Acknowledged);
}

export function checkStored(lines: readonly Acknowledged[], file: DatabaseSync, findings: Findings): void {
  const outcomes = readOutcomes(file);
  const tasks = new Set((file.prepare("SELECT id FROM task").all() as { id: number }[]).map((r) => r.id));
  let boots = 0;
  for (const line of lines) {
    if ("boot" in line) {
      if (line.boot <= boots) findings.add("forgotten", `boot ${line.boot} was given after ${boots}`);
      boots = Math.max(boots, line.boot);
      continue;
    }
    for (const task of line.tasks) if (!tasks.has(task)) findings.add("lost", `task ${task} was accepted`);
    for (const [task, leaseNo] of line.outcomes) {
      const stored = outcomes.get(task);
      if (!stored) findings.add("forgotten", `the outcome of task ${task} was acknowledged`);
      else if (stored.leaseNo !== leaseNo) findings.add("second", `task ${task} has the outcome of lease ${stored.leaseNo}`);
    }
    const refused = new Set(line.refused.map(String));
    for (const lease of line.stale)
      if (!refused.has(String(lease))) findings.add("fenced", `lease ${lease[1]} of task ${lease[0]} was not refused`);
  }
  for (const { task, leaseNo, value } of outcomes.values())
    if (value !== null && value !== JSON.stringify(`${task}:${leaseNo}`))
      findings.add("fenced", `task ${task} ended under lease ${leaseNo} with ${value}`);
}
