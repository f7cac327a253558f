// The live workers as people see them: those of this orchestrator, and what the others on the same store said of theirs.
import type { WorkerView } from "../protocol/views.ts";
import type { LifeRow } from "../store/shared.ts";
import type { State } from "./state.ts";
import { serves, type WorkerState } from "./workers.ts";

/** Workers that a life tells others of: a beat must stay small. The counts beside them are of all. */
const rosterMax = 500;

type Told = WorkerView & { readonly namespace: number | null };

/** `namespace` null: all of them. Of one namespace: those that serve it, with its own tasks alone. */
export async function listWorkers(state: State, namespace: number | null): Promise<WorkerView[]> {
  const here = workersOf(state, namespace).map((w) => workerView(state, w, namespace));
  const rosters = (await state.store.shared?.rosters()) ?? [];
  const others = rosters.filter((r) => r.boot !== state.boot).flatMap((r) => JSON.parse(r.roster) as Told[]);
  const elsewhere = others
    .filter((w) => namespace === null || w.namespace === null || w.namespace === namespace)
    // Of which namespace their tasks are is not told.
    .map(({ namespace: _, ...view }) => (namespace === null ? view : { ...view, tasks: [] }));
  return [...here, ...elsewhere];
}

/** All lives on a store that several share, and with it what the others' workers serve; none where one process owns it. */
export async function hearOthers(state: State): Promise<readonly LifeRow[]> {
  const lives = (await state.store.shared?.lives()) ?? [];
  const others = lives.filter((life) => life.boot !== state.boot);
  state.elsewhere = {
    lanes: new Set(others.flatMap((life) => life.lanes)),
    names: new Set(others.flatMap((life) => life.names)),
  };
  return lives;
}

/** What other orchestrators may say of the workers here. */
export function rosterOf(state: State): readonly Told[] {
  return workersOf(state, null)
    .slice(0, rosterMax)
    .map((w) => ({ ...workerView(state, w, null), namespace: w.namespace }));
}

/** Names of definitions that these have code for, those of contracts that they fulfil included. */
export function namesServed(workers: Iterable<WorkerState>): Set<string> {
  const served = new Set<string>();
  for (const w of workers) {
    for (const d of w.hello.definitions) {
      served.add(d.name);
      if (d.implements !== null) served.add(d.implements);
    }
  }
  return served;
}

export function workersOf(state: State, namespace: number | null): WorkerState[] {
  return [...state.workers.values()].filter((w) => namespace === null || serves(w, namespace));
}

function workerView(state: State, w: WorkerState, namespace: number | null): WorkerView {
  const now = state.clock.now();
  return {
    id: w.publicId,
    name: w.hello.name,
    pid: w.hello.pid,
    isolation: w.hello.isolation,
    state: w.draining || w.finishing ? "draining" : w.unresponsive || w.away ? "unresponsive" : w.busy > 0 ? "busy" : "idle",
    slots: w.hello.slots,
    busy: busySlots(w),
    offers: [...w.offers],
    definitions: [...w.names],
    build: w.hello.build,
    ...(w.hello.pool === undefined ? {} : { pool: w.hello.pool }),
    joinedAt: new Date(w.joinedAt).toISOString(),
    tasks: [...w.attempts.values()]
      .filter((a) => a.state === "running" && (namespace === null || a.definition.namespace === namespace))
      .slice(0, 20)
      .map((a) => ({ id: a.publicId, name: a.runs.name, forMs: now - a.claimedAt })),
  };
}

/** Workflows that resume while every slot is taken wait for one at the worker: they are not busy yet. */
export function busySlots(w: WorkerState): number {
  return Math.min(w.busy, w.hello.slots);
}
