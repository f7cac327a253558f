import type { ReadyRow } from "../store/contract.ts";
import type { DefinitionState } from "./definitions.ts";
import { before, type Lane } from "./lane.ts";
import { freeSlots, isQuiet, type WorkerState } from "./workers.ts";

/** Ready tasks matched to workers, not yet claimed. */
export interface Match {
  readonly row: ReadyRow;
  readonly lane: Lane;
  readonly worker: WorkerState;
  readonly runs: DefinitionState;
}

/**
 * Slots as they will be after this batch: what settles frees, what is claimed takes. Nothing of it touches the workers
 * themselves, because a batch that fails to commit must leave no trace in memory.
 */
export class SlotPlan {
  readonly #free = new Map<WorkerState, number>();
  readonly #claimed = new Map<WorkerState, number>();
  #reserved = false;

  free(worker: WorkerState): number {
    let n = this.#free.get(worker);
    if (n === undefined) {
      n = freeSlots(worker);
      this.#free.set(worker, n);
    }
    return n;
  }
  frees(worker: WorkerState): void {
    this.#free.set(worker, this.free(worker) + 1);
  }
  takes(worker: WorkerState, n = 1): void {
    this.#free.set(worker, this.free(worker) - n);
    this.#claimed.set(worker, (this.#claimed.get(worker) ?? 0) + 1);
  }
  /** No code executes there and none is about to. */
  idle(worker: WorkerState): boolean {
    return isQuiet(worker) && !this.#claimed.has(worker) && this.free(worker) > 0;
  }

  /** The capable worker with the most free slots, of the newest build that has any. */
  best(lane: Lane): WorkerState | undefined {
    let best: WorkerState | undefined;
    let most = 0;
    let newest = -1;
    for (const worker of lane.workers.keys()) {
      const n = this.free(worker);
      if (n <= 0) continue;
      const rank = lane.rank(worker);
      if (rank < newest || (rank === newest && n <= most)) continue;
      best = worker;
      most = n;
      newest = rank;
    }
    return best;
  }
  idleOne(lane: Lane): WorkerState | undefined {
    for (const worker of lane.workers.keys()) if (this.idle(worker)) return worker;
    return undefined;
  }

  /**
   * Keeps the least busy of the lane's workers free of anything new, until it is quiet enough for a task that must be
   * alone: on a busy fleet no worker would ever be idle by chance. One worker at a time, so the rest of the fleet goes on.
   */
  reserve(lane: Lane): void {
    if (this.#reserved) return;
    let calm: WorkerState | undefined;
    for (const worker of lane.workers.keys()) {
      if (worker.draining || worker.killed !== null) continue;
      if (!calm || worker.busy < calm.busy) calm = worker;
    }
    if (!calm) return;
    this.#reserved = true;
    this.#free.set(calm, 0);
  }
}

/**
 * Matches the heads of the lanes to free slots: over all lanes in claim order (priority, then age), each task to the
 * capable worker with the most free slots. A task that must run alone waits for an idle worker, and gets all of it.
 */
export function match(lanes: Iterable<Lane>, plan: SlotPlan, limit: number): Match[] {
  const cursors: { lane: Lane; at: number }[] = [];
  for (const lane of lanes) if (lane.head.length > 0 && lane.workers.size > 0) cursors.push({ lane, at: lane.from });
  const matches: Match[] = [];
  // Another orchestrator may have run it meanwhile, and left it in another lane: the head that is older still shows it. Two
  // claims of one task in a batch, and nobody could tell which of them the store took.
  const matched = new Set<number>();
  while (cursors.length > 0 && matches.length < limit) {
    let first = 0;
    for (let i = 1; i < cursors.length; i++) {
      if (older(headOf(cursors[i] as Cursor), headOf(cursors[first] as Cursor))) first = i;
    }
    const cursor = cursors[first] as Cursor;
    const row = headOf(cursor);
    if (matched.has(row.task)) {
      cursor.at += 1;
      if (cursor.at >= cursor.lane.head.length) cursors.splice(first, 1);
      continue;
    }
    const worker = row.alone ? plan.idleOne(cursor.lane) : plan.best(cursor.lane);
    if (worker) {
      plan.takes(worker, row.alone ? plan.free(worker) : 1);
      matched.add(row.task);
      matches.push({ row, lane: cursor.lane, worker, runs: cursor.lane.workers.get(worker) as DefinitionState });
    }
    if (!worker && row.alone) plan.reserve(cursor.lane);
    // No free slot for this lane: its other tasks find none either, unless only an idle worker was missing.
    cursor.at = worker || row.alone ? cursor.at + 1 : cursor.lane.head.length;
    if (cursor.at >= cursor.lane.head.length) cursors.splice(first, 1);
  }
  return matches;
}

interface Cursor {
  lane: Lane;
  at: number;
}
function headOf(c: Cursor): ReadyRow {
  return c.lane.head[c.at] as ReadyRow;
}
/** Across lanes the place says nothing (each lane counts its own): priority, then age. */
function older(a: ReadyRow, b: ReadyRow): boolean {
  return a.lane === b.lane ? before(a, b) : a.prio !== b.prio ? a.prio < b.prio : a.task < b.task;
}
