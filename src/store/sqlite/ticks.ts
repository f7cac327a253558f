import type { Tick, Ticked } from "../schedules.ts";
import type { Statements } from "./statements.ts";
import { insertTasks } from "./tasks.ts";
import type { Writing } from "./writing.ts";

const nothing: Ticked = { taken: false, started: [], overlapped: false };

/**
 * The runs of due ticks. The move of `next_at` is the fence: of two who read the same tick only one moves it, and what
 * it starts is in the same transaction. The key of the tick is the second fence, for a schedule that was deleted and put
 * again while the clock went back.
 */
export function writeTicks(w: Writing, ticks: readonly Tick[]): readonly Ticked[] {
  return ticks.map((t) => writeTick(w, t));
}

function writeTick(w: Writing, t: Tick): Ticked {
  const moved = w.sql.run(
    "UPDATE schedule SET next_at = ?, last_at = ? WHERE id = ? AND rev = ? AND next_at = ?",
    t.movedTo,
    t.lastAt,
    t.schedule,
    t.rev,
    t.nextAt,
  );
  if (moved === 0) return nothing;
  const overlapped = t.alone && t.runs.length > 0 && goesOn(w, t.schedule);
  const skipped = overlapped ? ({ fromAt: t.skipped?.fromAt ?? t.nextAt, toAt: t.lastAt, why: "overlap" } as const) : t.skipped;
  if (skipped)
    w.sql.run(
      "UPDATE schedule SET skipped_from = ?, skipped_to = ?, skipped_why = ? WHERE id = ?",
      skipped.fromAt,
      skipped.toAt,
      skipped.why,
      t.schedule,
    );
  if (overlapped) return { taken: true, started: [], overlapped };
  const tasks = t.runs.filter((r) => takeKey(w, r)).map((r) => r.task);
  insertTasks(w, tasks, w.boot);
  const last = tasks.at(-1);
  if (last) w.sql.run("UPDATE schedule SET last_run = ? WHERE id = ?", last.id, t.schedule);
  return { taken: true, started: tasks.map((task) => task.id), overlapped };
}

function takeKey(w: Writing, { key, inputHash, task }: Tick["runs"][number]): boolean {
  return (
    w.sql.run(
      "INSERT OR IGNORE INTO idempotency (namespace, definition, key, task, input_hash) VALUES (?,?,?,?,?)",
      task.namespace,
      task.definition,
      key,
      task.id,
      inputHash,
    ) === 1
  );
}

/** A run that the schedule started, by a tick or by hand, has no outcome yet. */
function goesOn(w: Writing, schedule: number): boolean {
  w.sql.run(
    `DELETE FROM schedule_open WHERE schedule = ? AND (EXISTS (SELECT 1 FROM outcome o WHERE o.task = schedule_open.task)
       OR NOT EXISTS (SELECT 1 FROM task t WHERE t.id = schedule_open.task))`,
    schedule,
  );
  if (w.sql.row("SELECT 1 FROM schedule_open WHERE schedule = ? LIMIT 1", schedule)) return true;
  // Started while it still allowed overlap.
  return (
    w.sql.row(
      `SELECT 1 FROM schedule s JOIN task t ON t.id = s.last_run
       WHERE s.id = ? AND NOT EXISTS (SELECT 1 FROM outcome o WHERE o.task = s.last_run)`,
      schedule,
    ) !== undefined
  );
}

export function readNextTickAt(sql: Statements): number | null {
  return (
    sql.row<{ next_at: number }>("SELECT next_at FROM schedule WHERE next_at IS NOT NULL ORDER BY next_at LIMIT 1")?.next_at ??
    null
  );
}
