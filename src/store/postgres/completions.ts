// Tasks that users' own transactions have completed: however their attempts end, they are settled with that value.
import type { Batch, Lease, Requeue, Settlement } from "../contract.ts";
import type { Sql } from "./sql.ts";
import { ints } from "./values.ts";
import type { Writing } from "./writing.ts";

interface Completed {
  readonly task: number;
  readonly value: string;
  readonly parent: number | null;
  readonly act: number | null;
  readonly detached: boolean;
}

// After this lock none of them can be completed any more: who commits meanwhile is waited for, and seen by the next statement.
const lock = `SELECT r.task, r.orchestrator FROM running r JOIN unnest($1::bigint[], $2::int[]) l(task, lease_no)
  ON r.task = l.task AND r.lease_no = l.lease_no ORDER BY r.task FOR UPDATE OF r`;
const completed = `SELECT c.task, c.value, t.parent, t.act, t.detached = 1 AS detached FROM completion c JOIN task t ON t.id = c.task
  WHERE c.task = ANY($1::bigint[])`;

/**
 * The batch as it is with what has been committed elsewhere: an end of an attempt whose task was completed is its success.
 * To whoever asked for another end it is one that others have written.
 */
export async function settleCompleted(w: Writing, batch: Batch): Promise<Batch> {
  const failed = batch.settles.filter((s) => s.status !== "succeeded" && s.status !== "partial");
  const again = batch.requeues.filter((r) => r.next.to !== "continued" && r.next.to !== "parked");
  if (failed.length + again.length === 0) return batch;
  const leases = [...failed, ...again].map((e) => e.lease);
  const held = new Set<number>();
  w.tx.later<{ task: number; orchestrator: number }>(
    lock,
    [ints(leases.map((l) => l.task)), ints(leases.map((l) => l.leaseNo))],
    (locked) => {
      for (const r of locked) if (r.orchestrator === w.boot) held.add(r.task);
    },
  );
  const found = await w.tx.rows<Completed>(completed, [ints(leases.map((l) => l.task))]);
  // Under a lease that is lost it is another life's to settle.
  const rows = found.filter((c) => held.has(c.task));
  if (rows.length === 0) return batch;
  const byTask = new Map(rows.map((c) => [c.task, c]));
  const of = ({ lease }: { readonly lease: Lease }) => byTask.get(lease.task);
  for (const e of [...failed, ...again]) if (of(e)) w.fenced.push(e.lease);
  w.tx.later("DELETE FROM completion WHERE task = ANY($1::bigint[])", [ints(rows.map((c) => c.task))]);
  return {
    ...batch,
    settles: [
      ...batch.settles.map((s) => (failed.includes(s) ? success(s, of(s)) : s)),
      ...again.flatMap((r) => {
        const c = of(r);
        return c ? [settlementOf(r, c)] : [];
      }),
    ],
    requeues: batch.requeues.filter((r) => !again.includes(r) || !of(r)),
  };
}

function success(s: Settlement, c: Completed | undefined): Settlement {
  return c ? { ...s, status: "succeeded", value: c.value, ref: null, error: null, gaps: null } : s;
}

function settlementOf(r: Requeue, { value, parent, act, detached }: Completed): Settlement {
  const { lease, run, definition, attempt, worker, startedAt, spent } = r;
  // A gate and an expiry that are not there are nothing to close.
  const end = { status: "succeeded", value, ref: null, error: null, gaps: null, hasGate: true, expires: true } as const;
  return { lease, run, parent, act, definition, detached, attempt, worker, startedAt, spent, ...end };
}

/** Of these tasks the ones that users' transactions have completed. No other of them can be after this. */
export async function completedOf(w: Writing, tasks: readonly number[]): Promise<ReadonlySet<number>> {
  const ids = ints(tasks);
  w.tx.later("SELECT 1 FROM running WHERE task = ANY($1::bigint[]) ORDER BY task FOR UPDATE", [ids]);
  const rows = await w.tx.rows<{ task: number }>("SELECT task FROM completion WHERE task = ANY($1::bigint[])", [ids]);
  return new Set(rows.map((c) => c.task));
}

/** Of attempts of ended lives: those whose tasks were completed. The life that sweeps has them from here on. */
export async function takeOver(
  tx: Sql,
  slice: readonly { readonly task: number; readonly lease_no: number }[],
  o: { readonly dead: readonly number[]; readonly boot: number | null },
): Promise<readonly Requeue[]> {
  const keys = [slice.map((r) => r.task), slice.map((r) => r.lease_no)];
  await tx.rows(lock, keys);
  if (o.boot === null) return [];
  const rows = await tx.rows<Raw>(
    `UPDATE running r SET orchestrator = $4 FROM unnest($1::bigint[], $2::int[]) w(task, lease_no), completion c, task t
     WHERE r.task = w.task AND r.lease_no = w.lease_no AND r.orchestrator = ANY($3::bigint[]) AND c.task = r.task AND t.id = r.task
     RETURNING r.task, r.lease_no AS "leaseNo", t.run, t.definition, t.parent IS NULL AS "isRoot", t.lane, t.prio, t.pass, r.attempt,
       r.worker, r.claimed_at AS "startedAt", r.crashes, r.alone = 1 AS alone`,
    [...keys, o.dead, o.boot],
  );
  return rows.map(({ task, leaseNo, crashes, alone, ...r }) => ({
    ...r,
    lease: { task, leaseNo },
    how: "orchestrator ended",
    error: null,
    spent: null,
    next: { to: "ready", attempt: r.attempt - 1, crashes, alone },
  }));
}

type Raw = Omit<Requeue, "lease" | "how" | "error" | "spent" | "next"> &
  Lease & { readonly crashes: number; readonly alone: boolean };

/** Settled by their own attempts, as nearly all are, or canceled. */
export async function clearCompletions(sql: Sql, slice: number): Promise<void> {
  await sql.run(
    "DELETE FROM completion WHERE task IN (SELECT c.task FROM completion c JOIN outcome o ON o.task = c.task ORDER BY c.task LIMIT $1)",
    [slice],
  );
}
