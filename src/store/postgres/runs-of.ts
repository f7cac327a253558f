// Which runs a batch touches: all of them are locked in its first statement.
import type { ActBatch, Batch } from "../contract.ts";
import { Restart, type Transaction } from "./transaction.ts";
import { ints } from "./values.ts";

/**
 * Rows that are looked at beyond a slice: what the same batch takes away from a slice's rows before it comes to them is made
 * up for.
 */
const spare = 50;
export const lookedAt = (slice: number): number => slice + spare;

export interface Touched {
  /** In no order. */
  readonly runs: ReadonlySet<number>;
  /** Of the tasks that are named without their run; those that do not exist are left out. */
  readonly runOf: ReadonlyMap<number, number>;
  /** Named, and not there. */
  readonly missing: readonly number[];
}

/**
 * Before any lock: who is due, and whose are the tasks that are named. By the time of the lock some of it is no longer so;
 * whoever acts looks again then, at these runs only.
 */
export async function findRuns(tx: Transaction, batch: Batch): Promise<Touched> {
  const runs = new Set<number>();
  for (const a of batch.acts) runs.add(a.run);
  for (const s of batch.settles) runs.add(s.run);
  for (const r of batch.requeues) runs.add(r.run);
  for (const c of batch.claims) runs.add(c.run);
  // What it takes over must not be deleted meanwhile.
  for (const t of batch.tasks) if (t.origin) runs.add(t.origin.run);
  const add = (rows: readonly { run: number }[]) => {
    for (const { run } of rows) runs.add(run);
  };
  const runOf = new Map<number, number>();
  const named = namedTasks(batch);
  if (named.length > 0)
    tx.later<{ id: number; run: number }>("SELECT id, run FROM task WHERE id = ANY($1::bigint[])", [ints(named)], (rows) => {
      add(rows);
      for (const { id, run } of rows) runOf.set(id, run);
    });
  if (batch.dueSlice > 0) for (const text of due) tx.later<{ run: number }>(text, [batch.now, lookedAt(batch.dueSlice)], add);
  if (batch.cancelSlice > 0) tx.later<{ run: number }>(jobs, [lookedAt(batch.cancelSlice)], add);
  if (named.length > 0 || batch.dueSlice > 0 || batch.cancelSlice > 0) await tx.flush();
  return { runs, runOf, missing: named.filter((task) => !runOf.has(task)) };
}

/**
 * Under the locks: a task that was named and has come while they were waited for, in a run whose lock is not among them.
 * Whoever looks later does not find it (`locked`): from here on what comes is after this batch.
 */
export function restartWhenFound(tx: Transaction, missing: readonly number[], locked: ReadonlySet<number>): void {
  if (missing.length === 0) return;
  tx.later<{ run: number }>("SELECT run FROM task WHERE id = ANY($1::bigint[])", [ints(missing)], (rows) => {
    if (rows.some(({ run }) => !locked.has(run))) throw new Restart("a task that was named has come meanwhile");
  });
}

const due = [
  "SELECT task AS run FROM expiry WHERE at <= $1 ORDER BY at, task, kind LIMIT $2",
  "SELECT t.run FROM (SELECT task FROM delayed WHERE due_at <= $1 ORDER BY due_at, task LIMIT $2) d JOIN task t ON t.id = d.task",
  `SELECT t.run FROM (SELECT task FROM wait WHERE ended_at IS NULL AND due_at IS NOT NULL AND due_at <= $1 ORDER BY due_at, task, act LIMIT $2) v
   JOIN task t ON t.id = v.task`,
];
const jobs = "SELECT t.run FROM (SELECT task FROM cancel_job ORDER BY task LIMIT $1) j JOIN task t ON t.id = j.task";

function namedTasks(batch: Batch): number[] {
  const receivers = (a: ActBatch) => a.sends.flatMap((s) => (s.to && "task" in s.to ? [s.to.task] : []));
  return [
    ...batch.cancels.map((c) => c.task),
    ...batch.messages.map((m) => m.task),
    ...batch.answers.map((a) => a.task),
    ...batch.wakes,
    ...batch.acts.flatMap(receivers),
  ];
}
