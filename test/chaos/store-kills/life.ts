// One life of a store's owner: opens the file, then commits batches as fast as it can, until it is killed. What is
// acknowledged is written beside the file, a line each.
//   node life.ts DB ACKNOWLEDGED SEED power|process DEFECT|none [POINT NTH]
import { appendFileSync, writeSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { createRandom } from "../../../src/core/random.ts";
import type { ActBatch, Batch, NewTask, Settlement, TaskRow } from "../../../src/store/contract.ts";
import { openSqliteStore } from "../../../src/store/sqlite/open.ts";
import { actsOf, batch, child, claimOf, requeueOf, root, settleOf } from "../../store/rows.ts";
import type { Acknowledged } from "./acknowledged.ts";
import { withDefect, type PlantedDefect } from "./planted.ts";
import { dieAt, type Point } from "./points.ts";

const [db, log, seed, durability, defect, point, nth] = process.argv.slice(2) as [
  string,
  string,
  string,
  "power" | "process",
  PlantedDefect | "none",
  Point?,
  string?,
];
const acknowledged = point === undefined ? () => {} : dieAt(point, Number(nth));
const random = createRandom(Number(seed));
const some = (most: number) => Math.floor(random() * (most + 1));
const say = (line: Acknowledged) => {
  appendFileSync(log, `${JSON.stringify(line)}\n`);
  acknowledged();
};

/** A task that this life runs. */
interface Running {
  readonly task: NewTask;
  readonly leaseNo: number;
  acts: number;
}
const running = new Map<number, Running>();

const sound = openSqliteStore({ path: db, durability });
const store = defect === "none" ? sound : withDefect(sound, db, defect, sayEarly);
const boot = await store.boot({ nonce: "n", pid: process.pid, now: 1 });
await store.catalogue.defineAll({
  boot: boot.boot,
  definitions: [{ id: 1, namespace: 1, name: "work", card: "null" }],
  lanes: [{ id: 1, definition: 1, needs: [], build: "" }],
});
say({ boot: boot.boot });
// The controller starts its clock.
writeSync(1, "open\n");
let { first: next } = await store.taskIds(1);
const checkpoints = new DatabaseSync(db);

function sayEarly(b: Batch): void {
  const tasks = [...b.tasks, ...b.acts.flatMap((a) => a.children)].map((t) => t.id);
  appendFileSync(log, `${JSON.stringify({ tasks, outcomes: [], refused: [], stale: [] } satisfies Acknowledged)}\n`);
}

/** A row as it was inserted: what settles and requeues need of it. */
function asNew(row: TaskRow): NewTask {
  return {
    ...row,
    inputHash: null,
    askedAfter: null,
    claim: null,
    dueAt: null,
    shielded: false,
    adopts: null,
    origin: null,
    refused: null,
    idempotency: null,
    terms: null,
  };
}
function timer(act: number, dueAt: number): ActBatch["waits"][number] {
  return { act, kind: "timer", key: `timer${act}`, inputHash: "", askedAfter: 0, name: null, detail: null, dueAt };
}
/** Values name their lease, so that a result of a fenced attempt shows. */
const valueOf = (task: number, leaseNo: number) => JSON.stringify(`${task}:${leaseNo}`);

for (let now = 2; ; now++) {
  const mine = [...running.values()];
  const ends = mine.filter(() => random() < 0.4);
  const settled = ends.filter(() => random() < 0.7);
  const requeued = ends.filter((r) => !settled.includes(r));
  const parents = mine.filter((r) => !ends.includes(r) && r.task.depth < 3 && random() < 0.3);
  const roots = Array.from({ length: some(3) }, () => root(next++, { claim: random() < 0.3 ? 7 : null }));
  const children = parents.map((p) => ({
    of: p,
    tasks: Array.from({ length: 1 + some(2) }, () => child(next++, p.task, ++p.acts, { depth: p.task.depth + 1 })),
    timers: random() < 0.3 ? [timer(++p.acts, now + 3)] : [],
    park: random() < 0.4,
  }));
  const heads = (await store.queue.peek({ lanes: [1], limit: 8 })).slice(0, some(8));
  const rows = new Map((await store.tasks.get(heads.map((h) => h.task))).map((t) => [t.id, asNew(t)]));
  // A result of the lease before: it must be refused.
  const stale = mine.filter((r) => r.leaseNo > 1 && random() < 0.3);

  const lease = (r: Running): Partial<Settlement> => ({ value: valueOf(r.task.id, r.leaseNo), hasGate: true });
  const result = await store.commit(
    batch({
      now,
      boot: boot.boot,
      acts: children.map(({ of, tasks, timers, park }) =>
        actsOf(of.task, of.leaseNo, { children: tasks, waits: timers, armed: park, park }),
      ),
      settles: [
        ...stale.map((r) => settleOf(r.task, r.leaseNo - 1, { ...lease(r), value: valueOf(r.task.id, r.leaseNo - 1) })),
        ...settled.map((r) => settleOf(r.task, r.leaseNo, lease(r))),
      ],
      requeues: requeued.map((r) =>
        requeueOf(
          r.task,
          r.leaseNo,
          random() < 0.5
            ? { to: "ready", attempt: 0, crashes: 0, alone: false }
            : { to: "delayed", dueAt: now + 1, attempt: 0, crashes: 0, alone: false },
        ),
      ),
      cancelSlice: 8,
      dueSlice: 16,
      tasks: roots,
      claims: heads.map((h) => claimOf(rows.get(h.task) as NewTask, { leaseNo: h.leaseNo, prio: h.prio, pass: h.pass })),
    }),
  );
  const fenced = new Set(result.fenced.map((l) => `${l.task}:${l.leaseNo}`));
  const counted = settled.filter((r) => !fenced.has(`${r.task.id}:${r.leaseNo}`));
  say({
    tasks: [...roots, ...children.flatMap((c) => c.tasks)].map((t) => t.id),
    outcomes: counted.map((r) => [r.task.id, r.leaseNo] as const),
    refused: result.fenced.map((l) => [l.task, l.leaseNo] as const),
    stale: stale.map((r) => [r.task.id, r.leaseNo - 1] as const),
  });

  for (const r of ends) running.delete(r.task.id);
  for (const c of result.closed) running.delete(c.task);
  for (const task of result.parked) running.delete(task);
  for (const t of roots) if (t.claim !== null) running.set(t.id, { task: t, leaseNo: 1, acts: 0 });
  const missed = new Set(result.unclaimed.map((l) => l.task));
  for (const h of heads) {
    const task = rows.get(h.task) as NewTask;
    // Its acts of earlier leases keep their numbers.
    const acts = (await store.tasks.journal(h.task))?.acts ?? 0;
    if (!missed.has(h.task)) running.set(h.task, { task, leaseNo: h.leaseNo + 1, acts });
  }
  if (now % 8 === 0) checkpoints.exec("PRAGMA wal_checkpoint(TRUNCATE)");
}
