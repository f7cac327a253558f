// Stores that break one promise each: the model with something done behind its back, before or after a commit. The search
// must find every one of them, or it would not find them in a driver either.
import type { Batch, BatchResult, Boot, Lease, Store } from "../../../src/store/contract.ts";
import { emptyDisk, name, need, type Gate, type Place, type Rows } from "../model/disk.ts";
import { openModelStore } from "../model/open.ts";
import { delayedTasks } from "../model/tasks.ts";

interface Defect {
  /** What is wrong with it. */
  readonly name: string;
  /** What it is asked instead. */
  readonly before?: (batch: Batch, rows: Rows) => Batch;
  /** What it does to its rows afterwards, or answers instead. */
  readonly after?: (rows: Rows, batch: Batch, result: BatchResult) => BatchResult | void;
  readonly afterBoot?: (rows: Rows, boot: Boot) => void;
  /** What it does instead of refusing a batch. */
  readonly refused?: (batch: Batch) => Batch;
  readonly reads?: (store: Store) => Partial<Store>;
}

export function openDefective(defect: Defect): Store {
  const disk = emptyDisk();
  const store = openModelStore(disk);
  return {
    ...store,
    ...defect.reads?.(store),
    async commit(batch) {
      const asked = defect.before?.(batch, disk.rows) ?? batch;
      const result = await commitOr(store, asked, defect.refused);
      return defect.after?.(disk.rows, asked, result) ?? result;
    },
    async boot(p) {
      const boot = await store.boot(p);
      defect.afterBoot?.(disk.rows, boot);
      return boot;
    },
  };
}

async function commitOr(store: Store, batch: Batch, refused: Defect["refused"]): Promise<BatchResult> {
  if (!refused) return store.commit(batch);
  try {
    return await store.commit(batch);
  } catch (e) {
    await store.commit(refused(batch));
    throw e;
  }
}

/** The lease that counts, whatever was sent. */
function current(rows: Rows, lease: Lease): Lease {
  const place = rows.places.get(lease.task);
  return place?.in === "running" ? { ...lease, leaseNo: place.leaseNo } : lease;
}

function moved<P extends Place["in"]>(rows: Rows, where: P, to: (p: Extract<Place, { in: P }>, task: number) => Place): void {
  for (const [task, place] of rows.places) if (place.in === where) rows.places.set(task, to(place as never, task));
}

function gated(rows: Rows, task: number, change: (g: Gate) => Partial<Gate>): void {
  const gate = rows.gates.get(task);
  if (gate) rows.gates.set(task, { ...gate, ...change(gate) });
}

