import type { ClientApi } from "../client/client.ts";
import { FlotillaError } from "../core/error.ts";
import type { TransactionStarts } from "../protocol/outbox.ts";
import type { KeepAlive } from "./keep-alive.ts";

/**
 * The orchestrator as one handle of a fleet sees it. The process is kept during every call that somebody waits for; a
 * handle that is closed refuses what waits and what comes, also while another one keeps the same store open.
 */
export interface HandleApi extends ClientApi {
  readonly transactions: TransactionStarts | null;
  /** Refuses further starts. */
  drain(): void;
  /** Resolves when no call is under way, streams of events aside. */
  idle(): Promise<void>;
  close(): void;
}

export function handleApi(api: ClientApi & { readonly transactions: TransactionStarts | null }, alive: KeepAlive): HandleApi {
  const { transactions } = api;
  const waiting = new Set<(error: Error) => void>();
  const readers = new Set<AbortController>();
  let closed = false;
  let drained = false;
  let calls = 0;
  let idle = Promise.withResolvers<void>();

  function hold(): void {
    calls += 1;
    alive.hold();
  }
  function release(): void {
    alive.release();
    if (--calls > 0) return;
    idle.resolve();
    idle = Promise.withResolvers<void>();
  }

  function held<T>(call: () => Promise<T>): Promise<T> {
    if (closed) return Promise.reject(closedError());
    hold();
    return new Promise<T>((resolve, reject) => {
      waiting.add(reject);
      const done = () => {
        waiting.delete(reject);
        release();
      };
      call().then(resolve, reject).finally(done);
    });
  }

  async function* read<T>(given: AbortSignal | undefined, from: (signal: AbortSignal) => AsyncIterable<T>): AsyncGenerator<T> {
    if (closed) throw closedError();
    const reader = new AbortController();
    readers.add(reader);
    alive.hold();
    try {
      yield* from(given ? AbortSignal.any([given, reader.signal]) : reader.signal);
      // Ended because of us, not because the source did: a loop that went on as if all had been read would be misled.
      if (closed) throw closedError();
    } finally {
      readers.delete(reader);
      alive.release();
    }
  }

  return {
    start(requests) {
      if (closed || drained) throw closedError();
      const replies = api.start(requests);
      hold();
      void Promise.allSettled(replies).then(release);
      return replies;
    },
    transactions: transactions && {
      submit: (r, o) => (drained ? Promise.reject(closedError()) : held(() => transactions.submit(r, o))),
      stored: (id) => held(() => transactions.stored(id)),
    },
    outcome: (run, signal) => held(() => api.outcome(run, signal)),
    cancel: (id, reason) => held(() => api.cancel(id, reason)),
    run: (id) => held(() => api.run(id)),
    send: (id, message) => held(() => api.send(id, message)),
    query: (id, name) => held(() => api.query(id, name)),
    repair: (id) => held(() => api.repair(id)),
    fork: (id, input) => held(() => api.fork(id, input)),
    redrive: (id) => held(() => api.redrive(id)),
    approvals: (q) => held(() => api.approvals(q)),
    approve: (id, r) => held(() => api.approve(id, r)),
    reject: (id, r) => held(() => api.reject(id, r)),
    purge: (what) => held(() => api.purge(what)),
    schedules: {
      put: (r) => held(() => api.schedules.put(r)),
      list: (q) => held(() => api.schedules.list(q)),
      get: (name) => held(() => api.schedules.get(name)),
      pause: (name) => held(() => api.schedules.pause(name)),
      resume: (name) => held(() => api.schedules.resume(name)),
      delete: (name) => held(() => api.schedules.delete(name)),
      trigger: (name) => (drained ? Promise.reject(closedError()) : held(() => api.schedules.trigger(name))),
    },
    events: (run, o) => read(o.signal, (signal) => api.events(run, { ...o, signal })),
    bulk: (q, signal) => read(signal, (stop) => api.bulk(q, stop)),
    drain() {
      drained = true;
    },
    idle: () => (calls === 0 ? Promise.resolve() : idle.promise),
    close() {
      closed = true;
      for (const reject of waiting) reject(closedError());
      for (const reader of readers) reader.abort();
    },
  };
}

function closedError(): Error {
  return new FlotillaError("FLOTILLA_CLOSED", { what: "the fleet" });
}
