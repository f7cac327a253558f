// What workers say, taken apart. Nothing is decided here that is not in the store a moment later.
import { bounds } from "../core/bounds.ts";
import { errorJson, FlotillaError } from "../core/error.ts";
import type { FromWorker, Settle } from "../protocol/worker.ts";
import { sameLease, type Attempt, type StoredAct } from "./attempt.ts";
import { codeEnded } from "./attempts.ts";
import type { Engine } from "./engine.ts";
import { touchIdle } from "./liveness.ts";
import { afterResult } from "./retry.ts";
import type { WorkerState } from "./workers.ts";

export function receive(engine: Engine, worker: WorkerState, m: FromWorker): void {
  switch (m.t) {
    case "hello":
    case "goodbye":
      return;
    case "pong":
      worker.pongSeen = m.n;
      worker.pongAt = engine.state.clock.elapsedMs();
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
    return;
  }
  if (m.t !== "log") touchIdle(engine, attempt);
  switch (m.t) {
    case "acts":
      inOrder(engine, attempt, () => takeActs(engine, attempt, m.acts));
      return;
    case "settle":
      inOrder(engine, attempt, () => settle(engine, attempt, m));
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

function ended(engine: Engine, worker: WorkerState, task: number, leaseNo: number): void {
  for (const attempt of worker.ending) {
    if (attempt.fence.task === task && attempt.fence.leaseNo === leaseNo) {
      codeEnded(attempt);
      engine.dispatch();
      return;
    }
  }
}

/** Runs at once, or behind a large value of an earlier message: acts commit in the order asked. */
function inOrder(engine: Engine, attempt: Attempt, go: () => Promise<void> | void): void {
  if (attempt.inbox) {
    attempt.inbox.push(() => inOrder(engine, attempt, go));
    return;
  }
  const wait = go();
  if (!wait) return;
  attempt.inbox = [];
  wait
    .catch((e: unknown) => {
      engine.state.log("error", "a large value could not be stored", { task: attempt.publicId, error: String(e) });
      engine.lostAttempt(attempt, "its result could not be stored");
    })
    .finally(() => {
      const queued = attempt.inbox ?? [];
      attempt.inbox = null;
      for (const next of queued) next();
    });
}

function takeActs(engine: Engine, attempt: Attempt, acts: readonly StoredAct[]): Promise<void> | undefined {
  const large = acts.some((a) => a.kind === "step-result" && isLarge(a.value));
  if (!large) {
    engine.acts(attempt, acts);
    return undefined;
  }
  const store = async (a: StoredAct): Promise<StoredAct> => {
    if (a.kind !== "step-result" || !isLarge(a.value)) return a;
    return { ...a, value: null, ref: (await engine.state.artifacts.put(a.value)).hash };
  };
  return Promise.all(acts.map(store)).then((stored) => engine.acts(attempt, stored));
}

function settle(engine: Engine, attempt: Attempt, m: Settle): Promise<void> | undefined {
  const { state } = engine;
  const finish = (ref: string | null) =>
    engine.end(attempt, afterResult(attempt, m.result, m.spent, ref, state.clock.now(), state.random), false);
  const value = m.result.status === "succeeded" ? m.result.value : null;
  if (!isLarge(value)) {
    finish(null);
    return undefined;
  }
  const bytes = Buffer.byteLength(value);
  if (bytes > bounds.artifactBytes) {
    const error = new FlotillaError("FLOTILLA_TOO_LARGE", {
      what: `the result of ${attempt.runs.name}`,
      bytes,
      max: bounds.artifactBytes,
    }).toJSON();
    engine.end(
      attempt,
      afterResult(attempt, { status: "failed", error, terminal: true }, m.spent, null, state.clock.now(), state.random),
      false,
    );
    return undefined;
  }
  return state.artifacts.put(value).then((stored) => finish(stored.hash));
}

function isLarge(value: string | null): value is string {
  return value !== null && value.length > bounds.inlineResultBytes;
}

async function artifact(engine: Engine, worker: WorkerState, m: Extract<FromWorker, { t: "put" | "get" }>): Promise<void> {
  const reply = (value: string | null, error: unknown) =>
    worker.link.send({ t: "reply", fence: m.fence, request: m.request, value, error: error === null ? null : errorJson(error) });
  try {
    if (m.t === "get") return reply(await engine.state.artifacts.get(m.ref), null);
    const bytes = Buffer.byteLength(m.value);
    if (bytes > bounds.artifactBytes)
      throw new FlotillaError("FLOTILLA_TOO_LARGE", { what: "the artifact", bytes, max: bounds.artifactBytes });
    const { hash } = await engine.state.artifacts.put(m.value);
    reply(JSON.stringify({ $artifact: hash, bytes, ...(m.type === null ? {} : { type: m.type }) }), null);
  } catch (e) {
    reply(null, e);
  }
}
