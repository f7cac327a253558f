import { FlotillaError } from "../../core/error.ts";
import { closeTasks, type Target } from "./cancels.ts";
import { expiryKinds } from "./terms.ts";
import { ints } from "./values.ts";
import type { Writing } from "./writing.ts";

/**
 * Closes runs whose deadline or ttl has passed, by force: their time to undo is over as well. What lies below them is closed
 * by the jobs of cancels, in slices. `looked`: how many rows to look at.
 */
export async function fireExpiries(w: Writing, limit: number, looked: number): Promise<void> {
  const rows = await w.tx.rows<{ at: number; task: number; kind: number }>(
    `SELECT at, task, kind FROM (SELECT * FROM expiry WHERE at <= $1 ORDER BY at, task, kind LIMIT $3) e
     WHERE task = ANY($4::bigint[]) ORDER BY at, task, kind LIMIT $2`,
    [w.now, limit, looked, ints([...w.locked])],
  );
  for (const { at, task, kind } of rows) {
    // Gone with the run's other one, which has closed it in this same pass.
    if ((await w.tx.run("DELETE FROM expiry WHERE at = $1 AND task = $2 AND kind = $3", [at, task, kind])) === 0) continue;
    const after = kind === expiryKinds.ttl ? "ttl" : "deadline";
    const target = await w.tx.row<Target & { fresh: boolean }>(find, [task]);
    if (!target || (after === "ttl" && !target.fresh)) continue;
    const error = new FlotillaError("FLOTILLA_TIMEOUT", { after }).toJSON();
    await closeTasks(w, [target], { status: "failed", error, reason: `the run's ${after} has passed` }, true);
  }
}

/** `fresh`: lease 0 in a queue, so nobody ever had it. Anywhere else somebody has, or had. */
const find = `SELECT t.id, t.run, t.parent, t.act, t.definition, t.lane, t.prio, t.pass, t.detached,
    EXISTS (SELECT 1 FROM ready r WHERE r.lane = t.lane AND r.prio = t.prio AND r.pass = t.pass AND r.task = t.id AND r.lease_no = 0)
    OR EXISTS (SELECT 1 FROM delayed d WHERE d.task = t.id AND d.lease_no = 0) AS fresh
  FROM task t WHERE t.id = $1`;
