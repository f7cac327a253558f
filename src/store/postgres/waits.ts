import { FlotillaError, type ErrorJson } from "../../core/error.ts";
import { outcomeCode } from "../../core/task.ts";
import { waitKinds, type ActBatch, type Adopted, type Answer, type WaitKind } from "../contract.ts";
import { giveBack, unparkWoken, waking } from "./gates.ts";
import { errorText } from "./rows.ts";
import { ints, texts } from "./values.ts";
import type { Writing } from "./writing.ts";

/** Begins the waits of attempts that hold their leases. */
export function sendWaits(w: Writing, batches: readonly ActBatch[]): void {
  const rows = batches.flatMap((b) => b.waits.map((a) => ({ a, lease: b.lease })));
  if (rows.length === 0) return;
  w.tx.later(
    `INSERT INTO wait (task, act, kind, key, input_hash, asked_after, name, detail, begun_at, due_at)
     SELECT a.task, a.act, a.kind, a.key, a.input_hash, a.asked_after, a.name, a.detail, $2::bigint, a.due_at
     FROM unnest($3::bigint[], $4::int[], $5::int[], $6::smallint[], $7::text[], $8::text[], $9::int[], $10::text[], $11::text[], $12::bigint[])
       a(task, lease_no, act, kind, key, input_hash, asked_after, name, detail, due_at)
     JOIN running r ON r.task = a.task AND r.lease_no = a.lease_no AND r.orchestrator = $1::bigint`,
    [
      w.boot,
      w.now,
      ints(rows.map((r) => r.lease.task)),
      ints(rows.map((r) => r.lease.leaseNo)),
      ints(rows.map((r) => r.a.act)),
      ints(rows.map((r) => waitKinds.indexOf(r.a.kind))),
      texts(rows.map((r) => r.a.key)),
      texts(rows.map((r) => r.a.inputHash)),
      ints(rows.map((r) => r.a.askedAfter)),
      texts(rows.map((r) => r.a.name)),
      texts(rows.map((r) => r.a.detail)),
      ints(rows.map((r) => r.a.dueAt)),
    ],
  );
}

/** Those that may end as they begin: taken over from an earlier run, or for a message that has arrived before. After their rows are there. */
export async function endBegun(w: Writing, batch: ActBatch): Promise<void> {
  const { task } = batch.lease;
  for (const a of batch.waits) if (a.adopts) await adoptWait(w, task, a.act, a.adopts);
  for (const a of batch.waits) {
    if (a.kind !== "message" || a.adopts) continue;
    const message = await w.tx.row<{ id: number; value: string; key: string | null }>(
      "SELECT id, value, key FROM message WHERE task = $1 AND name = $2 AND act IS NULL ORDER BY id LIMIT 1",
      [task, a.name],
    );
    if (!message) continue;
    if (message.key === null) w.tx.later("DELETE FROM message WHERE task = $1 AND id = $2", [task, message.id]);
    else w.tx.later("UPDATE message SET act = $1, value = '' WHERE task = $2 AND id = $3", [a.act, task, message.id]);
    await endWait(w, task, a.act, { status: "succeeded", value: message.value, error: null });
  }
}

/** What came of a wait. */
export interface WaitEnd {
  readonly status: "succeeded" | "failed" | "canceled";
  readonly value: string | null;
  readonly error: ErrorJson | null;
}

const end = `WITH e AS (SELECT x.*, (g.last_seq + row_number() OVER (PARTITION BY x.task ORDER BY x.n))::int AS seq
    FROM unnest($2::int[], $3::bigint[], $4::int[], $5::smallint[], $6::text[], $7::text[]) x(n, task, act, status, value, error)
    JOIN wait v ON v.task = x.task AND v.act = x.act AND v.ended_at IS NULL LEFT JOIN gate g ON g.task = x.task),
  u AS (UPDATE wait v SET ended_at = $1::bigint, status = e.status, value = e.value, error = e.error, seq = e.seq
    FROM e WHERE v.task = e.task AND v.act = e.act),
  g AS (UPDATE gate SET waits = waits - c.n, last_seq = last_seq + c.n, armed = ${waking}
    FROM (SELECT task, count(*)::int AS n FROM e GROUP BY task) c WHERE gate.task = c.task)
  SELECT n, seq FROM e ORDER BY n`;

/** @returns those that were open, of tasks that are. No two of them are the same wait. */
export async function endWaits(
  w: Writing,
  waits: readonly { readonly task: number; readonly act: number; readonly end: WaitEnd }[],
): Promise<ReadonlySet<number>> {
  if (waits.length === 0) return new Set();
  const rows = await w.tx.rows<{ n: number; seq: number | null }>(end, [
    w.now,
    ints(waits.map((_, n) => n)),
    ints(waits.map((x) => x.task)),
    ints(waits.map((x) => x.act)),
    ints(waits.map((x) => outcomeCode(x.end.status))),
    texts(waits.map((x) => x.end.value)),
    texts(waits.map((x) => errorText(x.end.error))),
  ]);
  const ended = new Set<number>();
  for (const { n, seq } of rows) {
    const x = waits[n] as (typeof waits)[number];
    if (seq === null) continue;
    ended.add(n);
    w.deliveries.push({ parent: x.task, seq, act: x.act, ...x.end, ref: null, at: w.now });
  }
  unparkWoken(w, [...new Set(waits.map((x) => x.task))]);
  return ended;
}

