// What workers say, taken apart. Nothing is decided here that is not in the store a moment later.
import { bounds } from "../core/bounds.ts";
import { errorJson, FlotillaError } from "../core/error.ts";
import type { AttemptResult, Fence, FromWorker, Settle, Spend } from "../protocol/worker.ts";
import { sameLease, type Attempt, type StoredAct } from "./attempt.ts";
import { codeEnded } from "./attempts.ts";
import { sendHistory } from "./history.ts";
import type { Engine } from "./engine.ts";
import { answered, touchIdle } from "./liveness.ts";
import { untilStored } from "./patience.ts";
import { afterResult } from "./retry.ts";
import { isRemote, type WorkerState } from "./workers.ts";

export function receive(engine: Engine, worker: WorkerState, m: FromWorker): void {
  switch (m.t) {
    case "hello":
    case "goodbye":
      return;
    case "pong":
      return answered(engine, worker, m);
    case "draining":
      worker.draining = true;
      engine.state.builds.changedItself(worker);
      return;
    case "put":
    case "get":
      void artifact(engine, worker, m);
      return;
    default:
      break;
  }
  const attempt = engine.state.attempts.get(m.fence.task);
  if (!sameLease(attempt, m.fence) || attempt.worker !== worker || attempt.ended) {
    if (m.t === "settle" || m.t === "ended") ended(engine, worker, m.fence.task, m.fence.leaseNo);
    if (m.t === "settle" && isRemote(worker) && !isReported(attempt, worker, m.fence))
      worker.link.send({ t: "settled", fence: m.fence });
    return;
  }
  attempt.heard += 1;
  if (m.t !== "log") touchIdle(engine, attempt);
  switch (m.t) {
    case "more":
      return sendHistory(engine, attempt);
    case "answer":
      return engine.queries.answered(attempt, m);
    case "acts":
      inOrder(attempt, () => takeActs(engine, attempt, m.acts));
      return;
    case "settle":
      // Its code has ended: storing what it brought is not its time any more.
      attempt.codeEnded = true;
      attempt.timeout?.cancel();
      attempt.idle?.cancel();
      inOrder(attempt, () => settle(engine, attempt, m));
      return;
    case "ended":
      // It gave up an attempt that still counts: the task is another worker's.
      engine.lostAttempt(attempt, "gave the attempt back");
      return;
    case "progress": {
      const { t: _, fence: __, ...progress } = m;
      attempt.progress = progress;
      engine.events.live(attempt.run, "task.progress", () => ({ task: attempt.publicId, ...progress }));
      return;
    }
    case "log":
      engine.state.log(m.level, m.message, { task: attempt.publicId, agent: attempt.runs.name, ...(m.fields as object | null) });
      return;
  }
}

/** Its end is on the way to the store: it is confirmed when it is there. */
function isReported(attempt: Attempt | undefined, worker: WorkerState, fence: Fence): boolean {
  return sameLease(attempt, fence) && attempt.worker === worker && attempt.codeEnded;
}

function ended(engine: Engine, worker: WorkerState, task: number, leaseNo: number): void {
  for (const attempt of worker.ending) {
    if (attempt.fence.task === task && attempt.fence.leaseNo === leaseNo) {
      codeEnded(attempt);
      engine.dispatch();
      return;
    }
  }
}

/** Runs at once, or behind a large value of an earlier message: acts commit in the order asked, and none is left out. */
function inOrder(attempt: Attempt, go: () => Promise<void> | undefined): void {
  if (attempt.inbox) {
    attempt.inbox.push(() => inOrder(attempt, go));
    return;
  }
  const storing = go();
  if (storing) void holdBehind(attempt, storing);
}

async function holdBehind(attempt: Attempt, storing: Promise<void>): Promise<void> {
  attempt.inbox = [];
  await storing;
  const queued = attempt.inbox;
  attempt.inbox = null;
  for (const go of queued) go();
}

function takeActs(engine: Engine, attempt: Attempt, acts: readonly StoredAct[]): Promise<void> | undefined {
  if (!acts.some((a) => a.kind === "step-result" && isLarge(a.value))) {
    engine.acts(attempt, acts);
    return undefined;
  }
  return storeActs(engine, attempt, acts);
}

