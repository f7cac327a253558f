// Makes a batch of what was taken. It changes nothing that would matter if the store refused: numbers may be skipped, and
// places in a lane's order may stay empty.
import { bounds } from "../core/bounds.ts";
import { FlotillaError, isFlotillaError } from "../core/error.ts";
import { defaultNamespace } from "../core/namespace.ts";
import type { ActBatch, Batch } from "../store/contract.ts";
import type { Attempt, StoredAct } from "./attempt.ts";
import type { PendingActs, PendingStart, Placed, Planned, PlannedActs } from "./batch.ts";
import { match, SlotPlan, type Match } from "./dispatch.ts";
import type { ApprovalAct, MessageAct, TimerAct } from "../protocol/worker.ts";
import { approvalDetail } from "./approvals.ts";
import { incomingChild, incomingRoot, refusedRoot, type Incoming } from "./intake.ts";
import { Lane } from "./lane.ts";
import { tryFindTask } from "./lookup.ts";
import { batchMax, type Taken } from "./queue.ts";
import type { State } from "./state.ts";
import { planTicks, ticksDue, ticksMax } from "./ticks.ts";

/** Children that one batch closes for canceled parents. */
const cancelSlice = 500;

export interface Planning {
  readonly state: State;
  readonly secret: () => string;
  readonly queuedMax: number;
  /** Delayed tasks may be due. */
  readonly due: boolean;
}

export async function planBatch(p: Planning, taken: Taken): Promise<Planned> {
  const { state } = p;
  const now = state.clock.now();
  // The timer may be late, as after a sleep of the machine: what has expired must not be claimed first.
  const due = p.due || (state.nextDueAt !== null && state.nextDueAt <= now);
  const ids = state.taskIds.need(newTasks(taken) + (ticksDue(state, now) ? ticksMax : 0));
  if (ids) await ids;
  for (const [namespace, names] of namesAsked(state, taken)) {
    const seeking = state.definitions.seek(namespace, names);
    if (seeking) await seeking;
  }
  const slots = new SlotPlan();
  for (const { attempt, codeRuns } of taken.ends) if (attempt.holdsSlot && !codeRuns) slots.frees(attempt.worker);

  const matches = await matchLanes(state, slots);
  const waiting = new Set<Lane>();
  const place = (incoming: Incoming, start?: PendingStart, parent?: Attempt): Placed => {
    const { task, lane } = incoming;
    const ends = task.refused !== null || task.adopts !== null;
    const eager = !ends && task.dueAt === null && lane.ready === 0 && !waiting.has(lane);
    const worker = eager ? slots.best(lane) : undefined;
    if (worker) {
      slots.takes(worker);
      task.claim = worker.id;
      return { incoming, task, worker, start, parent };
    }
    if (!ends && task.dueAt === null) waiting.add(lane);
    return { incoming, task, worker, start, parent };
  };

  const receivers = await findReceivers(state, taken);
  const acts = taken.acts.map(({ item, from, to }) => planActs(state, receivers, item, from, to, now, place));
  const roots: Placed[] = [];
  let room = p.queuedMax - state.ready - state.delayed;
  for (const start of taken.starts) {
    try {
      // A repeated start with an idempotency key adds nothing: it must find its run also when the queue is full.
      if (room-- <= 0 && start.request.idempotencyKey === undefined)
        throw new FlotillaError("FLOTILLA_TOO_MANY", {
          what: "waiting tasks",
          count: state.ready + state.delayed,
          max: p.queuedMax,
        });
      roots.push(place(plannedRoot(p, start, now), start));
    } catch (e) {
      start.reject(e);
    }
  }
  const ticks = await planTicks(p, now, room);
  const rows = new Map((await state.store.tasks.get(matches.map((m) => m.row.task))).map((t) => [t.id, t]));
  const claims = matches.map(({ row, worker }) => ({
    task: row.task,
    leaseNo: row.leaseNo,
    attempt: row.attempt,
    crashes: row.crashes,
    alone: row.alone,
    lane: row.lane,
    prio: row.prio,
    pass: row.pass,
    run: rows.get(row.task)?.run ?? row.task,
    worker: worker.id,
  }));
  const batch: Batch = {
    now,
    boot: state.boot,
    acts: acts.map((a) => a.batch),
    settles: taken.ends.flatMap((e) => ("settle" in e.ending ? [e.ending.settle] : [])),
    requeues: taken.ends.flatMap((e) => ("requeue" in e.ending ? [e.ending.requeue] : [])).concat(taken.left),
    cancels: taken.cancels.map((c) => c.request),
    cancelSlice: state.cancelsLeft || taken.cancels.length > 0 ? cancelSlice : 0,
    dueSlice: due ? batchMax : 0,
    messages: taken.messages.map((m) => m.message),
    answers: taken.answers.map((a) => a.answer),
    wakes: taken.wakes,
    ticks: ticks.map((t) => t.tick),
    tasks: roots.map((r) => r.task),
    claims,
    webhooks: state.webhooks,
  };
  const { ends, cancels, messages, answers } = taken;
  return { batch, acts, ends, cancels, messages, answers, roots, ticks, matches, rows };
}

