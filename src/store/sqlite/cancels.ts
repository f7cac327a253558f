import { FlotillaError } from "../../core/error.ts";
import { outcomeCode } from "../../core/task.ts";
import type { CancelRequest, Closed } from "../contract.ts";
import type { Writing } from "./writing.ts";
import { errorText } from "./rows.ts";
import { cancelChildren, closeGate, takeChildSeqs, unpark, waking, wasParked } from "./gates.ts";
import { cancelWait } from "./waits.ts";
import { dropExpiries } from "./terms.ts";

export interface Target {
  id: number;
  run: number;
  parent: number | null;
  act: number | null;
  definition: number;
  lane: number;
  prio: number;
  pass: number;
  detached: number;
}
export const targetColumns = "id, run, parent, act, definition, lane, prio, pass, detached";

/** Closes what was asked for, then goes on with the jobs that close the trees below. @returns true while jobs are left. */
export function writeCancels(w: Writing, requests: readonly CancelRequest[], slice: number): boolean {
  for (const { task, reason, once } of requests) {
    const target = w.sql.row<Target>(`SELECT ${targetColumns} FROM task WHERE id = ?`, task);
    if (target) cancelTask(w, target, reason, once !== true);
  }
  let left = slice;
  while (left > 0) {
    const job = w.sql.row<{ task: number; after_act: number; reason: string; upto: number | null; shielded: number }>(
      "SELECT task, after_act, reason, upto, shielded FROM cancel_job ORDER BY task LIMIT 1",
    );
    if (!job) return false;
    const children = w.sql.rows<Target>(
      `SELECT ${targetColumns} FROM task WHERE parent = ? AND act > ? AND act <= ? ORDER BY act LIMIT ?`,
      job.task,
      job.after_act,
      job.upto ?? Number.MAX_SAFE_INTEGER,
      left,
    );
    for (const child of children)
      if (child.detached === plain || (child.detached === shielded && job.shielded > 0))
        cancelTask(w, child, job.reason, job.shielded === forced);
    if (children.length < left) w.sql.run("DELETE FROM cancel_job WHERE task = ?", job.task);
    else w.sql.run("UPDATE cancel_job SET after_act = ? WHERE task = ?", (children.at(-1) as Target).act, job.task);
    left -= Math.max(children.length, 1);
  }
  return w.sql.row("SELECT 1 FROM cancel_job LIMIT 1") !== undefined;
}

/** A parent's code stops a child of its own: however often it says so, the child is told once. */
export function closeChild(w: Writing, parent: number, act: number, reason: string): void {
  const target = w.sql.row<Target>(`SELECT ${targetColumns} FROM task WHERE parent = ? AND act = ?`, parent, act);
  if (target) cancelTask(w, target, reason, false);
  else cancelWait(w, parent, act, reason);
}

/** `task.detached` */
const plain = 0;
const shielded = 2;
/** `cancel_job.shielded` */
const forced = 2;

/**
 * A workflow that has begun is told, and ends by itself; anything else is closed. `force`: who was told before is closed
 * as well. Without it the end of a parent, which comes soon after its cancel, would cut off what its children undo.
 */
function cancelTask(w: Writing, t: Target, reason: string, force: boolean): void {
  if (w.sql.row("SELECT 1 FROM held WHERE task = ?", t.id)) return closeTask(w, t, canceled(reason), force);
  const gate = w.sql.row<{ cancel_seq: number; armed: number; acts: number; remaining: number }>(
    `UPDATE gate SET last_seq = last_seq + 1, cancel_seq = last_seq + 1, cancel_reason = ?, cancel_at = ?, armed = ${waking}
     WHERE task = ? AND unwinds = 1 AND cancel_seq IS NULL RETURNING cancel_seq, armed, acts, remaining`,
    reason,
    w.now,
    t.id,
  );
  if (!gate) {
    if (!force && w.sql.row("SELECT 1 FROM gate WHERE task = ? AND cancel_seq IS NOT NULL", t.id)) return;
    return closeTask(w, t, canceled(reason), force);
  }
  if (gate.armed === wasParked) unpark(w, t.id);
  if (gate.remaining > 0) cancelChildren(w, t.id, { upto: gate.acts, shielded: false, force: false, reason });
  const { error } = canceled(reason);
  w.deliveries.push({
    parent: t.id,
    seq: gate.cancel_seq,
    act: 0,
    status: "canceled",
    value: null,
    ref: null,
    error,
    at: w.now,
  });
}