async function storeActs(engine: Engine, attempt: Attempt, acts: readonly StoredAct[]): Promise<void> {
  const { state } = engine;
  const stored: StoredAct[] = [];
  for (const a of acts) {
    if (a.kind !== "step-result" || !isLarge(a.value)) {
      stored.push(a);
      continue;
    }
    const text = a.value;
    const artifact = await untilStored(state, attempt, () => state.artifacts.put(text));
    if (!artifact) return;
    stored.push({ ...a, value: null, ref: artifact.hash });
  }
  engine.acts(attempt, stored);
}

const wholeMax = Number.MAX_SAFE_INTEGER;
/** A worker may be written in any language: what goes into a whole-number column is made one here. */
function whole(n: number): number {
  return Number.isFinite(n) ? Math.min(wholeMax, Math.max(0, Math.round(n))) : n === Number.POSITIVE_INFINITY ? wholeMax : 0;
}
function wholeSpend(spent: Spend | null): Spend | null {
  if (!spent) return null;
  return { microUsd: whole(spent.microUsd), inputTokens: whole(spent.inputTokens), outputTokens: whole(spent.outputTokens) };
}

function settle(engine: Engine, attempt: Attempt, m: Settle): Promise<void> | undefined {
  const { state } = engine;
  const spent = wholeSpend(m.spent);
  const end = (result: AttemptResult, ref: string | null) =>
    engine.end(attempt, afterResult(attempt, result, spent, ref, state.clock.now(), state.random), false);
  const value = m.result.status === "succeeded" ? m.result.value : null;
  if (value !== null && attempt.options?.asRef && m.result.status === "succeeded")
    return storeAsRef(engine, attempt, m.result, end);
  if (!isLarge(value)) {
    end(m.result, null);
    return undefined;
  }
  const bytes = Buffer.byteLength(value);
  if (bytes > bounds.artifactBytes) {
    const what = `the result of ${attempt.runs.name}`;
    const error = new FlotillaError("FLOTILLA_TOO_LARGE", { what, bytes, max: bounds.artifactBytes }).toJSON();
    end({ status: "failed", error, terminal: true }, null);
    return undefined;
  }
  return untilStored(state, attempt, () => state.artifacts.put(value)).then((stored) => {
    if (stored) end(m.result, stored.hash);
  });
}

/** Its caller passes the result on by reference: the outcome is the reference, as JSON. */
async function storeAsRef(
  engine: Engine,
  attempt: Attempt,
  result: Extract<AttemptResult, { status: "succeeded" }>,
  end: (result: AttemptResult, ref: string | null) => void,
): Promise<void> {
  const bytes = Buffer.byteLength(result.value);
  const stored = await untilStored(engine.state, attempt, () => engine.state.artifacts.put(result.value));
  if (stored) end({ ...result, value: JSON.stringify({ $artifact: stored.hash, bytes }) }, null);
}

function isLarge(value: string | null): value is string {
  if (value === null || value.length * 3 <= bounds.inlineResultBytes) return false;
  return Buffer.byteLength(value) > bounds.inlineResultBytes;
}

/** A worker of one namespace reads what a run of that uses. @throws FLOTILLA_NOT_FOUND */
async function refuseForeign(engine: Engine, { namespace }: WorkerState, hash: string): Promise<void> {
  if (namespace === null || (await engine.state.store.access.holdsArtifact({ namespace, hash }))) return;
  throw new FlotillaError("FLOTILLA_NOT_FOUND", { what: "artifact", id: hash });
}

async function artifact(engine: Engine, worker: WorkerState, m: Extract<FromWorker, { t: "put" | "get" }>): Promise<void> {
  const reply = (value: string | null, error: unknown) =>
    worker.link.send({ t: "reply", fence: m.fence, request: m.request, value, error: error === null ? null : errorJson(error) });
  try {
    if (m.t === "get") {
      await refuseForeign(engine, worker, m.ref);
      return reply(await engine.state.artifacts.get(m.ref), null);
    }
    const bytes = Buffer.byteLength(m.value);
    if (bytes > bounds.artifactBytes)
      throw new FlotillaError("FLOTILLA_TOO_LARGE", { what: "the artifact", bytes, max: bounds.artifactBytes });
    const { hash } = await engine.state.artifacts.put(m.value);
    const attempt = engine.state.attempts.get(m.fence.task);
    if (sameLease(attempt, m.fence) && attempt.worker === worker) await engine.state.uses.note({ hash, run: attempt.run });
    reply(JSON.stringify({ $artifact: hash, bytes, ...(m.type === null ? {} : { type: m.type }) }), null);
  } catch (e) {
    reply(null, e);
  }
}