/** Definitions that starts and calls name, by namespace; of a store with one owner nobody needs to know. */
function namesAsked(state: State, taken: Taken): ReadonlyMap<number, ReadonlySet<string>> {
  const asked = new Map<number, Set<string>>();
  if (!state.store.shared) return asked;
  const note = (namespace: number, name: string): void => {
    const names = asked.get(namespace);
    if (names) names.add(name);
    else asked.set(namespace, new Set([name]));
  };
  for (const { request, namespace = defaultNamespace.id } of taken.starts) note(namespace, request.name);
  for (const { item, from, to } of taken.acts) {
    for (let i = from; i < to; i++) {
      const act = item.acts[i] as StoredAct;
      if (act.kind === "child") note(item.attempt.definition.namespace, act.definition);
    }
  }
  return asked;
}

/** @throws what the caller of `start` gets. Of the outbox: why it stays there for now. */
function plannedRoot({ state, secret }: Planning, start: PendingStart, now: number): Incoming {
  const { request, outbox } = start;
  if (!outbox) return incomingRoot(request, state.definitions, state.taskIds.take(), secret(), now, start);
  let incoming: Incoming;
  try {
    incoming = incomingRoot(request, state.definitions, outbox.task, outbox.secret, now, start);
  } catch (e) {
    if (outbox.patient && isFlotillaError(e, "FLOTILLA_UNKNOWN_DEFINITION")) throw e;
    incoming = refusedRoot(request, state.definitions, outbox, now, e, start);
  }
  return { ...incoming, task: { ...incoming.task, outbox: true } };
}

/** How many tasks this may bring. */
function newTasks(taken: Taken): number {
  let n = taken.starts.length;
  for (const { item, from, to } of taken.acts) for (let i = from; i < to; i++) if (item.acts[i]?.kind === "child") n += 1;
  return n;
}

/** Heads of lanes that ran low are read again, then matched. */
async function matchLanes(state: State, slots: SlotPlan): Promise<Match[]> {
  if (state.draining) return [];
  const lanes: Lane[] = [];
  const short: Lane[] = [];
  for (const lane of state.definitions.lanes) {
    if (lane.ready === 0 || !(slots.best(lane) ?? lane.head[0]?.alone)) continue;
    if (lane.short) short.push(lane);
    lanes.push(lane);
  }
  if (short.length > 0) {
    const rows = await state.store.queue.peek({ lanes: short.map((l) => l.id), limit: Lane.headMax });
    const byLane = Map.groupBy(rows, (r) => r.lane);
    for (const lane of short) lane.refilled(byLane.get(lane.id) ?? []);
  }
  return match(lanes, slots, batchMax);
}

/** Tasks that messages name by their public id. Of another run, or unknown: nobody gets it. */
async function findReceivers(state: State, taken: Taken): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>();
  for (const { item, from, to } of taken.acts) {
    for (let i = from; i < to; i++) {
      const act = item.acts[i] as StoredAct;
      if (act.kind !== "send" || !("task" in act.to)) continue;
      const row = await tryFindTask(state, act.to.task);
      if (row?.run === item.attempt.run) found.set(act.to.task, row.id);
    }
  }
  return found;
}

