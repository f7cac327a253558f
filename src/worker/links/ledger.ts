// What a worker across a socket has of each attempt until an orchestrator has stored it: when the one that knew it is
// gone, another can adopt the attempt, and is told again what was not committed. Pure: it sees the messages of both
// directions go by, and knows neither a socket nor an attempt's code.
import type { Act, Assignment, Fence, FromWorker, HeldAttempt, Settle, ToWorker } from "../../protocol/worker.ts";

interface Entry {
  /** The fence that the worker's code knows it by: it learns of no later one. */
  readonly own: Fence;
  /** The one that counts. */
  fence: Fence;
  readonly definition: string;
  /** The highest act asked. */
  asked: number;
  /** The highest seq received. */
  seq: number;
  /** Told and not known to be committed, in order. */
  acts: Act[];
  /** The last wait, if nothing was said after it: an idle attempt has to be known as idle. */
  waits: Act | undefined;
  /** Artifacts asked for and not answered. */
  readonly requests: Map<number, Extract<FromWorker, { t: "put" | "get" }>>;
  end: Settle | undefined;
  /** Offered for adoption, and not answered: what it says meanwhile is kept, and told when it is. */
  asking: boolean;
}

export class Ledger {
  /** By its own fence, and by the one that counts. */
  readonly #entries = new Map<string, Entry>();

  /** What to put into an inventory. Until each is answered, nothing is sent for it. */
  offer(): HeldAttempt[] {
    const held: HeldAttempt[] = [];
    for (const entry of new Set(this.#entries.values())) {
      entry.asking = true;
      const { fence, definition, asked: acts, seq, end } = entry;
      held.push({ fence, definition, acts, seq, finished: end !== undefined });
    }
    return held;
  }

  /** Attempts that have not ended, by the fence that their code knows. */
  running(): Fence[] {
    return [...new Set(this.#entries.values())].filter((entry) => entry.end === undefined).map((entry) => entry.own);
  }

  /** @returns the message as it is to be sent, or nothing when it waits for an answer. */
  sent(m: FromWorker): FromWorker | undefined {
    if (!("fence" in m)) return m;
    const entry = this.#entries.get(name(m.fence));
    if (!entry) return m;
    const told = entry.fence === entry.own ? m : { ...m, fence: entry.fence };
    switch (told.t) {
      case "acts":
        for (const act of told.acts) note(entry, act);
        break;
      case "settle":
        entry.end = told;
        break;
      case "put":
      case "get":
        entry.requests.set(told.request, told);
        break;
      case "ended":
        this.#forget(entry);
        break;
      default:
        break;
    }
    return entry.asking ? undefined : told;
  }

  /** What an orchestrator says: what the worker's code is to hear of it, and what has to be told again. */
  received(m: ToWorker): { readonly heard: ToWorker | undefined; readonly again: readonly FromWorker[] } {
    if (m.t === "assign") for (const task of m.tasks) this.#begin(task);
    if (!("fence" in m)) return { heard: m, again: [] };
    const entry = this.#entries.get(name(m.fence));
    if (m.t === "adopted") {
      // Its code was stopped before the answer came.
      if (!entry) return { heard: undefined, again: [{ t: "ended", fence: m.next }] };
      return { heard: undefined, again: this.#adopt(entry, m.next, m.acts) };
    }
    if (!entry) return { heard: m, again: [] };
    this.#note(entry, m);
    return { heard: entry.fence === entry.own ? m : { ...m, fence: entry.own }, again: [] };
  }

  #begin({ fence, definition, acts: asked, baseSeq, deliveries }: Assignment): void {
    const seq = deliveries.at(-1)?.seq ?? baseSeq ?? 0;
    const fresh = { acts: [], waits: undefined, requests: new Map(), end: undefined, asking: false };
    this.#entries.set(name(fence), { own: fence, fence, definition, asked, seq, ...fresh });
  }

  #note(entry: Entry, m: Extract<ToWorker, { fence: Fence }>): void {
    switch (m.t) {
      case "ack":
        return committed(entry, (act) => isAsk(act) && act.act <= m.act);
      case "deliver":
        for (const d of m.deliveries) {
          entry.seq = Math.max(entry.seq, d.seq);
          committed(entry, (act) => act.kind !== "wait" && act.kind !== "cancel" && act.act === d.act);
          if (entry.acts.length > 0) entry.acts = entry.acts.filter((act) => act.kind !== "cancel" || act.act !== d.act);
        }
        return;
      case "reply":
        entry.requests.delete(m.request);
        return;
      case "settled":
      case "parked":
        return this.#forget(entry);
      case "cancel":
        // Its code is told; if that has ended already, nothing more will be said of it.
        entry.asking = false;
        if (entry.end) this.#forget(entry);
        return;
      default:
        return;
    }
  }

  #adopt(entry: Entry, next: Fence, acts: number): FromWorker[] {
    // Adopted twice, only the last one counts.
    if (entry.fence !== entry.own) this.#entries.delete(name(entry.fence));
    entry.fence = next;
    entry.asking = false;
    this.#entries.set(name(next), entry);
    entry.acts = entry.acts.filter((act) => !isAsk(act) || act.act > acts);
    const again: FromWorker[] = [];
    const told = entry.waits && !entry.acts.includes(entry.waits) ? [...entry.acts, entry.waits] : entry.acts;
    if (told.length > 0) again.push({ t: "acts", fence: next, acts: [...told] });
    for (const [request, m] of entry.requests) {
      const asked = { ...m, fence: next };
      entry.requests.set(request, asked);
      again.push(asked);
    }
    if (entry.end) again.push((entry.end = { ...entry.end, fence: next }));
    return again;
  }

  #forget(entry: Entry): void {
    this.#entries.delete(name(entry.own));
    this.#entries.delete(name(entry.fence));
  }
}

function note(entry: Entry, act: Act): void {
  entry.waits = act.kind === "wait" ? act : undefined;
  // Of a wait only the last one says anything.
  if (entry.acts.at(-1)?.kind === "wait") entry.acts.pop();
  entry.acts.push(act);
  if (isAsk(act)) entry.asked = Math.max(entry.asked, act.act);
}

/** Acts with a number of their own: those that a journal holds. */
function isAsk(act: Act): act is Exclude<Act, { kind: "wait" | "cancel" | "step-result" }> {
  return act.kind !== "wait" && act.kind !== "cancel" && act.kind !== "step-result";
}

/** Acts are committed in the order in which they were told: what `proves` names is, and all before it. */
function committed(entry: Entry, proves: (act: Act) => boolean): void {
  const last = entry.acts.findLastIndex(proves);
  if (last >= 0) entry.acts = entry.acts.slice(last + 1);
}

function name({ task, boot, leaseNo }: Fence): string {
  return `${task}.${boot}.${leaseNo}`;
}
