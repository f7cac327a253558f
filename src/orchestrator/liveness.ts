// What becomes of attempts that take too long, and of workers that fall silent or die.
import { isFlotillaError } from "../core/error.ts";
import type { Attempt } from "./attempt.ts";
import type { FromWorker } from "../protocol/worker.ts";
import type { Engine } from "./engine.ts";
import { afterLoss, afterTimeout } from "./retry.ts";
import { isCrowded, isRemote, type WorkerState } from "./workers.ts";

const pingMs = 1_000;
/** Workers across a socket are asked every so many ticks, a part of them at each: 10,000 a second would be half a core. */
const remoteTicks = 5;
/** A stale loop becomes a reason that people see. */
const unresponsiveMs = 5_000;
/** By so much the wall clock may drift from the monotonic one within a ping; more, and it was set. */
const driftMs = 500;
/** A worker that answers, but for this long lacks what it was given, is deaf or mute. Two pings: one may cross a report. */
const deafMs = 2_000;

/** Absolute and idle timeouts, on the orchestrator's clock: a worker whose loop is blocked could not time itself out. */
export function watchTimeouts(engine: Engine, attempt: Attempt): void {
  const timeoutMs = attempt.options?.timeoutMs ?? attempt.runs.card?.timeoutMs ?? null;
  if (timeoutMs !== null) attempt.timeout = engine.state.clock.after(timeoutMs, () => timedOut(engine, attempt, "timeout"));
  touchIdle(engine, attempt);
}

/** The attempt showed that it goes on. */
export function touchIdle(engine: Engine, attempt: Attempt): void {
  const idleMs = attempt.runs.card?.idleTimeoutMs ?? null;
  if (idleMs === null || attempt.ended) return;
  attempt.idle?.cancel();
  attempt.idle = engine.state.clock.after(idleMs, () => {
    // A workflow that waits for its children is not idle: they are watched themselves.
    if (attempt.state === "waiting") touchIdle(engine, attempt);
    else timedOut(engine, attempt, "idleTimeout");
  });
}

function timedOut(engine: Engine, attempt: Attempt, after: "timeout" | "idleTimeout"): void {
  engine.end(attempt, afterTimeout(attempt, after, engine.state.clock.now(), engine.state.random), true);
}

/**
 * A workflow was told that it is canceled, and ends by itself. Its code may be blocked: when it has had a slot and said
 * nothing for the grace, and does not wait for what a shield asked, it is closed over its head.
 */
export function watchUnwinding(engine: Engine, attempt: Attempt, reason: string): void {
  const { heard } = attempt;
  const mayQueue = isCrowded(attempt.worker);
  const again = () => watchUnwinding(engine, attempt, reason);
  engine.state.clock.after(engine.abortGraceMs, () => {
    if (attempt.ended) return;
    if (mayQueue || isCrowded(attempt.worker) || attempt.state === "waiting" || attempt.heard !== heard) return again();
    engine.cancel({
      request: { task: attempt.fence.task, reason },
      resolve: () => {},
      // A store that is full: the cancel is as wanted when it has room.
      reject: (e) => (isFlotillaError(e, "FLOTILLA_CLOSED") ? undefined : again()),
    });
  });
}

/** Code that goes on although it was told to stop: its process is ended. In-process nothing can end it. */
export function watchGrace(engine: Engine, attempt: Attempt): void {
  const { worker } = attempt;
  if (worker.hello.isolation === "in-process") return;
  // Across a network it may not have been told, or we may not have heard: an answer to what was asked after it shows both.
  // One that answers nothing is taken for silent, by whoever holds its link.
  const shows = worker.pingSent + 1;
  if (isRemote(worker)) ask(engine, worker);
  const wait = (): void => {
    attempt.timeout = engine.state.clock.after(engine.abortGraceMs, () => {
      if (!worker.ending.has(attempt)) return;
      if (isRemote(worker) && worker.pongSeen < shows) wait();
      else endWorker(worker, `task ${attempt.publicId} did not stop when it was told to`);
    });
  };
  wait();
}

