import { FlotillaError } from "../../core/error.ts";
import { closeTask, targetColumns, type Target } from "./cancels.ts";
import { expiryKinds } from "./terms.ts";
import type { Writing } from "./writing.ts";

/** Closes runs whose deadline or ttl has passed, by force: their time to undo is over as well. What lies below them is closed by the jobs of cancels, in slices. */
export function fireExpiries(w: Writing, limit: number): void {
  const rows = w.sql.rows<{ at: number; task: number; kind: number }>(
    "SELECT at, task, kind FROM expiry WHERE at <= ? ORDER BY at, task, kind LIMIT ?",
    w.now,
    limit,
  );
  for (const { at, task, kind } of rows) {
    // Gone with the run's other one, which has closed it in this same pass.
    if (w.sql.run("DELETE FROM expiry WHERE at = ? AND task = ? AND kind = ?", at, task, kind) === 0) continue;
    const after = kind === expiryKinds.ttl ? "ttl" : "deadline";
    if (after === "ttl" && wasBegun(w, task)) continue;
    const target = w.sql.row<Target>(`SELECT ${targetColumns} FROM task WHERE id = ?`, task);
    const error = new FlotillaError("FLOTILLA_TIMEOUT", { after }).toJSON();
    if (target) closeTask(w, target, { status: "failed", error, reason: `the run's ${after} has passed` }, true);
  }
}

/** Lease 0 in a queue: nobody ever had it. Anywhere else somebody has, or had. */
function wasBegun(w: Writing, task: number): boolean {
  return !w.sql.row(
    `SELECT 1 FROM task t WHERE t.id = ? AND (
       EXISTS (SELECT 1 FROM ready r WHERE r.lane = t.lane AND r.prio = t.prio AND r.pass = t.pass AND r.task = t.id AND r.lease_no = 0)
       OR EXISTS (SELECT 1 FROM delayed d WHERE d.task = t.id AND d.lease_no = 0))`,
    task,
  );
}
