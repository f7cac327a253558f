import { bounds } from "../../core/bounds.ts";
import type { ActBatch, NewMessage } from "../contract.ts";
import { endWait } from "./waits.ts";
import type { Writing } from "./writing.ts";

/** Messages from outside. */
export function writeMessages(w: Writing, messages: readonly NewMessage[]): void {
  for (const [index, m] of messages.entries()) {
    const refused = post(w, m);
    if (refused) w.unsent.set(index, refused);
  }
}

/** Messages that running code sends. What cannot be taken is dropped: the sender does not wait to hear of it. */
export function writeSends(w: Writing, batch: ActBatch): void {
  const { task } = batch.lease;
  for (const s of batch.sends) {
    w.sql.run(
      "INSERT INTO sent (task, act, key, input_hash, asked_after) VALUES (?,?,?,?,?)",
      task,
      s.act,
      s.key,
      s.inputHash,
      s.askedAfter,
    );
    const to = receiver(w, task, s.to);
    if (to !== undefined) post(w, { task: to, name: s.name, value: s.value, key: null });
  }
}

function receiver(w: Writing, sender: number, to: ActBatch["sends"][number]["to"]): number | undefined {
  if (to === null) return undefined;
  if ("task" in to) return to.task;
  return w.sql.row<{ id: number }>("SELECT id FROM task WHERE parent = ? AND act = ?", sender, to.act)?.id;
}

/** To the oldest wait for it, else into the task's box. */
function post(w: Writing, m: NewMessage): "ended" | "full" | "duplicate" | undefined {
  // Also what never was has ended: ids are given in order, and a later task must not find the message in its box.
  if (!w.sql.row("SELECT 1 FROM task WHERE id = ? AND NOT EXISTS (SELECT 1 FROM outcome WHERE task = ?)", m.task, m.task))
    return "ended";
  if (m.key !== null && w.sql.row("SELECT 1 FROM message WHERE task = ? AND key = ?", m.task, m.key)) return "duplicate";
  const open = w.sql.row<{ act: number }>(
    "SELECT act FROM wait WHERE task = ? AND name = ? AND kind = 2 AND ended_at IS NULL ORDER BY act LIMIT 1",
    m.task,
    m.name,
  );
  if (!open) {
    const waiting = w.sql.row<{ n: number }>("SELECT count(*) AS n FROM message WHERE task = ? AND act IS NULL", m.task);
    if ((waiting?.n ?? 0) >= bounds.messagesPerTask) return "full";
    w.sql.run("INSERT INTO message (task, name, value, at, key) VALUES (?,?,?,?,?)", m.task, m.name, m.value, w.now, m.key);
    return undefined;
  }
  if (m.key !== null)
    w.sql.run(
      "INSERT INTO message (task, name, value, at, key, act) VALUES (?,?,'',?,?,?)",
      m.task,
      m.name,
      w.now,
      m.key,
      open.act,
    );
  endWait(w, m.task, open.act, { status: "succeeded", value: m.value, error: null });
  return undefined;
}
