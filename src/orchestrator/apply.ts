// What a committed batch means for memory, in order: attempts end, tasks close, tasks come, attempts begin, parents learn.
import { childTaskId, rootTaskId, runId } from "../core/id.ts";
import { FlotillaError } from "../core/error.ts";
import { reasons } from "../core/reason.ts";
import type { Assignment } from "../protocol/worker.ts";
import { startedOf } from "./ticks.ts";
import type { Ticked } from "../store/schedules.ts";
import type { BatchResult, Closed, ReadyRow, TaskRow } from "../store/contract.ts";
import type { Attempt, TaskOptions } from "./attempt.ts";
import { beginAttempt, endAttempt, setSlot } from "./attempts.ts";
import { sendAssignment } from "./assign.ts";
import { deliver, deliverParked } from "./deliver.ts";
import { unsent } from "./messages.ts";
import type { PendingEnd, Placed, Planned } from "./batch.ts";
import type { Engine } from "./engine.ts";
import type { Match } from "./dispatch.ts";
import type { Lane } from "./lane.ts";
import { isRemote, type WorkerState } from "./workers.ts";

export function apply(engine: Engine, planned: Planned, result: BatchResult): void {
  const fenced = new Set(result.fenced.map(leaseName));
  const assignments = new Map<WorkerState, Assignment[]>();
  for (const end of planned.ends) {
    applyEnd(engine, end, fenced.size > 0 && fenced.has(leaseName(end.attempt.fence)), planned.batch.now);
  }
  // What came and was closed in one batch never was in a lane, and never began.
  const stillborn = result.closed.length === 0 ? none : bornIn(planned, result.closed);
  applyClosed(engine, result.closed, stillborn);
  // A lane that is not known here is another orchestrator's: the next look finds what is in it.
  for (const row of result.due) engine.state.definitions.knownLane(row.lane)?.added(row);
  for (const row of result.woken) engine.state.definitions.knownLane(row.lane)?.added(row);
  engine.state.delayed -= result.due.length;
  engine.state.parked += parkedBy(planned, result, fenced);
  for (const acts of planned.acts) {
    const lost = result.fencedActs.some((l) => l.task === acts.batch.lease.task && l.leaseNo === acts.batch.lease.leaseNo);
    if (lost) continue;
    if (acts.batch.pin !== undefined) acts.attempt.pin = null;
    acts.attempt.children += acts.placed.length;
    if (acts.batch.park && result.parked.includes(acts.batch.lease.task)) applyParked(engine, acts.attempt);
    for (const placed of acts.placed)
      if (!stillborn.has(placed.task.id)) applyPlaced(engine, placed, planned.batch.now, assignments);
    if (acts.batch.steps.length > 0 || acts.batch.stepResults.length > 0 || isRemote(acts.attempt.worker))
      acts.attempt.worker.link.send({ t: "ack", fence: acts.attempt.fence, act: acts.batch.lastAct });
    if (
      acts.waitSeen !== null &&
      acts.attempt.state === "running" &&
      !acts.attempt.ended &&
      acts.waitSeen >= acts.attempt.queuedSeq
    ) {
      acts.attempt.state = "waiting";
      setSlot(acts.attempt, false);
      engine.dispatch();
    }
  }
  for (const [index, placed] of planned.roots.entries())
    applyRoot(engine, planned, placed, result.existing.get(index), planned.batch.now, assignments);
  for (const [index, tick] of planned.ticks.entries()) {
    for (const incoming of startedOf(engine.state, tick, result.ticked[index] as Ticked)) {
      engine.state.openRuns.set(incoming.task.id, incoming.task.secret ?? "");
      const placed = { incoming, task: incoming.task, worker: undefined, start: undefined, parent: undefined };
      applyPlaced(engine, placed, planned.batch.now, assignments);
    }
  }
  applyClaims(engine, planned, result, assignments);
  for (const [worker, tasks] of assignments) {
    worker.link.send({ t: "assign", tasks });
    for (const { fence } of tasks) engine.queries.begun({ fence, worker });
  }
  // What was parked has the lower places in its parents' orders: it goes first.
  deliverParked(engine);
  deliver(engine, result.deliveries);
  engine.events.stored(result.events);
  for (const c of planned.cancels) c.resolve();
  for (const [i, m] of planned.messages.entries()) {
    const why = result.unsent.get(i);
    const error = why && unsent(m.message.name, why);
    if (error) m.reject(error);
    else m.resolve();
  }
  for (const [i, a] of planned.answers.entries()) a.resolve(!result.unanswered.has(i));
  engine.state.cancelsLeft = result.moreCancels;
  if (planned.batch.dueSlice > 0) engine.state.nextDueAt = result.nextDueAt;
  if (result.nextTickAt !== undefined) engine.state.nextTickAt = result.nextTickAt;
  if (result.webhookCalls > 0) engine.state.callsStored();
  noteWaits(engine, planned);
  if (result.due.length + result.woken.length > 0) engine.dispatch();
  engine.wakeAtNextDue();
}

