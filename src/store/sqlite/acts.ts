import type { ActBatch, StoredDelivery } from "../contract.ts";
import type { Writing } from "./writing.ts";
import { closeChild } from "./cancels.ts";
import { park, takeSeqs } from "./gates.ts";
import { writeSends } from "./messages.ts";
import { errorText } from "./rows.ts";
import type { Value } from "./statements.ts";
import { adoptedEnd, adoptStep } from "./adopt.ts";
import { insertTasks, pinTask } from "./tasks.ts";
import { writeWaits } from "./waits.ts";

/** What running code asked for: children, steps, emits, and that it waits. An attempt that lost its lease changes nothing. */
export function writeActs(w: Writing, batches: readonly ActBatch[]): void {
  for (const batch of batches) {
    const { task, leaseNo } = batch.lease;
    if (!w.sql.row("SELECT 1 FROM running WHERE task = ? AND lease_no = ?", task, leaseNo)) {
      w.fencedActs.push(batch.lease);
      continue;
    }
    if (batch.pin !== undefined) pinTask(w, task, batch.pin);
    writeGate(w, batch);
    writeChildren(w, batch);
    writeSteps(w, batch);
    writeEmits(w, batch);
    if (batch.waits.length > 0) writeWaits(w, batch);
    if (batch.sends.length > 0) writeSends(w, batch);
    for (const c of batch.cancels) closeChild(w, task, c.act, c.reason);
    if (batch.park) parkRunning(w, batch);
  }
}

function parkRunning(w: Writing, batch: ActBatch): void {
  const { task, leaseNo } = batch.lease;
  const running = w.sql.row<{ attempt: number; crashes: number }>(
    "SELECT attempt, crashes FROM running WHERE task = ? AND lease_no = ?",
    task,
    leaseNo,
  ) as { attempt: number; crashes: number };
  // Not an attempt's end: when it comes back it is the same one, under a new lease.
  if (!park(w, { task, leaseNo, attempt: running.attempt - 1, crashes: running.crashes })) return;
  w.sql.run("DELETE FROM running WHERE task = ? AND lease_no = ?", task, leaseNo);
  w.parked.push(task);
}

function writeGate(w: Writing, batch: ActBatch): void {
  let remaining = 0;
  for (const child of batch.children) if (!child.detached && !child.refused && child.adopts === null) remaining += 1;
  w.sql.run(
    `INSERT INTO gate (task, remaining, acts, last_seq, armed, started_at, waits, unwinds) VALUES (?,?,?,0,?,?,?,?) ON CONFLICT (task) DO UPDATE SET
     remaining = remaining + excluded.remaining, acts = max(acts, excluded.acts), waits = waits + excluded.waits,
     armed = CASE WHEN last_seq <= ? THEN excluded.armed ELSE 0 END`,
    batch.lease.task,
    remaining,
    batch.lastAct,
    batch.armed ? 1 : 0,
    batch.startedAt,
    batch.waits.length,
    batch.unwinds ? 1 : 0,
    // What settled for it earlier in this batch its worker cannot have seen.
    batch.seen,
  );
}

function writeChildren(w: Writing, batch: ActBatch): void {
  if (batch.children.length === 0) return;
  // Those that have ended before they began: refused, or taken over from an earlier run.
  const ended = batch.children.filter((c) => (c.refused || c.adopts !== null) && !c.detached);
  const seqOf = new Map<number, number>();
  if (ended.length > 0) {
    let seq = takeSeqs(w, batch.lease.task, ended.length) as number;
    for (const c of ended) {
      seqOf.set(c.id, seq);
      const end = c.refused ? { status: "failed" as const, value: null, ref: null, error: c.refused } : adoptedEnd(w, c.adopts);
      w.deliveries.push({ parent: batch.lease.task, seq: seq++, act: c.act as number, ...end, at: w.now });
    }
  }
  w.sql.run("INSERT OR IGNORE INTO run (id) VALUES (?)", batch.run);
  for (const child of batch.children) w.runs.count(batch.run, child.definition, "total");
  insertTasks(w, batch.children, w.boot, seqOf);
}

function writeSteps(w: Writing, batch: ActBatch): void {
  const { task, leaseNo } = batch.lease;
  const flat: Value[] = [];
  for (const s of batch.steps) flat.push(task, s.act, s.key, s.askedAfter, leaseNo, w.now);
  w.tables.step.insert(flat);
  for (const s of batch.steps) if (s.adopts) adoptStep(w, task, s.act, s.adopts);
  for (const r of batch.stepResults) {
    // The first result counts: a second one would take a place in an order that its reader has gone past.
    if (!w.sql.row("SELECT 1 FROM step WHERE task = ? AND act = ? AND seq IS NULL", task, r.act)) continue;
    const seq = takeSeqs(w, task, 1) as number;
    w.sql.run(
      "UPDATE step SET seq = ?, ended_at = ?, value = ?, ref = ?, error = ? WHERE task = ? AND act = ?",
      seq,
      w.now,
      r.value,
      r.ref,
      errorText(r.error),
      task,
      r.act,
    );
    const delivery: StoredDelivery = {
      parent: task,
      seq,
      act: r.act,
      status: r.error ? "failed" : "succeeded",
      value: r.value,
      ref: r.ref,
      error: r.error,
      at: w.now,
    };
    w.deliveries.push(delivery);
  }
}

function writeEmits(w: Writing, batch: ActBatch): void {
  const { task } = batch.lease;
  const flat: Value[] = [];
  for (const e of batch.emits) {
    flat.push(task, e.act, e.key, e.askedAfter, e.name, e.value, w.now);
    w.runs.event(batch.run, 2, task, e.act);
  }
  w.tables.emit.insert(flat);
}
