import type { Tick, Ticked } from "../../../src/store/schedules.ts";
import { type Rows, type Schedule } from "./disk.ts";
import { giveBirth, keyOf } from "./tasks.ts";
import type { Writing } from "./writing.ts";

/** The runs of due ticks: all of a tick is stored, or nothing when the schedule is no longer as it was read. */
export function writeTicks(w: Writing, ticks: readonly Tick[]): Ticked[] {
  return ticks.map((t) => writeTick(w, t));
}

function writeTick(w: Writing, t: Tick): Ticked {
  const row = w.rows.schedules.get(t.schedule);
  if (!row || row.rev !== t.rev || row.nextAt === null || row.nextAt !== t.nextAt)
    return { taken: false, started: [], overlapped: false };
  const overlapped = t.alone && t.runs.length > 0 && goesOn(w.rows, row);
  const skipped = overlapped ? ({ fromAt: t.skipped?.fromAt ?? t.nextAt, toAt: t.lastAt, why: "overlap" } as const) : t.skipped;
  const started: number[] = [];
  for (const { key, inputHash, task } of overlapped ? [] : t.runs) {
    const of = keyOf(task, key);
    if (w.rows.keys.has(of)) continue;
    w.rows.keys.set(of, { task: task.id, inputHash });
    giveBirth(w, task, null);
    started.push(task.id);
  }
  const { movedTo: nextAt, lastAt } = t;
  w.rows.schedules.set(row.id, {
    ...row,
    nextAt,
    lastAt,
    skipped: skipped ?? row.skipped,
    lastRun: started.at(-1) ?? row.lastRun,
  });
  return { taken: true, started, overlapped };
}

/** A run that it started, by a tick or by hand, has no outcome yet. */
function goesOn(rows: Rows, schedule: Schedule): boolean {
  const open = (task: number) => rows.tasks.has(task) && rows.places.get(task)?.in !== "outcome";
  if (schedule.lastRun !== null && open(schedule.lastRun)) return true;
  return [...rows.aloneOf].some(([task, of]) => of === schedule.id && open(task));
}

/** Those that will tick, the next one first. */
export function ticking(rows: Rows): (Schedule & { readonly nextAt: number })[] {
  return [...rows.schedules.values()]
    .flatMap((s) => (s.nextAt === null ? [] : [{ ...s, nextAt: s.nextAt }]))
    .toSorted((a, b) => a.nextAt - b.nextAt || a.id - b.id);
}

export function nextTickAt(rows: Rows): number | null {
  return ticking(rows)[0]?.nextAt ?? null;
}