/** How a task is closed from outside. `reason` is what the code that still runs and the tasks below are told. */
type Closing = Pick<Closed, "status" | "error" | "reason">;

function canceled(reason: string): Closing {
  return { status: "canceled", error: new FlotillaError("FLOTILLA_CANCELED", { by: reason }).toJSON(), reason };
}

/** Takes the task from wherever it is. One that has an outcome already keeps it; by force, what unwinds below it is closed. */
export function closeTask(w: Writing, t: Target, { status, error, reason }: Closing, force: boolean): void {
  const place = takeAway(w, t);
  if (!place) {
    if (force) cancelChildren(w, t.id, { upto: null, shielded: true, force, reason });
    return;
  }
  if (t.parent === null) dropExpiries(w, t.id);
  const seq = t.parent !== null && t.detached !== 1 ? (takeChildSeqs(w, t.parent, [t.act as number])[0] ?? null) : null;
  if (seq !== null) {
    w.deliveries.push({
      parent: t.parent as number,
      seq,
      act: t.act as number,
      status,
      value: null,
      ref: null,
      error,
      at: w.now,
    });
  }
  w.tables.outcome.insert([
    t.id,
    place.leaseNo,
    outcomeCode(status),
    place.attempt,
    place.worker,
    seq,
    place.startedAt,
    w.now,
    null,
    null,
    errorText(error),
    null,
    null,
    null,
    null,
  ]);
  closeGate(w, t.id, reason, force);
  if (t.parent !== null) w.runs.settled(t.run, t.definition, t.id, status);
  else w.webhooks.finished(t.run, status, error);
  w.closed.push({
    task: t.id,
    run: t.run,
    parent: t.parent,
    definition: t.definition,
    leaseNo: place.leaseNo,
    status,
    error,
    reason,
    was: place.was,
    lane: t.lane,
  });
}

interface Place {
  readonly was: Closed["was"];
  readonly leaseNo: number;
  readonly attempt: number;
  readonly worker: number | null;
  readonly startedAt: number | null;
}

function takeAway(w: Writing, t: Target): Place | undefined {
  const running = w.sql.row<{ lease_no: number; attempt: number; worker: number; claimed_at: number }>(
    "DELETE FROM running WHERE task = ? RETURNING lease_no, attempt, worker, claimed_at",
    t.id,
  );
  if (running)
    return {
      was: "running",
      leaseNo: running.lease_no,
      attempt: running.attempt,
      worker: running.worker,
      startedAt: running.claimed_at,
    };
  const queued = (
    was: Exclude<Closed["was"], "running">,
    row: { lease_no: number; attempt: number } | undefined,
  ): Place | undefined => row && { was, leaseNo: row.lease_no, attempt: row.attempt, worker: null, startedAt: null };
  return (
    queued(
      "ready",
      w.sql.row(
        "DELETE FROM ready WHERE lane = ? AND prio = ? AND pass = ? AND task = ? RETURNING lease_no, attempt",
        t.lane,
        t.prio,
        t.pass,
        t.id,
      ),
    ) ??
    queued("delayed", w.sql.row("DELETE FROM delayed WHERE task = ? RETURNING lease_no, attempt", t.id)) ??
    queued("held", w.sql.row("DELETE FROM held WHERE task = ? RETURNING lease_no, attempt", t.id)) ??
    queued("parked", w.sql.row("DELETE FROM parked WHERE task = ? RETURNING lease_no, attempt", t.id))
  );
}
