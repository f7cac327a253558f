import type { Claim, ReadyRow } from "../../../src/store/contract.ts";
import { readyRow } from "./tasks.ts";
import type { Writing } from "./writing.ts";

/** Ready tasks begin to run, each with its next lease number. A claim that was made on another look takes nothing. */
export function writeClaims(w: Writing, claims: readonly Claim[]): void {
  for (const c of claims) {
    const place = w.rows.places.get(c.task);
    if (place?.in !== "ready" || !isSame(c, readyRow(w.rows, c.task))) {
      w.unclaimed.push({ task: c.task, leaseNo: c.leaseNo });
      continue;
    }
    const { leaseNo, attempt, crashes, alone } = place;
    const next = { leaseNo: leaseNo + 1, attempt: attempt + 1, crashes, alone };
    w.rows.places.set(c.task, { in: "running", ...next, boot: w.boot, worker: c.worker, claimedAt: w.now });
  }
}

function isSame(c: Claim, r: ReadyRow): boolean {
  return c.leaseNo === r.leaseNo && c.lane === r.lane && c.prio === r.prio && c.pass === r.pass;
}
