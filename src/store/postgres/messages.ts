import { bounds } from "../../core/bounds.ts";
import type { ActBatch, NewMessage } from "../contract.ts";
import { endWait } from "./waits.ts";
import type { Writing } from "./writing.ts";

/** Messages from outside. */
export async function writeMessages(w: Writing, messages: readonly NewMessage[]): Promise<void> {
  for (const [index, m] of messages.entries()) {
    const refused = await post(w, m);
    if (refused) w.unsent.set(index, refused);
  }
}

/** Messages that running code sends. What cannot be taken is dropped: the sender does not wait to hear of it. */
export async function writeSends(w: Writing, batch: ActBatch): Promise<void> {
  const { task } = batch.lease;
  for (const s of batch.sends) {
    w.tx.later("INSERT INTO sent (task, act, key, input_hash, asked_after) VALUES ($1, $2, $3, $4, $5)", [
      task,
      s.act,
      s.key,
      s.inputHash,
      s.askedAfter,
    ]);
    const to = await receiver(w, task, s.to);
    if (to !== undefined) await post(w, { task: to, name: s.name, value: s.value, key: null });
  }
}

async function receiver(w: Writing, sender: number, to: ActBatch["sends"][number]["to"]): Promise<number | undefined> {
  if (to === null) return undefined;
  if ("task" in to) return to.task;
  return (await w.tx.row<{ id: number }>("SELECT id FROM task WHERE parent = $1 AND act = $2", [sender, to.act]))?.id;
}

/** To the oldest wait for it, else into the task's box. */
async function post(w: Writing, m: NewMessage): Promise<"ended" | "full" | "duplicate" | undefined> {
  // Also what never was has ended: ids are given in order, and a later task must not find the message in its box.
  const box = await w.tx.row<{ run: number; duplicate: boolean; act: number | null; waiting: number }>(
    `SELECT t.run, EXISTS (SELECT 1 FROM message WHERE task = t.id AND key = $2) AS duplicate,
       (SELECT act FROM wait WHERE task = t.id AND name = $3 AND kind = 2 AND ended_at IS NULL ORDER BY act LIMIT 1) AS act,
       (SELECT count(*) FROM message WHERE task = t.id AND act IS NULL) AS waiting
     FROM task t WHERE t.id = $1 AND NOT EXISTS (SELECT 1 FROM outcome o WHERE o.task = t.id)`,
    [m.task, m.key, m.name],
  );
  // One that was not there yet when the runs were looked for is not there.
  if (!box || !w.locked.has(box.run)) return "ended";
  if (box.duplicate) return "duplicate";
  if (box.act === null && box.waiting >= bounds.messagesPerTask) return "full";
  // A key stays when its message is taken at once.
  if (box.act === null || m.key !== null)
    w.tx.later(
      "INSERT INTO message (task, id, name, value, at, key, act) VALUES ($1, nextval('message_id'), $2, $3, $4, $5, $6)",
      [m.task, m.name, box.act === null ? m.value : "", w.now, m.key, box.act],
    );
  if (box.act !== null) await endWait(w, m.task, box.act, { status: "succeeded", value: m.value, error: null });
  return undefined;
}
