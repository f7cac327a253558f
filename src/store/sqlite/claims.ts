import type { Claim } from "../contract.ts";
import type { Writing } from "./writing.ts";
import type { Value } from "./statements.ts";

/** Moves ready tasks to running. A row that is gone (canceled meanwhile), or has had another lease since, is skipped and reported. */
export function writeClaims(w: Writing, claims: readonly Claim[]): void {
  const flat: Value[] = [];
  for (const c of claims) {
    const taken = w.sql.run(
      "DELETE FROM ready WHERE lane = ? AND prio = ? AND pass = ? AND task = ? AND lease_no = ?",
      c.lane,
      c.prio,
      c.pass,
      c.task,
      c.leaseNo,
    );
    if (taken === 0) {
      w.unclaimed.push({ task: c.task, leaseNo: c.leaseNo });
      continue;
    }
    const leaseNo = c.leaseNo + 1;
    flat.push(c.task, leaseNo, leaseNo, w.boot, c.worker, c.attempt + 1, c.crashes, c.alone ? 1 : 0, w.now);
  }
  w.tables.running.insert(flat);
}
