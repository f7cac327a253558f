// Bugs planted between the engine and its store, or between a link and its worker: each one that the checker must find.
import type { Assignment, Delivery, ToWorker } from "../../src/protocol/worker.ts";
import type { Batch, BatchResult, Settlement, Store, StoredDelivery, Whereabouts } from "../../src/store/contract.ts";
import type { Worker } from "../../src/worker/worker.ts";
import type { Invariant } from "./books.ts";
import type { Bend } from "./world.ts";

export interface Defect {
  readonly title: string;
  /** One of these promises is seen to be broken. */
  readonly breaks: readonly Invariant[];
  /** A fresh one for each world. */
  plant(): Bend;
}

const sameStore = (store: Store): Store => store;
const sameWorker = (worker: Worker): Worker => worker;

/** A settle counts whatever its fence: that of an earlier life, or of a lease that has passed on. */
const missingFence: Defect = {
  title: "a missing fence",
  breaks: ["I3", "I2"],
  plant: () => ({
    worker: sameWorker,
    store(store) {
      let boot = 0;
      const unfenced = (s: Settlement): Settlement => {
        const where = store.tasks.where(s.lease.task) as Whereabouts | null;
        return where?.in === "running" ? { ...s, lease: { ...s.lease, leaseNo: where.leaseNo } } : s;
      };
      return {
        ...store,
        boot(p) {
          const found = store.boot(p) as Awaited<ReturnType<Store["boot"]>>;
          boot = found.boot;
          return found;
        },
        commit(batch) {
          if (batch.boot === boot) return store.commit(batch);
          // Of an earlier life only its settles come through: that is the fence that was forgotten.
          const nothing = { acts: [], requeues: [], cancels: [], cancelSlice: 0, dueSlice: 0, ticks: [], tasks: [], claims: [] };
          const settles = batch.settles.map(unfenced);
          if (settles.length === 0) return store.commit(batch);
          const result = store.commit({ ...batch, ...nothing, boot, settles }) as BatchResult;
          return { ...result, fencedActs: batch.acts.map((a) => a.lease), fenced: batch.requeues.map((r) => r.lease) };
        },
      };
    },
  }),
};

/** One in forty deliveries never comes: nobody wakes who waits for it. */
const lostWakeUp: Defect = {
  title: "a lost wake-up",
  breaks: ["I6"],
  plant() {
    let n = 0;
    return {
      store: sameStore,
      worker: (worker) => hearing(worker, (m) => (m.t === "deliver" && ++n % 40 === 0 ? undefined : m)),
    };
  },
};

/** Who was waiting before a takeover is forgotten by it: what settles then is stored, and told to nobody. */
const gateNotReArmed: Defect = {
  title: "a gate that is not armed again after a takeover",
  breaks: ["I5", "I6"],
  plant() {
    const waited = new Set<number>();
    const forgotten = new Set<number>();
    return {
      worker: sameWorker,
      store: (store) => ({
        ...store,
        boot(p) {
          for (const task of waited) forgotten.add(task);
          waited.clear();
          return store.boot(p);
        },
        commit(batch) {
          for (const a of batch.acts) if (a.armed) waited.add(a.lease.task);
          const result = store.commit(batch) as BatchResult;
          return { ...result, deliveries: result.deliveries.filter((d) => !forgotten.has(d.parent)) };
        },
      }),
    };
  },
};

/** A child that ends counts twice: its parent is told of it again, in the next place of its order. */
const doubleGate: Defect = {
  title: "a double gate",
  breaks: ["I5"],
  plant() {
    let n = 0;
    const twice = (d: StoredDelivery): StoredDelivery[] => (++n % 30 === 0 ? [d, { ...d, seq: d.seq + 1 }] : [d]);
    return {
      worker: sameWorker,
      store: (store) => ({
        ...store,
        commit(batch: Batch) {
          const result = store.commit(batch) as BatchResult;
          return { ...result, deliveries: result.deliveries.flatMap(twice) };
        },
      }),
    };
  },
};

/** Children are known by their position: on a re-run the n-th end is taken for that of the n-th child that was asked. */
const positionKeyed: Defect = {
  title: "a child that is keyed by its position",
  breaks: ["replay"],
  plant: () => ({
    store: sameStore,
    worker: (worker) =>
      hearing(worker, (m) =>
        onAssignment(m, (a) => {
          const asked = a.journal.filter((row) => row.seq !== null).map((row) => row.act);
          return a.deliveries.map((d, i) => ({ ...d, act: asked[i] ?? d.act }));
        }),
      ),
  }),
};

/** On a re-run an outcome that is known answers the ask at once, instead of at its seq. */
const answeredFromMemo: Defect = {
  title: "an outcome that is answered from a memo",
  breaks: ["replay"],
  plant: () => ({
    store: sameStore,
    worker: (worker) =>
      hearing(worker, (m) =>
        onAssignment(m, (a) => a.deliveries.toSorted((x, y) => x.act - y.act).map((d, i) => ({ ...d, seq: i + 1 }))),
      ),
  }),
};

export const defects: readonly Defect[] = [missingFence, lostWakeUp, gateNotReArmed, doubleGate, positionKeyed, answeredFromMemo];

/** The worker hears what `change` makes of it; undefined: nothing. */
function hearing(worker: Worker, change: (m: ToWorker) => ToWorker | undefined): Worker {
  return {
    hello: () => worker.hello(),
    stop: () => worker.stop(),
    drain: (withinMs) => worker.drain(withinMs),
    receive(m) {
      const heard = change(m);
      if (heard) worker.receive(heard);
    },
  };
}

function onAssignment(m: ToWorker, deliveries: (a: Assignment) => readonly Delivery[]): ToWorker {
  if (m.t !== "assign") return m;
  return { ...m, tasks: m.tasks.map((a) => ({ ...a, deliveries: deliveries(a) })) };
}
