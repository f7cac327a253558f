import type { Tick, Ticked } from "../schedules.ts";
import type { AskedKey } from "./tasks.ts";
import type { Writing } from "./writing.ts";

const nothing: Ticked = { taken: false, started: [], overlapped: false };

/** A tick that was taken, and the runs that it asks for. */
export interface TakenTick {
  readonly tick: Tick;
  readonly ticked: Ticked;
  readonly asks: readonly AskedKey[];
}

/**
 * Takes due ticks. The move of `next_at` is the fence: of two who read the same tick only one moves it, and what it starts
 * is in the same transaction. The key of each run is the second fence, for a schedule that was deleted and put again while
 * the clock went back. In the order of their schedules, so that no two who tick several wait for each other in a circle.
 */
export async function takeTicks(w: Writing, ticks: readonly Tick[]): Promise<TakenTick[]> {
  const taken: TakenTick[] = [];
  for (const [index, tick] of [...ticks.entries()].toSorted(([, a], [, b]) => a.schedule - b.schedule))
    taken[index] = await takeTick(w, tick);
  return taken;
}

async function takeTick(w: Writing, t: Tick): Promise<TakenTick> {
  const moved = await w.tx.run("UPDATE schedule SET next_at = $1, last_at = $2 WHERE id = $3 AND rev = $4 AND next_at = $5", [
    t.movedTo,
    t.lastAt,
    t.schedule,
    t.rev,
    t.nextAt,
  ]);
  if (moved === 0) return { tick: t, ticked: nothing, asks: [] };
  const overlapped = t.alone && t.runs.length > 0 && (await goesOn(w, t.schedule));
  const skipped = overlapped ? ({ fromAt: t.skipped?.fromAt ?? t.nextAt, toAt: t.lastAt, why: "overlap" } as const) : t.skipped;
  if (skipped)
    w.tx.later("UPDATE schedule SET skipped_from = $1, skipped_to = $2, skipped_why = $3 WHERE id = $4", [
      skipped.fromAt,
      skipped.toAt,
      skipped.why,
      t.schedule,
    ]);
  return { tick: t, ticked: { taken: true, started: [], overlapped }, asks: overlapped ? [] : t.runs };
}

/** Of a taken tick, when its runs are there. */
export function endTick(w: Writing, { tick, ticked }: TakenTick, started: readonly number[]): Ticked {
  const last = started.at(-1);
  if (last !== undefined) w.tx.later("UPDATE schedule SET last_run = $1 WHERE id = $2", [last, tick.schedule]);
  return { ...ticked, started };
}

/** A run that the schedule started, by a tick or by hand, has no outcome yet. */
async function goesOn(w: Writing, schedule: number): Promise<boolean> {
  w.tx.later(
    `DELETE FROM schedule_open s WHERE s.schedule = $1 AND (EXISTS (SELECT 1 FROM outcome o WHERE o.task = s.task)
       OR NOT EXISTS (SELECT 1 FROM task t WHERE t.id = s.task))`,
    [schedule],
  );
  const row = await w.tx.row<{ open: boolean }>(
    // The second: started while it still allowed overlap.
    `SELECT EXISTS (SELECT 1 FROM schedule_open WHERE schedule = $1) OR EXISTS (SELECT 1 FROM schedule s JOIN task t ON t.id = s.last_run
       WHERE s.id = $1 AND NOT EXISTS (SELECT 1 FROM outcome o WHERE o.task = s.last_run)) AS open`,
    [schedule],
  );
  return row?.open === true;
}