/** Waits that this batch began may be due before anything else. */
function noteWaits(engine: Engine, planned: Planned): void {
  const { state } = engine;
  for (const { batch } of planned.acts) {
    for (const { dueAt } of batch.waits) if (dueAt !== null && dueAt < (state.nextDueAt ?? Infinity)) state.nextDueAt = dueAt;
  }
}

/** By how many more tasks are parked after this batch. What had continued was woken without having been parked. */
function parkedBy(planned: Planned, result: BatchResult, fenced: ReadonlySet<string>): number {
  let n = result.parked.length - result.woken.length - result.closed.filter((c) => c.was === "parked").length;
  for (const { lease, next } of planned.batch.requeues)
    if ((next.to === "parked" || next.to === "continued") && !fenced.has(leaseName(lease))) n += 1;
  return n;
}

/** It waits in nobody's memory now. */
function applyParked(engine: Engine, attempt: Attempt): void {
  endAttempt(engine, attempt, null);
  attempt.worker.link.send({ t: "parked", fence: attempt.fence });
  // It may have held its slot until now: it was idle and gone in one batch.
  engine.dispatch();
  if (engine.queries.asked(attempt.fence.task)) engine.wake(attempt.fence.task);
}

function applyEnd(engine: Engine, end: PendingEnd, fenced: boolean, now: number): void {
  const { attempt, ending, codeRuns } = end;
  endAttempt(engine, attempt, codeRuns ? ("requeue" in ending ? ending.requeue.how : "timed out") : null);
  engine.dispatch();
  if (fenced) {
    // Somebody else ended it: whoever waits here must hear of that end, and whoever asks later asks the store.
    if (attempt.parent === null) engine.state.openRuns.delete(attempt.run);
    if (attempt.parent === null) engine.outcomes.lookUp(attempt.run, () => engine.state.store.runs.outcome(attempt.run));
    return;
  }
  if ("settle" in ending) {
    engine.queries.ended(attempt.fence.task);
    if (attempt.parent === null) {
      engine.state.openRuns.delete(attempt.run);
      engine.outcomes.settled(attempt.run, ending.settle);
      engine.events.finished(attempt.run);
    }
    return;
  }
  const { next, lease, lane, prio, pass } = ending.requeue;
  if (next.to === "parked" && engine.queries.asked(lease.task)) engine.wake(lease.task);
  if (next.to === "ready") {
    engine.state.definitions.lane(lane).added({
      lane,
      prio,
      pass,
      task: lease.task,
      leaseNo: lease.leaseNo,
      attempt: next.attempt,
      crashes: next.crashes,
      alone: next.alone,
      since: now,
    });
  } else if (next.to === "delayed") {
    engine.state.delayed += 1;
    noteDue(engine.state, next.dueAt);
    engine.events.live(attempt.run, "task.waiting", () => ({
      task: attempt.publicId,
      reason: "BACKOFF",
      fix: `flotilla tasks get ${attempt.publicId}`,
    }));
  } else if (next.to === "held") {
    const { error } = ending.requeue;
    engine.state.log("warn", `a task waits: ${reasons[next.reason]}`, { task: attempt.publicId, error: error?.message });
    engine.events.live(attempt.run, "task.waiting", () => ({
      task: attempt.publicId,
      reason: next.reason,
      fix: error?.fix?.[0] ?? `flotilla tasks explain ${attempt.publicId}`,
    }));
  }
}

