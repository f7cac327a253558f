import { bounds } from "../../../src/core/bounds.ts";
import type { ActBatch, NewMessage } from "../../../src/store/contract.ts";
import { add, childrenOf, name } from "./disk.ts";
import { endWait } from "./waits.ts";
import type { Writing } from "./writing.ts";

/** Messages from outside. */
export function writeMessages(w: Writing, messages: readonly NewMessage[]): void {
  for (const [index, m] of messages.entries()) {
    const refused = post(w, m);
    if (refused) w.unsent.set(index, refused);
  }
}

/** Messages that running code sends. One that cannot be taken is dropped. */
export function writeSends(w: Writing, b: ActBatch): void {
  const { task } = b.lease;
  for (const { act, key, inputHash, askedAfter, to, name: what, value } of b.sends) {
    add(w.rows.sent, name(task, act), { task, act, key, inputHash, askedAfter });
    if (to === null) continue;
    const receiver = "task" in to ? to.task : childrenOf(w.rows, task).find((c) => c.row.act === to.act)?.row.id;
    if (receiver !== undefined) post(w, { task: receiver, name: what, value, key: null });
  }
}

/** To the oldest wait for it, else into the task's box. */
function post(w: Writing, m: NewMessage): "ended" | "full" | "duplicate" | undefined {
  const { task, name: what, value, key } = m;
  const place = w.rows.places.get(task);
  if (!place || place.in === "outcome") return "ended";
  const mine = w.rows.messages.filter((x) => x.task === task);
  if (key !== null && mine.some((x) => x.key === key)) return "duplicate";
  const [oldest] = [...w.rows.waits.values()]
    .filter((x) => x.task === task && x.kind === "message" && x.name === what && x.endedAt === null)
    .toSorted((a, b) => a.act - b.act);
  if (!oldest && mine.filter((x) => !x.taken).length >= bounds.messagesPerTask) return "full";
  w.rows.messages.push({ task, name: what, value, key, taken: oldest !== undefined });
  if (oldest) endWait(w, task, oldest.act, { status: "succeeded", value, error: null });
  return undefined;
}

/** The oldest message of that name that nobody has taken. */
export function takeMessage(w: Writing, task: number, what: string | null): string | undefined {
  const at = w.rows.messages.findIndex((m) => m.task === task && m.name === what && !m.taken);
  const message = w.rows.messages[at];
  if (message) w.rows.messages[at] = { ...message, taken: true };
  return message?.value;
}