/** @returns false when it had ended, or its task has. */
export async function endWait(w: Writing, task: number, act: number, how: WaitEnd): Promise<boolean> {
  return (await endWaits(w, [{ task, act, end: how }])).size === 1;
}

/** A wait whose code does not wait any more. */
export async function cancelWait(w: Writing, task: number, act: number, reason: string): Promise<void> {
  const error = new FlotillaError("FLOTILLA_CANCELED", { by: reason }).toJSON();
  if (await endWait(w, task, act, { status: "canceled", value: null, error })) return;
  // Its message came first. The code has left it, so it is the next wait's.
  const taken = await w.tx.row<{ name: string; value: string }>(
    "UPDATE wait SET given_back = 1 WHERE task = $1 AND act = $2 AND kind = 2 AND status = 0 AND given_back = 0 RETURNING name, value",
    [task, act],
  );
  if (taken) await repost(w, task, taken);
}

/** To the oldest open wait for it, else to the front of the box: it came before all that lie there. */
async function repost(w: Writing, task: number, m: { name: string; value: string }): Promise<void> {
  const open = await w.tx.row<{ act: number }>(
    "SELECT act FROM wait WHERE task = $1 AND name = $2 AND kind = 2 AND ended_at IS NULL ORDER BY act LIMIT 1",
    [task, m.name],
  );
  if (open) await endWait(w, task, open.act, { status: "succeeded", value: m.value, error: null });
  else giveBack(w, task, m);
}

interface DueWait {
  readonly task: number;
  readonly act: number;
  readonly kind: number;
  readonly name: string | null;
  readonly detail: string | null;
}

/** Timers end, other waits expire: the earliest first, of the runs that are locked. `looked`: how many rows to look at. */
export async function endDueWaits(w: Writing, limit: number, looked: number): Promise<void> {
  const due = await w.tx.rows<DueWait>(
    `SELECT v.task, v.act, v.kind, v.name, v.detail FROM (SELECT task, act, kind, name, detail, due_at FROM wait
       WHERE ended_at IS NULL AND due_at <= $1 AND due_at IS NOT NULL ORDER BY due_at, task, act LIMIT $3) v
     JOIN task t ON t.id = v.task WHERE t.run = ANY($4::bigint[]) ORDER BY v.due_at, v.task, v.act LIMIT $2`,
    [w.now, limit, looked, ints([...w.locked])],
  );
  await endWaits(
    w,
    due.map((row) => ({ task: row.task, act: row.act, end: expiry(row) })),
  );
}

function expiry(row: DueWait): WaitEnd {
  const kind = waitKinds[row.kind] as WaitKind;
  if (kind === "timer") return { status: "succeeded", value: "null", error: null };
  if (kind === "message") {
    const error = new FlotillaError("FLOTILLA_TIMEOUT", { after: "waitFor" }, { where: `ctx.waitFor(${row.name})` }).toJSON();
    return { status: "failed", value: null, error };
  }
  return (JSON.parse(row.detail ?? "{}") as { expiry: WaitEnd }).expiry;
}

/** The first answer of an approval counts. */
export async function writeAnswers(w: Writing, answers: readonly Answer[]): Promise<void> {
  for (const [index, a] of answers.entries()) {
    const open = await w.tx.row(
      `SELECT 1 FROM wait v JOIN task t ON t.id = v.task
       WHERE v.task = $1 AND v.act = $2 AND v.kind = 3 AND v.ended_at IS NULL AND t.run = ANY($3::bigint[])`,
      [a.task, a.act, ints([...w.locked])],
    );
    const status = a.error ? "failed" : "succeeded";
    if (!open || !(await endWait(w, a.task, a.act, { status, value: a.value, error: a.error }))) w.unanswered.add(index);
  }
}

/** It ends as that one of an earlier run has ended. */
async function adoptWait(w: Writing, task: number, act: number, from: Adopted): Promise<void> {
  const row = await w.tx.row<{ value: string | null }>(
    "SELECT value FROM wait WHERE task = $1 AND act = $2 AND ended_at IS NOT NULL AND error IS NULL",
    [from.task, from.act],
  );
  if (!row) throw new Error(`wait ${from.act} of task ${from.task} is to be taken over and has not succeeded`);
  await endWait(w, task, act, { status: "succeeded", value: row.value, error: null });
}
