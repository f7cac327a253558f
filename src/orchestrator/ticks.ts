// Due ticks of schedules, on their way into a batch and out of it.
import { shortHash } from "../core/hash.ts";
import { canonicalJson } from "../core/json.ts";
import { dueTicks, tickKey } from "../core/schedule.ts";
import type { ScheduleRow, Tick, Ticked } from "../store/schedules.ts";
import { incomingRoot, type Incoming } from "./intake.ts";
import type { Planning } from "./plan.ts";
import { batchMax } from "./queue.ts";
import { instantsOf } from "./schedule-instants.ts";
import { specOf } from "./schedules.ts";
import type { State } from "./state.ts";

/** Schedules that one batch looks at. */
const schedulesMax = 100;

export interface PlannedTick {
  readonly schedule: string;
  readonly tick: Tick;
  readonly incoming: readonly Incoming[];
}

/** When ticks may be given out: not while the fleet drains, nor before it has said what its schedules are. */
export function nextTickAt(state: State): number | null {
  return state.draining || state.ticksHeld ? null : state.nextTickAt;
}

/** Runs that ticks start in one batch, at most: the last schedule looked at may bring as many again. */
export const ticksMax = 2 * batchMax;

export function ticksDue(state: State, now: number): boolean {
  const at = nextTickAt(state);
  return at !== null && at <= now;
}

/** `room`: tasks that may still be queued. */
export async function planTicks(p: Planning, now: number, room: number): Promise<PlannedTick[]> {
  const at = nextTickAt(p.state);
  if (at === null || at > now) return [];
  const planned: PlannedTick[] = [];
  let left = batchMax;
  let free = room;
  for (const row of await p.state.store.schedules.due({ now, limit: schedulesMax })) {
    if (left <= 0) break;
    const tick = await planTick(p, row, now, free);
    left -= tick.incoming.length;
    free -= tick.incoming.length;
    planned.push(tick);
  }
  return planned;
}

async function planTick(p: Planning, row: ScheduleRow, now: number, room: number): Promise<PlannedTick> {
  const nextAt = row.nextAt as number;
  const common = { schedule: row.id, rev: row.rev, nextAt };
  try {
    const { onMissed, overlap, target, tenant, ...timing } = specOf(row);
    const { run, missed, lastAt, movedTo } = dueTicks(await instantsOf(timing), { onMissed, nextAt, now });
    const alone = overlap === "skip";
    if (run.length > room) {
      const skipped = { fromAt: nextAt, toAt: lastAt, why: "queue full" } as const;
      return { schedule: row.name, incoming: [], tick: { ...common, movedTo, lastAt, alone, runs: [], skipped } };
    }
    const request = { name: target, input: row.input, ...(tenant === null ? {} : { tenant }) };
    const inputHash = shortHash(canonicalJson(JSON.parse(row.input)));
    const incoming = run.map((at) =>
      incomingRoot(request, p.state.definitions, p.state.taskIds.take(), p.secret(), now, {
        namespace: row.namespace,
        schedule: { id: row.id, name: row.name, at, alone },
      }),
    );
    const runs = incoming.map(({ task }, i) => ({ key: tickKey(row.name, run[i] as number), inputHash, task }));
    const skipped = missed && ({ ...missed, why: "missed" } as const);
    return { schedule: row.name, incoming, tick: { ...common, movedTo, lastAt, alone, runs, skipped } };
  } catch (e) {
    // One schedule that this version cannot read must not stop the loop that everything goes through.
    p.state.log("error", "a schedule cannot be read; it ticks no more until it is put again", {
      schedule: row.name,
      error: String(e),
    });
    const skipped = { fromAt: nextAt, toAt: nextAt, why: "unreadable" } as const;
    const tick: Tick = { ...common, movedTo: null, lastAt: nextAt, alone: false, runs: [], skipped };
    return { schedule: row.name, incoming: [], tick };
  }
}

/** The runs that were started; what was not is said in the log. */
export function startedOf(state: State, { schedule, tick, incoming }: PlannedTick, ticked: Ticked): readonly Incoming[] {
  if (!ticked.taken) return [];
  const why = ticked.overlapped ? "overlap" : tick.skipped?.why;
  if (why !== undefined)
    state.log("warn", "a schedule passed over ticks", {
      schedule,
      why,
      from: new Date(tick.skipped?.fromAt ?? tick.nextAt).toISOString(),
      to: new Date(ticked.overlapped ? tick.lastAt : (tick.skipped?.toAt ?? tick.lastAt)).toISOString(),
    });
  return incoming.filter(({ task }) => ticked.started.includes(task.id));
}