function leaseName(l: { readonly task: number; readonly leaseNo: number }): string {
  return `${l.task}:${l.leaseNo}`;
}

const none: ReadonlySet<number> = new Set();
function bornIn(planned: Planned, closed: readonly Closed[]): ReadonlySet<number> {
  const born = new Set(planned.acts.flatMap((a) => a.placed.map((p) => p.task.id)));
  return new Set(closed.map((c) => c.task).filter((task) => born.has(task)));
}

/** Tasks that a cancel, a deadline or a ttl closed: live attempts are told to stop, queued ones leave their lanes. */
function applyClosed(engine: Engine, closed: readonly Closed[], stillborn: ReadonlySet<number>): void {
  const { state } = engine;
  const gone = new Map<Lane, Set<number>>();
  for (const c of closed) {
    if (stillborn.has(c.task)) continue;
    engine.queries.ended(c.task);
    if (c.was === "ready") {
      const lane = state.definitions.knownLane(c.lane);
      const tasks = lane && gone.get(lane);
      if (tasks) tasks.add(c.task);
      else if (lane) gone.set(lane, new Set([c.task]));
    } else if (c.was === "delayed") state.delayed -= 1;
    else if (c.was === "running") {
      const attempt = state.attempts.get(c.task);
      if (attempt && attempt.fence.leaseNo === c.leaseNo) endAttempt(engine, attempt, c.reason);
    }
    if (c.parent === null) {
      state.openRuns.delete(c.task);
      engine.outcomes.closed(c.task, c.status, c.error);
      engine.events.finished(c.run);
    }
  }
  for (const [lane, tasks] of gone) lane.removed(tasks);
}

function applyRoot(
  engine: Engine,
  planned: Planned,
  placed: Placed,
  existing: { task: number; secret: string; inputHash: string } | undefined,
  now: number,
  assignments: Map<WorkerState, Assignment[]>,
): void {
  const { task, start, incoming } = placed;
  if (!start) return;
  if (existing) {
    // Two equal keys in one batch: the first one's secret is in this batch.
    const secret = existing.secret || (planned.roots.find((r) => r.task.id === existing.task)?.task.secret ?? "");
    const id = runId(secret, existing.task);
    if (existing.inputHash === task.idempotency?.inputHash)
      start.resolve({ id, existing: true, depth: incoming.lane.ready, pressure: "none" });
    else start.reject(new FlotillaError("FLOTILLA_IDEMPOTENCY_CONFLICT", { key: task.idempotency?.key ?? "", run: id }));
    return;
  }
  // Refused: it has ended already.
  if (!task.refused) engine.state.openRuns.set(task.id, task.secret ?? "");
  const depth = incoming.lane.ready;
  applyPlaced(engine, placed, now, assignments);
  start.resolve({ id: runId(task.secret ?? "", task.id), existing: false, depth, pressure: engine.pressure(depth) });
}

/** The one timer must not sleep past any of these. */
function noteDue(state: Engine["state"], ...instants: readonly (number | null)[]): void {
  for (const at of instants) if (at !== null && (state.nextDueAt === null || at < state.nextDueAt)) state.nextDueAt = at;
}

