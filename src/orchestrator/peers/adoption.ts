// A worker whose orchestrator has died, or cannot be reached, comes to this one with what it executes. Each attempt goes on
// under a lease of this life: whatever the other still writes for it is fenced, so nothing is done twice.
import { isFlotillaError } from "../../core/error.ts";
import type { HeldAttempt, Inventory } from "../../protocol/worker.ts";
import type { Adopted, SharedStore } from "../../store/shared.ts";
import type { TaskRow } from "../../store/contract.ts";
import type { Attempt, TaskOptions } from "../attempt.ts";
import { beginAttempt, endAttempt, setSlot } from "../attempts.ts";
import { assigned } from "../deliver.ts";
import type { Engine } from "../engine.ts";
import { historyAfter, sendHistory } from "../history.ts";
import { readKept } from "../origin.ts";
import type { State } from "../state.ts";
import { serves, type WorkerState } from "../workers.ts";

const retryMs = 500;

/** Answers each of them once: `adopted`, or `cancel` (`settled` for one that has ended). */
export function adoptInventory(engine: Engine, shared: SharedStore, worker: WorkerState, { held }: Inventory): void {
  if (held.length === 0) return;
  worker.arriving = true;
  void insist(engine, shared, { worker, id: worker.id, boot: engine.state.boot, held });
}

/** What one worker brought to one life. */
interface Arrival {
  readonly worker: WorkerState;
  readonly id: number;
  readonly boot: number;
  readonly held: readonly HeldAttempt[];
}

/**
 * Until it is known what goes on here: a try whose answer was lost may have taken all of it over, and then nobody else is
 * given it. So also when its worker has gone again.
 */
async function insist(engine: Engine, shared: SharedStore, arrival: Arrival): Promise<void> {
  const { state } = engine;
  for (;;) {
    // The life that was asked is over, and what it had is others'.
    if (state.boot !== arrival.boot) return;
    try {
      await take(engine, shared, arrival);
      break;
    } catch (e) {
      if (isFlotillaError(e, "FLOTILLA_LIFE_OVER")) return state.boot === arrival.boot ? engine.over() : undefined;
      state.log("warn", "what a worker brought along could not be looked up; it is tried again", { error: String(e) });
      await new Promise<void>((resolve) => void state.clock.after(retryMs, resolve));
    }
  }
  arrival.worker.arriving = false;
  engine.dispatch();
}

async function take(engine: Engine, shared: SharedStore, { worker, id, boot, held }: Arrival): Promise<void> {
  const { state } = engine;
  const own = await ofItsNamespace(state, worker, held);
  const adopted = await shared.adopt({ boot, now: state.clock.now(), worker: id, held: own.map((h) => h.fence) });
  await state.definitions.know({ definitions: adopted.map((a) => a.task.definition), lanes: adopted.map((a) => a.task.lane) });
  if (state.boot !== boot) return;
  const byTask = new Map(adopted.map((a) => [a.held.task, a]));
  for (const h of held) {
    const a = byTask.get(h.fence.task);
    if (a) resume(engine, worker, h, a);
    else if (h.finished) worker.link.send({ t: "settled", fence: h.fence });
    else worker.link.send({ t: "cancel", fence: h.fence, reason: "its task was given to another worker, or has ended" });
  }
  if (adopted.length > 0)
    state.log("info", "took over what a worker brought along", { worker: worker.hello.name, tasks: adopted.length });
}

/** What a worker says that it holds is its word, and the numbers of a fence can be guessed: no wall falls by them. */
async function ofItsNamespace(state: State, worker: WorkerState, held: readonly HeldAttempt[]): Promise<readonly HeldAttempt[]> {
  if (worker.namespace === null) return held;
  const rows = await state.store.tasks.get(held.map((h) => h.fence.task));
  const own = new Set(rows.filter((row) => serves(worker, row.namespace)).map((row) => row.id));
  return held.filter((h) => own.has(h.fence.task));
}

function resume(engine: Engine, worker: WorkerState, held: HeldAttempt, a: Adopted): void {
  const { state } = engine;
  const { task } = a;
  const definition = state.definitions.byId(task.definition);
  // Its worker has come back to the same life by another link: it goes on here, and the lost link's end is nobody's.
  const before = state.attempts.get(task.id);
  if (before) endAttempt(engine, before, null);
  const attempt = beginAttempt(engine, {
    row: task,
    options: task.options === null ? null : (JSON.parse(task.options) as TaskOptions),
    publicId: state.knownPublicId(task) ?? "",
    definition,
    runs: state.definitions.get(definition.namespace, held.definition) ?? definition,
    worker,
    leaseNo: a.leaseNo,
    attempt: a.attempt,
    crashes: a.crashes,
    alone: a.alone,
    now: a.claimedAt,
    heldAs: held.fence,
  });
  attempt.hasGate = true;
  attempt.assigning = true;
  const mine: Promise<void> = readOn(engine, attempt, held, task).then(
    () => {
      if (attempt.outbox === mine) attempt.outbox = null;
      assigned(engine, attempt);
      if (attempt.history) sendHistory(engine, attempt);
      engine.queries.begun(attempt);
    },
    (e: unknown) => engine.unreadable(attempt, e, { codeRuns: true }),
  );
  attempt.outbox = mine;
}

/** Where its code stands, and what has settled since: told to its worker. */
async function readOn(engine: Engine, attempt: Attempt, held: HeldAttempt, task: TaskRow): Promise<void> {
  const { state } = engine;
  (attempt as { publicId: string }).publicId = await state.publicId(task);
  const journal = await state.store.tasks.journal(task.id);
  attempt.hasGate = journal !== null;
  attempt.children = journal?.entries.filter((e) => e.kind === "child").length ?? 0;
  attempt.kept = attempt.options?.origin ? await readKept(state.store, attempt.options.origin) : null;
  attempt.sentSeq = held.seq;
  attempt.queuedSeq = Math.max(held.seq, journal?.lastSeq ?? 0);
  attempt.history = journal && historyAfter(journal, held.seq);
  const where = await state.store.tasks.where(task.id);
  if (attempt.ended) return;
  attempt.worker.link.send({ t: "adopted", fence: held.fence, next: attempt.fence, acts: journal?.acts ?? 0 });
  if (where?.in !== "running" || !where.armed || attempt.history) return;
  attempt.state = "waiting";
  setSlot(attempt, false);
}