/** For its main loop's pulse, unless it still owes the last answer. */
function ask(engine: Engine, worker: WorkerState): void {
  if (worker.pongSeen !== worker.pingSent || worker.away) return;
  worker.pingSent += 1;
  worker.pongAt = engine.state.clock.elapsedMs();
  worker.hearing.pinged();
  worker.link.send({ t: "ping", n: worker.pingSent });
}

/** Ends a worker's process; its exit comes back as a loss that counts against nobody. */
export function endWorker(worker: WorkerState, reason: string): void {
  if (worker.killed !== null) return;
  worker.killed = reason;
  worker.link.kill(reason);
}

/**
 * A worker is gone. `observed`: its process was seen to exit by itself, so one of the attempts whose code was executing
 * is to blame. A goodbye, a drain or our own kill blames nobody.
 */
export function workerLost(engine: Engine, worker: WorkerState, how: string, observed: boolean): void {
  const { state } = engine;
  if (!state.workers.delete(worker.id)) return;
  state.builds.left(worker);
  state.definitions.workersChanged();
  // It has left with what it executes, for an orchestrator that stays.
  if (state.handingOver && isRemote(worker)) return;
  const attempts = [...worker.attempts.values()];
  const executing = attempts.filter((a) => a.state === "running" && !a.ended).length + worker.ending.size;
  const suspects = observed && worker.killed === null ? executing : 0;
  for (const attempt of attempts) engine.end(attempt, afterLoss(attempt, { how: worker.killed ?? how, suspects }), false);
  worker.ending.clear();
  engine.dispatch();
}

/** A worker's main loop turns. What it was given before the ping must be there, or it will never be reported. */
export function answered(engine: Engine, worker: WorkerState, pong: Extract<FromWorker, { t: "pong" }>): void {
  const elapsedMs = engine.state.clock.elapsedMs();
  worker.pongSeen = pong.n;
  worker.pongAt = elapsedMs;
  if (pong.n !== worker.pingSent) return;
  const short = worker.hearing.answered(pong.holds, elapsedMs);
  if (short === null || short.forMs < deafMs) return;
  endWorker(worker, `it answers, but knows nothing of ${short.missing} of the tasks that it was given`);
}

/** Asks every worker process once a second for its main loop's pulse, and those across a socket every five. */
export function watchWorkers(engine: Engine, blockedMs: number): { stop(): void } {
  const { clock } = engine.state;
  let dueAt = clock.elapsedMs() + pingMs;
  let wallLead = clock.now() - clock.elapsedMs();
  let timer = clock.after(pingMs, tick);
  let ticks = 0;
  function tick(): void {
    // Late by more than a turn: this process itself stood still (stopped, or its machine slept), and answers that came
    // meanwhile are still to be read. That time is nobody's silence.
    const lateMs = clock.elapsedMs() - dueAt;
    const asleepMs = lateMs > pingMs ? lateMs : 0;
    ticks += 1;
    for (const worker of engine.state.workers.values()) {
      if (worker.hello.isolation === "in-process" || worker.away) continue;
      worker.pongAt += asleepMs;
      const silentMs = worker.pongSeen < worker.pingSent ? clock.elapsedMs() - worker.pongAt : 0;
      worker.unresponsive = silentMs > unresponsiveMs;
      if (silentMs > blockedMs) endWorker(worker, `its main loop has been blocked for ${Math.round(silentMs / 1_000)} s`);
      if (isRemote(worker) && (ticks + worker.id) % remoteTicks !== 0) continue;
      ask(engine, worker);
    }
    const lead = clock.now() - clock.elapsedMs();
    if (Math.abs(lead - wallLead) > driftMs) engine.clockSet();
    wallLead = lead;
    dueAt = clock.elapsedMs() + pingMs;
    timer = clock.after(pingMs, tick);
  }
  return { stop: () => timer.cancel() };
}
