import { outcomeCode } from "../../core/task.ts";
import type { NewTask, Origin } from "../contract.ts";
import { adoptedEnd } from "./adopt.ts";
import type { Writing } from "./writing.ts";
import { errorText, readyRow, type RawReady } from "./rows.ts";
import type { Statements, Value } from "./statements.ts";
import { writeTerms } from "./terms.ts";

/** Inserts tasks, each where it belongs: running when it was claimed eagerly, delayed, closed when refused, else ready. */
export function insertTasks(w: Writing, tasks: readonly NewTask[], boot: number, seqOf?: ReadonlyMap<number, number>): void {
  if (tasks.length === 0) return;
  const task: Value[] = [];
  const ready: Value[] = [];
  const delayed: Value[] = [];
  const running: Value[] = [];
  const outcome: Value[] = [];
  for (const [index, t] of tasks.entries()) {
    if (t.idempotency && taken(w, index, t)) continue;
    task.push(
      t.id,
      t.namespace,
      t.run,
      t.parent,
      t.act,
      t.key,
      t.inputHash,
      t.askedAfter,
      t.secret,
      t.path,
      t.definition,
      t.lane,
      t.prio,
      t.pass,
      t.tenant,
      t.depth,
      t.detached ? 1 : t.shielded ? 2 : 0,
      t.input,
      t.options,
      t.createdAt,
    );
    if (t.origin) writeOrigin(w, t.id, t.origin);
    if (t.adopts !== null) {
      const end = adoptedEnd(w, t.adopts);
      const seq = seqOf?.get(t.id) ?? null;
      const code = outcomeCode(end.status);
      outcome.push(t.id, 0, code, 0, null, seq, null, w.now, end.value, end.ref, errorText(end.error), null, null, null, null);
      if (t.parent !== null) w.runs.settled(t.run, t.definition, t.id, end.status);
      else w.webhooks.finished(t.run, end.status, end.error);
      continue;
    }
    if (t.refused) {
      outcome.push(
        t.id,
        0,
        outcomeCode("failed"),
        0,
        null,
        seqOf?.get(t.id) ?? null,
        null,
        w.now,
        null,
        null,
        errorText(t.refused),
        null,
        null,
        null,
        null,
      );
      if (t.parent !== null) w.runs.settled(t.run, t.definition, t.id, "failed");
      else w.webhooks.finished(t.run, "failed", t.refused);
      continue;
    }
    if (t.terms !== null) writeTerms(w, t, t.terms);
    if (t.claim !== null) running.push(t.id, 1, 1, boot, t.claim, 1, 0, 0, w.now);
    else if (t.dueAt !== null) delayed.push(t.dueAt, t.id, t.lane, t.prio, t.pass, 0, 0, 0, 0);
    else ready.push(t.lane, t.prio, t.pass, t.id, 0, 0, 0, 0, w.now);
  }
  w.tables.task.insert(task);
  w.tables.running.insert(running);
  w.tables.ready.insert(ready);
  w.tables.delayed.insert(delayed);
  w.tables.outcome.insert(outcome);
}

function writeOrigin(w: Writing, run: number, o: Origin): void {
  w.sql.run("INSERT INTO origin (run, of_task, of_run, how) VALUES (?,?,?,?)", run, o.task, o.run, o.how);
}

/** True when another run has the key. */
function taken(w: Writing, index: number, t: NewTask): boolean {
  const { key, inputHash } = t.idempotency as { key: string; inputHash: string };
  const won = w.sql.run(
    "INSERT OR IGNORE INTO idempotency (namespace, definition, key, task, input_hash) VALUES (?,?,?,?,?)",
    t.namespace,
    t.definition,
    key,
    t.id,
    inputHash,
  );
  if (won === 1) return false;
  const owner = w.sql.row<{ task: number; input_hash: string; secret: string }>(
    // A key may outlive its run: then the run's secret is with the key.
    `SELECT i.task, i.input_hash, coalesce(t.secret, k.secret) AS secret FROM idempotency i LEFT JOIN task t ON t.id = i.task
     LEFT JOIN pruned_key k ON k.task = i.task WHERE i.namespace = ? AND i.definition = ? AND i.key = ? AND coalesce(t.secret, k.secret) IS NOT NULL`,
    t.namespace,
    t.definition,
    key,
  );
  // Two equal keys in one batch: the first one's task row is written only at the end of insertTasks.
  const sibling = owner
    ? undefined
    : w.sql.row<{ task: number; input_hash: string }>(
        "SELECT task, input_hash FROM idempotency WHERE namespace = ? AND definition = ? AND key = ?",
        t.namespace,
        t.definition,
        key,
      );
  w.existing.set(
    index,
    owner
      ? { task: owner.task, secret: owner.secret, inputHash: owner.input_hash }
      : { task: sibling?.task ?? t.id, secret: "", inputHash: sibling?.input_hash ?? "" },
  );
  return true;
}

/** Of a task that runs: rows in `ready` are found by the task's lane. */
export function pinTask(w: Writing, task: number, lane: number): void {
  w.sql.run("UPDATE task SET lane = ? WHERE id = ?", lane, task);
}

/** Moves tasks whose time has come from delayed to ready. */
export function promoteDue(w: Writing, limit: number): void {
  const rows = w.sql.rows<RawReady & { dueAt: number }>(
    "SELECT due_at AS dueAt, task, lane, prio, pass, lease_no AS leaseNo, attempt, crashes, alone, 0 AS since FROM delayed WHERE due_at <= ? ORDER BY due_at, task LIMIT ?",
    w.now,
    limit,
  );
  const flat: Value[] = [];
  for (const r of rows) {
    w.sql.run("DELETE FROM delayed WHERE due_at = ? AND task = ?", r.dueAt, r.task);
    flat.push(r.lane, r.prio, r.pass, r.task, r.leaseNo, r.attempt, r.crashes, r.alone as number, w.now);
    w.due.push(readyRow({ ...r, since: w.now }));
  }
  w.tables.ready.insert(flat);
}

/** When the next delayed task, wait, deadline or ttl is due. */
export function nextDue(sql: Statements): number | null {
  const row = sql.row<{ at: number | null }>(
    `SELECT min(at) AS at FROM (SELECT (SELECT due_at FROM delayed ORDER BY due_at LIMIT 1) AS at UNION ALL
     SELECT (SELECT due_at FROM wait WHERE ended_at IS NULL AND due_at IS NOT NULL ORDER BY due_at, task, act LIMIT 1) UNION ALL
     SELECT (SELECT at FROM expiry ORDER BY at LIMIT 1))`,
  );
  return row?.at ?? null;
}
