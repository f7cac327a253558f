// What had settled before an attempt began, in pages that its worker asks for: a journal of 100,000 results is never in
// one message, nor in memory at once.
import { FlotillaError } from "../core/error.ts";
import type { Delivery } from "../protocol/worker.ts";
import type { Journal, StoredDelivery } from "../store/contract.ts";
import type { Attempt, History } from "./attempt.ts";
import { inflate } from "./delivery.ts";
import type { Engine } from "./engine.ts";
import { untilRead } from "./patience.ts";
import type { State } from "./state.ts";

/** A page ends at so many rows, or when its values have so many characters: 500 rows of 64 KiB would be 32 MB. */
const pageRows = 500;
const pageChars = 4_194_304;

/** The acts of a journal by seq; a cancel has its place among them, as act 0. */
export function historyOf(journal: Journal): History | null {
  const from = journal.baseSeq + 1;
  const acts: number[] = Array.from({ length: journal.lastSeq - journal.baseSeq }, () => -1);
  for (const e of journal.entries) if (e.seq !== null) acts[e.seq - from] = e.act;
  if (journal.cancel) acts[journal.cancel.seq - from] = 0;
  return acts.length === 0 ? null : { from, acts, next: 0, asked: acts.length, cancel: journal.cancel };
}

/** What has settled after `seq`, for a worker that has the rest: all of it is sent without being asked. */
export function historyAfter(journal: Journal, seq: number): History | null {
  const whole = historyOf(journal);
  if (!whole) return null;
  const acts = whole.acts.slice(Math.max(0, seq + 1 - whole.from));
  return acts.length === 0 ? null : { ...whole, from: Math.max(whole.from, seq + 1), acts, asked: 0 };
}

/** The next page, loaded. The attempt's history ends with the last one. */
export async function nextPage(state: State, attempt: Attempt, history: History): Promise<Delivery[]> {
  const first = history.next;
  const acts = history.acts.slice(first, first + pageRows);
  const found = await state.store.tasks.settled({ task: attempt.fence.task, acts: acts.filter((act) => act > 0) });
  const page: Delivery[] = [];
  let chars = 0;
  for (const [i, act] of acts.entries()) {
    if (page.length > 0 && chars > pageChars) break;
    const stored = act === 0 ? canceled(attempt, history, history.from + first + i) : found.get(act);
    if (!stored) throw new Error(`act ${act} of ${attempt.publicId} has a place in its order and no outcome`);
    const d = await untilRead(state, () => inflate(state.artifacts, stored));
    chars += d.value?.length ?? 0;
    page.push(d);
  }
  history.next += page.length;
  attempt.sentSeq = history.from + history.next - 1;
  if (history.next >= history.acts.length) attempt.history = null;
  return page;
}

function canceled(attempt: Attempt, history: History, seq: number): StoredDelivery {
  const { reason, at } = history.cancel as NonNullable<Journal["cancel"]>;
  const error = new FlotillaError("FLOTILLA_CANCELED", { by: reason }).toJSON();
  return { parent: attempt.fence.task, seq, act: 0, status: "canceled", value: null, ref: null, error, at };
}

/** Sends the next page, behind what is being loaded; what has settled since the attempt began is sent without being asked. */
export function sendHistory(engine: Engine, attempt: Attempt): void {
  const before = attempt.outbox ?? Promise.resolve();
  const mine: Promise<void> = before.then(async () => {
    do {
      const { history } = attempt;
      if (!history || attempt.ended) break;
      const deliveries = await nextPage(engine.state, attempt, history);
      if (!attempt.ended) attempt.worker.link.send({ t: "deliver", fence: attempt.fence, deliveries });
    } while (attempt.history && attempt.history.next >= attempt.history.asked);
    if (attempt.outbox === mine) attempt.outbox = null;
  });
  attempt.outbox = mine;
  mine.catch((e: unknown) => engine.unreadable(attempt, e, { codeRuns: true }));
}

/** Settled while the worker still reads what settled before: it follows in its place. */
export function appendHistory(history: History, deliveries: readonly StoredDelivery[]): void {
  for (const d of deliveries) {
    if (d.seq !== history.from + history.acts.length) continue; // The journal was read after it settled.
    history.acts.push(d.act);
    if (d.act === 0) history.cancel = { reason: canceledBy(d), at: d.at };
  }
}

/** Why, as whoever canceled said it. */
export function canceledBy(d: StoredDelivery): string {
  return d.error ? String((d.error.details as { by?: unknown } | undefined)?.by ?? "") : "";
}