/** A new task is stored: it waits in its lane, or its eager attempt begins. */
function applyPlaced(engine: Engine, placed: Placed, now: number, assignments: Map<WorkerState, Assignment[]>): void {
  const { state } = engine;
  const { task, incoming, worker, parent } = placed;
  const { lane } = incoming;
  if (task.refused || task.adopts !== null) return;
  if (task.terms) noteDue(state, task.terms.deadlineAt, worker ? null : task.terms.ttlAt);
  const publicId = () => (parent ? childTaskId(parent.publicId, task.act as number) : rootTaskId(task.secret ?? "", task.id));
  if (task.dueAt !== null) {
    state.delayed += 1;
    noteDue(state, task.dueAt);
    return;
  }
  if (!worker) {
    lane.added({
      lane: lane.id,
      prio: task.prio,
      pass: task.pass,
      task: task.id,
      leaseNo: 0,
      attempt: 0,
      crashes: 0,
      alone: false,
      since: now,
    });
    engine.events.live(task.run, "task.ready", () => ({ task: publicId(), agent: lane.definition.name }));
    engine.dispatch();
    return;
  }
  lane.served(task.pass);
  const runs = lane.workers.get(worker) ?? lane.definition;
  const attempt = beginAttempt(engine, {
    row: task,
    options: incoming.options,
    publicId: publicId(),
    definition: lane.definition,
    runs,
    worker,
    leaseNo: 1,
    attempt: 1,
    crashes: 0,
    alone: false,
    now,
  });
  // What it may take over is read first.
  if (incoming.options?.origin) sendAssignment(engine, attempt, task);
  else push(assignments, worker, firstAssignment(attempt, task.input));
}

function applyClaims(engine: Engine, planned: Planned, result: BatchResult, assignments: Map<WorkerState, Assignment[]>): void {
  if (planned.matches.length === 0) return;
  const missed = new Set(result.unclaimed.map((l) => l.task));
  const claimed = new Map<Lane, Set<number>>();
  const lost = new Map<Lane, number>();
  for (const m of planned.matches) {
    let set = claimed.get(m.lane);
    if (!set) claimed.set(m.lane, (set = new Set()));
    // A cancel in the same batch has taken it off the lane's count already.
    if (!missed.has(m.row.task)) set.add(m.row.task);
    else lost.set(m.lane, (lost.get(m.lane) ?? 0) + 1);
    m.lane.served(m.row.pass);
  }
  for (const [lane, tasks] of claimed) {
    lane.removed(tasks);
    lane.dropped(missed);
    lane.raced(tasks.size, lost.get(lane) ?? 0);
  }
  for (const m of planned.matches) {
    const row = planned.rows.get(m.row.task);
    if (row && !missed.has(m.row.task)) beginClaimed(engine, m, row, m.row, planned.batch.now, assignments);
  }
  engine.dispatch();
}

function beginClaimed(
  engine: Engine,
  m: Match,
  row: TaskRow,
  ready: ReadyRow,
  now: number,
  assignments: Map<WorkerState, Assignment[]>,
): void {
  const options = row.options === null ? null : (JSON.parse(row.options) as TaskOptions);
  const publicId = engine.state.knownPublicId(row);
  const attempt = (id: string): Attempt =>
    beginAttempt(engine, {
      row,
      options,
      publicId: id,
      definition: m.lane.definition,
      runs: m.runs,
      worker: m.worker,
      leaseNo: ready.leaseNo + 1,
      attempt: ready.attempt + 1,
      crashes: ready.crashes,
      alone: ready.alone,
      now,
    });
  if (publicId !== undefined && ready.leaseNo === 0 && !options?.origin) {
    push(assignments, m.worker, firstAssignment(attempt(publicId), row.input));
    return;
  }
  // Its journal and its run's secret are read first; what settles meanwhile follows by `deliver`.
  sendAssignment(engine, attempt(publicId ?? ""), row);
}

/** A task that nobody has begun before: no journal. */
function firstAssignment(a: Attempt, input: string): Assignment {
  return {
    fence: a.fence,
    publicId: a.publicId,
    definition: a.runs.name,
    tenant: a.tenant ?? "default",
    attempt: a.attempt,
    input,
    startedAt: a.claimedAt,
    acts: 0,
    journal: [],
    deliveries: [],
    ...(a.options?.inflate ? { inflate: true } : {}),
  };
}

function push(assignments: Map<WorkerState, Assignment[]>, worker: WorkerState, assignment: Assignment): void {
  const list = assignments.get(worker);
  if (list) list.push(assignment);
  else assignments.set(worker, [assignment]);
}
