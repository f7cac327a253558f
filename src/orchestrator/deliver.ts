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
  for (const [parent, list] of byParent) {
    const attempt = engine.state.attempts.get(parent);
    if (!attempt || attempt.ended) continue;
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