export const defects: readonly Defect[] = [
  {
    name: "any lease settles",
    before: (b, rows) => ({ ...b, settles: b.settles.map((s) => ({ ...s, lease: current(rows, s.lease) })) }),
  },
  {
    name: "any lease requeues",
    before: (b, rows) => ({ ...b, requeues: b.requeues.map((r) => ({ ...r, lease: current(rows, r.lease) })) }),
  },
  {
    name: "any lease acts",
    before: (b, rows) => ({ ...b, acts: b.acts.map((a) => ({ ...a, lease: current(rows, a.lease) })) }),
  },
  {
    name: "a claim on an older look is taken",
    before: (b, rows) => ({
      ...b,
      claims: b.claims.map((c) => {
        const place = rows.places.get(c.task);
        return place?.in === "ready" ? { ...c, leaseNo: place.leaseNo } : c;
      }),
    }),
  },
  {
    name: "an old life commits",
    before: (b, rows) => ({ ...b, boot: rows.lives.at(-1)?.boot ?? b.boot }),
  },
  {
    name: "a second outcome takes the place of the first",
    after(rows, b) {
      for (const s of b.settles) {
        const place = rows.places.get(s.lease.task);
        if (place?.in !== "outcome") continue;
        const { status, value, ref, error } = s;
        rows.places.set(s.lease.task, { in: "outcome", outcome: { ...place.outcome, status, value, ref, error } });
      }
    },
  },
  {
    name: "a settled child goes on holding its parent's gate",
    after(rows, _, result) {
      for (const d of result.deliveries)
        if (!rows.steps.has(name(d.parent, d.act))) gated(rows, d.parent, (g) => ({ remaining: g.remaining + 1 }));
    },
  },
  {
    name: "what settles does not wake its parent",
    after(rows, b) {
      for (const a of b.acts) if (a.armed) gated(rows, a.lease.task, () => ({ armed: true }));
    },
  },
  {
    name: "a place in a parent's order is left out",
    after(rows, _, result) {
      for (const d of result.deliveries) gated(rows, d.parent, (g) => ({ lastSeq: g.lastSeq + 1 }));
    },
  },
  {
    name: "a parent that settled things at once is told of one",
    after: (_, __, result) => ({ ...result, deliveries: result.deliveries.slice(0, 1) }),
  },
  {
    name: "a lease number begins anew",
    after(rows, b) {
      for (const r of b.requeues) {
        const place = rows.places.get(r.lease.task);
        if (place?.in === "ready") rows.places.set(r.lease.task, { ...place, leaseNo: 0 });
      }
    },
  },
  {
    name: "crashes are forgotten when a task waits out its backoff",
    after: (rows) => moved(rows, "delayed", (p) => ({ ...p, crashes: 0 })),
  },
  {
    name: "a task that is to run alone runs with others",
    after: (rows) => moved(rows, "running", (p) => ({ ...p, alone: false })),
  },
  {
    name: "a batch that is refused leaves its first half",
    refused: (b) => ({ ...b, tasks: [], claims: [], acts: [] }),
  },
  {
    name: "one more than asked for becomes due",
    before: (b) => ({ ...b, dueSlice: b.dueSlice === 0 ? 0 : b.dueSlice + 1 }),
  },
  {
    name: "a cancel does not go below the children",
    after(rows) {
      for (const task of rows.cancelJobs.keys()) if (need(rows.tasks, task).row.parent !== null) rows.cancelJobs.delete(task);
    },
  },
  {
    name: "a cancel forgets how far it came",
    after(rows) {
      for (const [task, job] of rows.cancelJobs) rows.cancelJobs.set(task, { ...job, afterAct: 0 });
    },
  },
  {
    name: "a detached child ends with its parent",
    after(rows) {
      for (const [id, t] of rows.tasks)
        if (t.row.detached && rows.cancelJobs.has(t.row.parent as number))
          rows.tasks.set(id, { ...t, row: { ...t.row, detached: false } });
    },
  },
  {
    name: "an idempotency key is taken again after its run has ended",
    after(rows) {
      for (const [key, { task }] of rows.keys) if (rows.places.get(task)?.in === "outcome") rows.keys.delete(key);
    },
  },
  {
    name: "an attempt that ended with the orchestrator is charged",
    afterBoot: (rows) => moved(rows, "ready", (p) => (p.leaseNo > 0 ? { ...p, attempt: p.attempt + 1 } : p)),
  },
  {
    name: "a gate is still armed in a new life",
    afterBoot: (rows) => {
      for (const task of rows.gates.keys()) gated(rows, task, () => ({ armed: true }));
    },
  },
  {
    name: "the number of an event is used twice",
    after(rows, _, result) {
      for (const e of result.events) rows.cursors.set(e.run, 0);
    },
  },
  {
    name: "a retry is not counted",
    after(rows) {
      for (const [key, s] of rows.stages) rows.stages.set(key, { ...s, retried: 0 });
    },
  },
  {
    name: "the money of failed attempts is not in the sum",
    before: (b) => ({ ...b, requeues: b.requeues.map((r) => ({ ...r, spent: null })) }),
  },
  {
    name: "a second result of a step counts",
    before(b, rows) {
      for (const a of b.acts)
        for (const r of a.stepResults) {
          const step = rows.steps.get(name(a.lease.task, r.act));
          if (step) rows.steps.set(name(a.lease.task, r.act), { ...step, seq: null });
        }
      return b;
    },
  },
  {
    name: "a second answer counts",
    before(b, rows) {
      for (const a of b.answers) {
        const wait = rows.waits.get(name(a.task, a.act));
        if (wait) rows.waits.set(name(a.task, a.act), { ...wait, endedAt: null });
      }
      return b;
    },
  },
  {
    name: "a wait that expires is told to nobody",
    after: (_, b, result) => ({ ...result, deliveries: b.dueSlice > 0 ? [] : result.deliveries }),
  },
  {
    name: "the clock forgets waits",
    after: (rows, b, result) => ({
      ...result,
      nextDueAt: b.dueSlice > 0 ? (delayedTasks(rows)[0]?.dueAt ?? null) : null,
    }),
  },
  {
    name: "a deadline leaves alone what has begun",
    before: (b, rows) => ({
      ...b,
      dueSlice: [...rows.expiries.values()].some((e) => e.kind === "deadline" && rows.places.get(e.task)?.in === "running")
        ? 0
        : b.dueSlice,
    }),
  },
  {
    name: "a ttl closes what has begun",
    before(b, rows) {
      for (const [key, e] of rows.expiries) rows.expiries.set(key, { ...e, kind: "deadline" });
      return b;
    },
  },
  {
    name: "a tick is given out twice",
    before: (b, rows) => ({
      ...b,
      ticks: b.ticks.map((t) => ({ ...t, rev: rows.schedules.get(t.schedule)?.rev ?? t.rev })),
    }),
  },
  {
    name: "a tick starts a run beside one that goes on",
    before: (b) => ({ ...b, ticks: b.ticks.map((t) => ({ ...t, alone: false })) }),
  },
  {
    name: "a message that comes before its wait is lost",
    after: (rows) => void rows.messages.splice(0),
  },
  {
    name: "a message is sent twice with one key",
    before: (b) => ({ ...b, messages: b.messages.map((m) => ({ ...m, key: null })) }),
  },
  {
    name: "what settles leaves a parked task where it is",
    after(rows, _, result) {
      for (const { task, leaseNo, attempt, crashes } of result.woken)
        rows.places.set(task, { in: "parked", leaseNo, attempt, crashes, alone: false, since: 0 });
      return { ...result, woken: [] };
    },
  },
  {
    name: "a task is parked although something has settled for it",
    after(rows, b, result) {
      for (const { lease } of b.acts.filter((a) => a.park)) {
        const place = rows.places.get(lease.task);
        if (place?.in === "running") rows.places.set(lease.task, { ...place, in: "parked", since: b.now });
      }
      return result;
    },
  },
  {
    name: "parking charges an attempt",
    after: (rows) => moved(rows, "parked", (p) => ({ ...p, attempt: p.attempt + 1 })),
  },
  {
    name: "a new life runs what was idle",
    afterBoot: (rows) => moved(rows, "parked", (p) => ({ ...p, in: "ready" })),
  },
  {
    name: "a workflow that is canceled is not told",
    before(b, rows) {
      for (const task of rows.gates.keys()) gated(rows, task, () => ({ unwinds: false }));
      return { ...b, acts: b.acts.map((a) => ({ ...a, unwinds: false })) };
    },
  },
  {
    name: "a workflow is told of every cancel",
    before(b, rows) {
      for (const task of rows.gates.keys()) gated(rows, task, () => ({ cancel: null }));
      return b;
    },
  },
  {
    name: "a shield protects nobody",
    before: (b) => ({
      ...b,
      acts: b.acts.map((a) => ({ ...a, children: a.children.map((c) => ({ ...c, shielded: false })) })),
    }),
  },
  {
    name: "a cancel also stops what is asked for afterwards",
    after(rows) {
      for (const [task, job] of rows.cancelJobs) rows.cancelJobs.set(task, { ...job, upto: null });
    },
  },
  {
    name: "an execution hears of the one before",
    after(rows) {
      for (const task of rows.gates.keys()) gated(rows, task, () => ({ baseAct: 0 }));
    },
  },
  {
    name: "a task continues with the input that it had",
    before: (b, rows) => ({
      ...b,
      requeues: b.requeues.map((r) => {
        const input = rows.tasks.get(r.lease.task)?.row.input ?? "";
        return r.next.to === "continued" ? { ...r, next: { ...r.next, input } } : r;
      }),
    }),
  },
  {
    name: "what a partial outcome lacks is forgotten",
    before: (b) => ({ ...b, settles: b.settles.map((s) => ({ ...s, gaps: null })) }),
  },
  {
    name: "a task that its code has moved goes back to its first lane",
    before: (b) => ({ ...b, acts: b.acts.map(({ pin: _, ...a }) => a) }),
  },
  {
    name: "a task that ends an attempt elsewhere stays where it was",
    before: (b, rows) => ({
      ...b,
      requeues: b.requeues.map(({ pin: _, ...r }) => ({ ...r, lane: rows.tasks.get(r.lease.task)?.row.lane ?? r.lane })),
    }),
  },
  {
    name: "a build that is resumed is still drained",
    reads: (store) => ({ builds: { ...store.builds, resume: () => false } }),
  },
  {
    name: "a history leaves its emits out",
    reads: (store) => ({
      tasks: {
        ...store.tasks,
        async journal(id) {
          const journal = await store.tasks.journal(id);
          return journal && { ...journal, entries: journal.entries.filter((e) => e.kind !== "emit") };
        },
      },
    }),
  },
  {
    name: "a held task is not in the list of those that wait",
    reads: (store) => ({
      tasks: {
        ...store.tasks,
        async list(p) {
          const page = await store.tasks.list(p);
          return p.state === "waiting" ? { ...page, rows: page.rows.filter((r) => r.where?.in !== "held") } : page;
        },
      },
    }),
  },
  {
    name: "claim order looks at the age first",
    reads: (store) => ({
      queue: { peek: async (p) => (await store.queue.peek(p)).toSorted((a, b) => a.task - b.task) },
    }),
  },
];
