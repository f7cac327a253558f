import type { Fence } from "../protocol/worker.ts";
import type { TaskRow } from "../store/contract.ts";
import type { Attempt, TaskOptions } from "./attempt.ts";
import type { DefinitionState } from "./definitions.ts";
import type { Engine } from "./engine.ts";
import { watchGrace, watchTimeouts } from "./liveness.ts";
import { isRemote, type WorkerState } from "./workers.ts";

type RowPart = Pick<
  TaskRow,
  "id" | "run" | "parent" | "act" | "path" | "depth" | "detached" | "lane" | "prio" | "pass" | "tenant" | "createdAt"
>;

export interface Beginning {
  readonly row: RowPart;
  readonly options: TaskOptions | null;
  readonly publicId: string;
  readonly definition: DefinitionState;
  readonly runs: DefinitionState;
  readonly worker: WorkerState;
  readonly leaseNo: number;
  readonly attempt: number;
  readonly crashes: number;
  readonly alone: boolean;
  readonly now: number;
  /** Its worker executes it already, under that lease. */
  readonly heldAs?: Fence;
}

/** A lease was committed: the attempt lives from here on. */
export function beginAttempt(engine: Engine, b: Beginning): Attempt {
  const { row, worker } = b;
  const attempt: Attempt = {
    fence: { task: row.id, boot: engine.state.boot, leaseNo: b.leaseNo },
    publicId: b.publicId,
    run: row.run,
    parent: row.parent,
    act: row.act,
    path: row.path,
    depth: row.depth,
    detached: row.detached,
    definition: b.definition,
    runs: b.runs,
    lane: row.lane,
    pin: null,
    bound: false,
    prio: row.prio,
    pass: row.pass,
    tenant: row.tenant,
    options: b.options,
    attempt: b.attempt,
    crashes: b.crashes,
    alone: b.alone,
    worker,
    createdAt: row.createdAt,
    claimedAt: b.now,
    state: "running",
    holdsSlot: false,
    ended: false,
    hasGate: b.leaseNo > 1,
    sentSeq: 0,
    queuedSeq: 0,
    codeEnded: false,
    children: 0,
    kept: null,
    history: null,
    heard: 0,
    progress: null,
    timeout: undefined,
    idle: undefined,
    inbox: null,
    outbox: null,
    early: [],
    assigning: false,
    heldAs: b.heldAs ?? null,
  };
  engine.state.attempts.set(row.id, attempt);
  worker.attempts.set(row.id, attempt);
  setSlot(attempt, true);
  watchTimeouts(engine, attempt);
  // The worker may have gone while the batch was being committed: nobody would ever report this attempt.
  if (!engine.state.workers.has(worker.id)) engine.lostAttempt(attempt, "left before the task reached it");
  engine.events.live(row.run, "task.started", () => ({
    task: attempt.publicId,
    agent: b.runs.name,
    worker: worker.hello.name,
    attempt: b.attempt,
  }));
  return attempt;
}

/** The attempt's result no longer counts. `stop`: its code still runs and is told why; it keeps its slot until it has ended. */
export function endAttempt(engine: Engine, attempt: Attempt, stop: string | null): void {
  const { state } = engine;
  attempt.ended = true;
  attempt.timeout?.cancel();
  attempt.idle?.cancel();
  if (state.attempts.get(attempt.fence.task) === attempt) state.attempts.delete(attempt.fence.task);
  const { worker } = attempt;
  worker.attempts.delete(attempt.fence.task);
  // It keeps the end that it has reported until it is told that the end is stored, or came too late.
  if (attempt.codeEnded && isRemote(worker)) worker.link.send({ t: "settled", fence: attempt.fence });
  if (stop === null || attempt.codeEnded || !state.workers.has(worker.id)) {
    setSlot(attempt, false);
    return;
  }
  attempt.state = "ending";
  worker.ending.add(attempt);
  worker.link.send({ t: "cancel", fence: attempt.fence, reason: stop });
  watchGrace(engine, attempt);
}

/** The code of an attempt that no longer counts has ended. */
export function codeEnded(attempt: Attempt): void {
  attempt.worker.ending.delete(attempt);
  attempt.timeout?.cancel();
  setSlot(attempt, false);
}

export function setSlot(attempt: Attempt, holds: boolean): void {
  if (attempt.holdsSlot === holds) return;
  attempt.holdsSlot = holds;
  attempt.worker.busy += holds ? 1 : -1;
}
