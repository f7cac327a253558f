import type { EventView } from "../protocol/views.ts";
import type { OutcomeRow, StoredEvent } from "../store/contract.ts";
import type { State } from "./state.ts";
import { approvalId, childTaskId, rootTaskId, runId } from "../core/id.ts";
import type { TaskOptions } from "./attempt.ts";
import { scheduleOf } from "./queries.ts";

interface Subscriber {
  /** The last stored event that it has read. */
  cursor(): number;
  /** Stored events are read from the store by cursor; this only wakes the reader. */
  wake(): void;
  live(event: { readonly type: string; readonly data: unknown }): void;
}

const page = 200;
const liveMax = 1_000;

/** Who watches which run. Nothing is built for a run that nobody watches. */
export class EventHub {
  readonly #subscribers = new Map<number, Set<Subscriber>>();
  closed = false;

  /** Readers end, as if they had been told to. */
  close(): void {
    this.closed = true;
    for (const set of this.#subscribers.values()) for (const s of set) s.wake();
  }

  stored(events: readonly StoredEvent[]): void {
    if (this.#subscribers.size === 0) return;
    for (const run of new Set(events.map((e) => e.run))) for (const s of this.#subscribers.get(run) ?? []) s.wake();
  }
  finished(run: number): void {
    for (const s of this.#subscribers.get(run) ?? []) s.wake();
  }
  /** Runs that somebody follows, each with the cursor that the slowest of its readers has reached. */
  followed(): { id: number; cursor: number }[] {
    return [...this.#subscribers].map(([id, set]) => ({ id, cursor: Math.min(...[...set].map((s) => s.cursor())) }));
  }
  live(run: number, type: string, data: () => unknown): void {
    const subscribers = this.#subscribers.get(run);
    if (!subscribers) return;
    const event = { type, data: data() };
    for (const s of subscribers) s.live(event);
  }
  subscribe(run: number, s: Subscriber): () => void {
    const set = this.#subscribers.get(run) ?? new Set();
    set.add(s);
    this.#subscribers.set(run, set);
    return () => {
      set.delete(s);
      if (set.size === 0) this.#subscribers.delete(run);
    };
  }
}

/**
 * The events of a run: `run.started` at cursor 0, what was stored after it by cursor, `run.finished` last, with live ones
 * in between for whoever listens. A reader that comes back with its last cursor misses none of the stored ones.
 */
export async function* readEvents(
  state: State,
  hub: EventHub,
  run: { readonly id: number; readonly secret: string },
  o: { readonly after?: string; readonly types?: readonly string[]; readonly signal?: AbortSignal },
): AsyncGenerator<EventView> {
  const wants = (type: string) => o.types === undefined || o.types.includes(type);
  const reader = new RunReader(state, run);
  const live: { type: string; data: unknown }[] = [];
  let woken = true;
  let wake = () => {};
  let cursor = o.after === undefined ? -1 : Number(o.after);
  const unsubscribe = hub.subscribe(run.id, {
    cursor: () => cursor,
    wake: () => {
      woken = true;
      wake();
    },
    live: (event) => {
      // Lossy by design: a reader that is too slow keeps the latest.
      if (!wants(event.type)) return;
      if (live.length >= liveMax) live.shift();
      live.push(event);
      wake();
    },
  });
  const abort = () => wake();
  o.signal?.addEventListener("abort", abort);
  try {
    if (cursor < 0) {
      cursor = 0;
      if (wants("run.started")) yield await reader.started();
    }
    while (!o.signal?.aborted && !hub.closed) {
      woken = false;
      const outcome = await state.store.runs.outcome(run.id);
      for (;;) {
        const events = await state.store.events.after({ run: run.id, cursor, limit: page });
        for (const e of events) {
          cursor = e.cursor;
          const view = await reader.view(e);
          if (wants(view.type)) yield view;
        }
        if (events.length < page) break;
        // A long history must not hold up the loop: all awaits above are microtasks on SQLite.
        await new Promise<void>((resolve) => state.nextTurn(resolve));
      }
      while (live.length > 0) yield reader.wrap(live.shift() as { type: string; data: unknown }, cursor);
      if (wants("stage.progress"))
        for (const stage of await reader.stages()) yield reader.wrap({ type: "stage.progress", data: stage }, cursor);
      if (outcome) {
        if (wants("run.finished")) yield reader.finished(outcome, cursor);
        return;
      }
      if (!woken && live.length === 0 && !o.signal?.aborted && !hub.closed)
        await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    unsubscribe();
    o.signal?.removeEventListener("abort", abort);
  }
}

class RunReader {
  readonly #state: State;
  readonly #run: { readonly id: number; readonly secret: string };
  readonly #publicId: string;
  readonly #stages = new Map<number, string>();

  constructor(state: State, run: { readonly id: number; readonly secret: string }) {
    this.#state = state;
    this.#run = run;
    this.#publicId = runId(run.secret, run.id);
  }

  async started(): Promise<EventView> {
    const [task] = await this.#state.store.tasks.get([this.#run.id]);
    const schedule = scheduleOf(task?.options ? (JSON.parse(task.options) as TaskOptions) : null);
    return this.#event("run.started", 0, task?.createdAt ?? 0, {
      name: this.#state.definitions.byId(task?.definition ?? 0)?.name,
      ...(schedule && { schedule }),
    });
  }

  finished(outcome: OutcomeRow, cursor: number): EventView {
    const name = outcome.status === "quarantined" ? "failed" : outcome.status;
    return this.#event("run.finished", cursor, outcome.finishedAt, { outcome: name });
  }

  async view(e: StoredEvent): Promise<EventView> {
    const { store } = this.#state;
    const [task] = await store.tasks.get([e.task]);
    if (e.type === "approval") {
      const wait = await store.tasks.wait({ task: e.task, act: e.act as number });
      const { title } = JSON.parse(wait?.detail ?? "{}") as { title?: string };
      const approval = approvalId(this.#taskId(task?.path ?? null), e.act as number);
      return this.#event("approval.asked", e.cursor, wait?.begunAt ?? 0, { approval, title: title ?? "" });
    }
    if (e.type === "emit") {
      const emit = await store.events.emit({ task: e.task, act: e.act as number });
      return this.#event("custom", e.cursor, emit?.at ?? 0, {
        name: emit?.name,
        value: emit ? (JSON.parse(emit.value) as unknown) : null,
        task: task && this.#taskId(task.path),
      });
    }
    const outcome = await store.runs.outcome(e.task);
    const startedAt = outcome?.startedAt ?? outcome?.finishedAt ?? 0;
    return this.#event("task.settled", e.cursor, outcome?.finishedAt ?? 0, {
      task: this.#taskId(task?.path ?? null),
      agent: this.#state.definitions.byId(task?.definition ?? 0)?.name,
      status: outcome?.status,
      waitMs: Math.max(0, startedAt - (task?.createdAt ?? 0)),
      runMs: (outcome?.finishedAt ?? 0) - startedAt,
    });
  }

  /** The stages whose counts have changed since the last call. */
  async stages(): Promise<{ stage: string; done: number; total: number }[]> {
    const row = await this.#state.store.runs.get(this.#run.id);
    await this.#state.definitions.know({ definitions: row?.stages.map((s) => s.definition) ?? [] });
    const changed: { stage: string; done: number; total: number }[] = [];
    for (const s of row?.stages ?? []) {
      const done = s.succeeded + s.failed + s.canceled + s.quarantined;
      const mark = `${done}/${s.total}`;
      if (this.#stages.get(s.definition) === mark) continue;
      this.#stages.set(s.definition, mark);
      changed.push({ stage: this.#state.definitions.byId(s.definition).name, done, total: s.total });
    }
    return changed;
  }

  wrap(e: { readonly type: string; readonly data: unknown }, cursor: number): EventView {
    return this.#event(e.type, cursor, this.#state.clock.now(), e.data);
  }

  #taskId(path: string | null): string {
    const root = rootTaskId(this.#run.secret, this.#run.id);
    return path === null ? root : path.split(".").reduce((id, act) => childTaskId(id, Number(act)), root);
  }
  #event(type: string, cursor: number, at: number, data: unknown): EventView {
    return { type, cursor: String(cursor), at: new Date(at).toISOString(), runId: this.#publicId, data };
  }
}
