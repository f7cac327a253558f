import type { Notice } from "../../../src/store/shared.ts";
import { count, type Rows } from "./disk.ts";
import type { Writing } from "./writing.ts";

type Said<N> = N extends Notice ? Omit<N, "id"> : never;

/** Another life holds the task: it is told of what this commit means for it. */
export function noticeHolder(w: Writing, task: number, said: Said<Notice>): void {
  const place = w.rows.places.get(task);
  if (place?.in === "running" && place.boot !== w.boot) noticeLife(w.rows, place.boot, said);
}

/** One that has ended reads nothing any more. */
export function noticeLife(rows: Rows, to: number, said: Said<Notice>): void {
  if (rows.alive.has(to)) rows.notices.push({ to, notice: { id: count(rows, "notice"), ...said } });
}