/** A run of one attempt's acts, sorted by what they are. */
function planActs(
  state: State,
  receivers: ReadonlyMap<string, number>,
  item: PendingActs,
  from: number,
  to: number,
  now: number,
  place: (i: Incoming, s?: PendingStart, p?: Attempt) => Placed,
): PlannedActs {
  const { attempt } = item;
  const placed: Placed[] = [];
  const steps: ActBatch["steps"][number][] = [];
  const stepResults: ActBatch["stepResults"][number][] = [];
  const emits: ActBatch["emits"][number][] = [];
  const waits: ActBatch["waits"][number][] = [];
  const sends: ActBatch["sends"][number][] = [];
  const cancels: ActBatch["cancels"][number][] = [];
  let lastAct = 0;
  let waitSeen: number | null = null;
  let park = false;
  for (let i = from; i < to; i++) {
    const act = item.acts[i] as StoredAct;
    if (act.kind !== "wait") waitSeen = null;
    switch (act.kind) {
      case "child":
        placed.push(
          place(
            incomingChild(act, attempt, attempt.children + placed.length, state.definitions, state.taskIds.take(), now),
            undefined,
            attempt,
          ),
        );
        lastAct = act.act;
        break;
      case "step":
        steps.push({
          act: act.act,
          key: act.key,
          askedAfter: act.askedAfter,
          adopts: act.adopts ? (attempt.kept?.act("step", act.key, "") ?? null) : null,
        });
        lastAct = act.act;
        break;
      case "step-result":
        stepResults.push({ act: act.act, value: act.value, ref: act.ref ?? null, error: act.error });
        break;
      case "emit":
        emits.push(act);
        lastAct = act.act;
        break;
      case "timer":
      case "message":
      case "approval":
        waits.push({ ...plannedWait(act, now), adopts: attempt.kept?.act(act.kind, act.key, act.inputHash) ?? null });
        lastAct = act.act;
        break;
      case "send": {
        const task = "task" in act.to ? receivers.get(act.to.task) : undefined;
        const { kind: _, to: target, ...rest } = act;
        sends.push({ ...rest, to: "act" in target ? target : task === undefined ? null : { task } });
        lastAct = act.act;
        break;
      }
      case "cancel":
        cancels.push({ act: act.act, reason: act.reason.slice(0, bounds.keyLength) });
        break;
      case "wait":
        waitSeen = act.seen;
        park = act.park === true;
        break;
    }
  }
  const idle = waitSeen !== null && waitSeen >= attempt.queuedSeq;
  // An absolute timeout is a timer of this process: parked, by its worker or by the next life, it would have nobody to keep it.
  const armed = idle && attempt.timeout === undefined;
  const batch: ActBatch = {
    lease: { task: attempt.fence.task, leaseNo: attempt.fence.leaseNo },
    run: attempt.run,
    startedAt: attempt.claimedAt,
    ...(attempt.pin === null ? {} : { pin: attempt.pin }),
    children: placed.map((p) => p.task),
    steps,
    stepResults,
    emits,
    waits,
    sends,
    cancels,
    lastAct,
    armed,
    seen: waitSeen ?? 0,
    park: park && armed,
    unwinds: attempt.runs.card?.kind === "workflow",
  };
  return { attempt, batch, waitSeen: idle ? waitSeen : null, placed };
}

/** 100 years, in ms: what waits longer waits for ever, and would not fit a date. */
const waitMax = 100 * 365 * 86_400_000;

function plannedWait(act: TimerAct | MessageAct | ApprovalAct, now: number): Omit<ActBatch["waits"][number], "adopts"> {
  const { kind, act: number, key, inputHash, askedAfter } = act;
  const from = { kind, act: number, key, inputHash, askedAfter };
  if (kind === "timer") {
    const at = "at" in act.until ? act.until.at : now + act.until.delayMs;
    return { ...from, name: null, detail: null, dueAt: Math.round(Math.min(now + waitMax, Math.max(0, at))) };
  }
  const dueAt = act.timeoutMs === null ? null : Math.round(now + Math.min(waitMax, act.timeoutMs));
  if (kind === "message") return { ...from, name: act.name, detail: null, dueAt };
  return { ...from, name: null, detail: JSON.stringify(approvalDetail(act.approval)), dueAt };
}
