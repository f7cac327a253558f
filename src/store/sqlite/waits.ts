import { FlotillaError, type ErrorJson } from "../../core/error.ts";
import { outcomeCode } from "../../core/task.ts";
import { waitKinds, type ActBatch, type Adopted, type Answer, type WaitKind } from "../contract.ts";
import { giveBack, takeSeqs } from "./gates.ts";
import { errorText } from "./rows.ts";
import type { Writing } from "./writing.ts";

/** Begins waits. One for a message that has arrived before ends at once. */
export function writeWaits(w: Writing, batch: ActBatch): void {
  const { task } = batch.lease;
  for (const a of batch.waits) {
    w.tables.wait.insert([
      task,
      a.act,
      waitKinds.indexOf(a.kind),
      a.key,
      a.inputHash,
      a.askedAfter,
      a.name,
      a.detail,
      w.now,
      a.dueAt,
    ]);
    if (a.kind === "approval" && !a.adopts) {
      w.runs.event(batch.run, 3, task, a.act);
      w.webhooks.asked(batch.run, task, a);
    }
  }
  for (const a of batch.waits) if (a.adopts) adoptWait(w, task, a.act, a.adopts);
  for (const a of batch.waits) {
    if (a.kind !== "message" || a.adopts) continue;
    const message = w.sql.row<{ id: number; value: string; key: string | null }>(
      "SELECT id, value, key FROM message WHERE task = ? AND name = ? AND act IS NULL ORDER BY id LIMIT 1",
      task,
      a.name,
    );
    if (!message) continue;
    if (message.key === null) w.sql.run("DELETE FROM message WHERE id = ?", message.id);
    else w.sql.run("UPDATE message SET act = ?, value = '' WHERE id = ?", a.act, message.id);
    endWait(w, task, a.act, { status: "succeeded", value: message.value, error: null });
  }
}

/** What came of a wait. @returns false when it had ended, or its task has. */
export function endWait(
  w: Writing,
  task: number,
  act: number,
  end: { status: "succeeded" | "failed" | "canceled"; value: string | null; error: ErrorJson | null },
): boolean {
  if (
    w.sql.run(
      "UPDATE wait SET ended_at = ?, status = ?, value = ?, error = ? WHERE task = ? AND act = ? AND ended_at IS NULL",
      w.now,
      outcomeCode(end.status),
      end.value,
      errorText(end.error),
      task,
      act,
    ) === 0
  )
    return false;
  w.sql.run("UPDATE gate SET waits = waits - 1 WHERE task = ?", task);
  const seq = takeSeqs(w, task, 1);
  if (seq === null) return false;
  w.sql.run("UPDATE wait SET seq = ? WHERE task = ? AND act = ?", seq, task, act);
  w.deliveries.push({ parent: task, seq, act, ...end, ref: null, at: w.now });
  return true;
}

/** A wait whose code does not wait any more. */
export function cancelWait(w: Writing, task: number, act: number, reason: string): void {
  const error = new FlotillaError("FLOTILLA_CANCELED", { by: reason }).toJSON();
  if (endWait(w, task, act, { status: "canceled", value: null, error })) return;
  // Its message came first. The code has left it, so it is the next wait's.
  const taken = w.sql.row<{ name: string; value: string }>(
    "UPDATE wait SET given_back = 1 WHERE task = ? AND act = ? AND kind = 2 AND status = 0 AND given_back = 0 RETURNING name, value",
    task,
    act,
  );
  if (taken) repost(w, task, taken);
}

/** To the oldest open wait for it, else to the front of the box: it came before all that lie there. */
function repost(w: Writing, task: number, m: { name: string; value: string }): void {
  const open = w.sql.row<{ act: number }>(
    "SELECT act FROM wait WHERE task = ? AND name = ? AND kind = 2 AND ended_at IS NULL ORDER BY act LIMIT 1",
    task,
    m.name,
  );
  if (open) endWait(w, task, open.act, { status: "succeeded", value: m.value, error: null });
  else giveBack(w, task, m);
}

interface DueWait {
  task: number;
  act: number;
  kind: number;
  name: string | null;
  detail: string | null;
}

/** Timers end, other waits expire: the earliest first. */
export function endDueWaits(w: Writing, limit: number): void {
  const due = w.sql.rows<DueWait>(
    "SELECT task, act, kind, name, detail FROM wait WHERE ended_at IS NULL AND due_at <= ? ORDER BY due_at, task, act LIMIT ?",
    w.now,
    limit,
  );
  for (const row of due) endWait(w, row.task, row.act, expiry(row));
}

function expiry(row: DueWait): Parameters<typeof endWait>[3] {
  const kind = waitKinds[row.kind] as WaitKind;
  if (kind === "timer") return { status: "succeeded", value: "null", error: null };
  if (kind === "message") {
    const error = new FlotillaError("FLOTILLA_TIMEOUT", { after: "waitFor" }, { where: `ctx.waitFor(${row.name})` }).toJSON();
    return { status: "failed", value: null, error };
  }
  return (JSON.parse(row.detail ?? "{}") as { expiry: Parameters<typeof endWait>[3] }).expiry;
}

/** The first answer of an approval counts. */
export function writeAnswers(w: Writing, answers: readonly Answer[]): void {
  for (const [index, a] of answers.entries()) {
    const open = w.sql.row("SELECT 1 FROM wait WHERE task = ? AND act = ? AND kind = 3 AND ended_at IS NULL", a.task, a.act);
    const status = a.error ? "failed" : "succeeded";
    if (!open || !endWait(w, a.task, a.act, { status, value: a.value, error: a.error })) w.unanswered.add(index);
  }
}

/** It ends as that one of an earlier run has ended. */
function adoptWait(w: Writing, task: number, act: number, from: Adopted): void {
  const row = w.sql.row<{ value: string | null }>(
    "SELECT value FROM wait WHERE task = ? AND act = ? AND ended_at IS NOT NULL AND error IS NULL",
    from.task,
    from.act,
  );
  if (!row) throw new Error(`wait ${from.act} of task ${from.task} is to be taken over and has not succeeded`);
  endWait(w, task, act, { status: "succeeded", value: row.value, error: null });
}
