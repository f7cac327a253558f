import type { Delivery } from "../protocol/worker.ts";
import type { StoredDelivery } from "../store/contract.ts";
import { inflateAll, inline } from "./delivery.ts";
import type { Attempt } from "./attempt.ts";
import { setSlot } from "./attempts.ts";
import type { Engine } from "./engine.ts";
import { touchIdle, watchUnwinding } from "./liveness.ts";
import { untilRead } from "./patience.ts";
import { appendHistory, canceledBy } from "./history.ts";
import { executesAlone } from "./workers.ts";

/** Tells parents that live what settled, in the order of seq. Parents that do not live read it from the journal. */
export function deliver(engine: Engine, deliveries: readonly StoredDelivery[]): void {
  const byParent = new Map<number, StoredDelivery[]>();
  for (const d of deliveries) {
    const list = byParent.get(d.parent);
    if (list) list.push(d);
    else byParent.set(d.parent, [d]);
  }
  for (const [parent, told] of byParent) {
    const attempt = engine.state.attempts.get(parent);
    if (!attempt || attempt.ended) continue;
    const list = engine.state.store.shared ? inTurn(engine, attempt, told) : told;
    if (list.length === 0) continue;
    if (attempt.state === "waiting") {
      // Resumed beside a task that is tried alone, it would be a second suspect: it learns of it a moment later.
      if (executesAlone(attempt.worker)) {
        attempt.worker.parked.push(...list);
        continue;
      }
      attempt.state = "running";
      setSlot(attempt, true);
    }
    attempt.queuedSeq = Math.max(attempt.queuedSeq, (list.at(-1) as StoredDelivery).seq);
    touchIdle(engine, attempt);
    const cancel = list.find((d) => d.act === 0);
    if (cancel) watchUnwinding(engine, attempt, canceledBy(cancel));
    if (attempt.history) {
      appendHistory(attempt.history, list);
      continue;
    }
    if (attempt.outbox === null && list.every((d) => d.ref === null)) send(engine, attempt, list.map(inline));
    else deliverLater(engine, attempt, list);
  }
}

/** The journal has been read: what came meanwhile is told from where it ends. */
export function assigned(engine: Engine, attempt: Attempt): void {
  attempt.assigning = false;
  if (attempt.early.length > 0) deliver(engine, attempt.early);
}

/**
 * Of a store that several orchestrators write to: those that are next. Within a run commits have an order, but what this
 * orchestrator stores it knows at once, and what another stores it reads in a notice, perhaps later.
 */
function inTurn(engine: Engine, attempt: Attempt, told: readonly StoredDelivery[]): readonly StoredDelivery[] {
  const known = attempt.early.length === 0 ? told : [...new Set([...attempt.early, ...told])].toSorted((a, b) => a.seq - b.seq);
  if (attempt.assigning) {
    attempt.early = known;
    return [];
  }
  const turn: StoredDelivery[] = [];
  const early: StoredDelivery[] = [];
  // What is held back for the sake of a task that must be alone has its place before these.
  const held = attempt.worker.parked.findLast((d) => d.parent === attempt.fence.task)?.seq ?? 0;
  let next = Math.max(attempt.queuedSeq, held) + 1;
  for (const d of known) {
    if (d.seq > next) early.push(d);
    if (d.seq !== next) continue;
    turn.push(d);
    next += 1;
  }
  attempt.early = early;
  if (early.length > 0) engine.look();
  return turn;
}

/** Tasks that had to be alone have ended, or wait themselves: what was parked for their sake is told. */
export function deliverParked(engine: Engine): void {
  for (const worker of engine.state.workers.values()) {
    if (worker.parked.length > 0 && !executesAlone(worker)) deliver(engine, worker.parked.splice(0));
  }
}

/** Behind what is still being loaded, so that the order holds. */
function deliverLater(engine: Engine, attempt: Attempt, list: readonly StoredDelivery[]): void {
  const before = attempt.outbox ?? Promise.resolve();
  const mine: Promise<void> = before.then(async () => {
    const ready = await untilRead(engine.state, () => inflateAll(engine.state.artifacts, list));
    send(engine, attempt, ready);
    if (attempt.outbox === mine) attempt.outbox = null;
  });
  attempt.outbox = mine;
  mine.catch((e: unknown) => engine.unreadable(attempt, e, { codeRuns: true }));
}

function send(engine: Engine, attempt: Attempt, deliveries: readonly Delivery[]): void {
  // What the journal already told (it was read after this settled) is not told twice.
  const fresh = deliveries.filter((d) => d.seq > attempt.sentSeq);
  const [first] = fresh;
  if (!first || attempt.ended) return;
  if (first.seq !== attempt.sentSeq + 1) {
    // A worker waits for the missing one for ever; the journal has it.
    engine.state.log("error", "a delivery is missing in a task's order; it is begun again from its journal", {
      task: attempt.publicId,
      sent: attempt.sentSeq,
      next: first.seq,
    });
    engine.lostAttempt(attempt, "missed a delivery", { codeRuns: true });
    return;
  }
  attempt.sentSeq += fresh.length;
  attempt.worker.link.send({ t: "deliver", fence: attempt.fence, deliveries: fresh });
}
