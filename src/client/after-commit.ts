import type { TransactionStarts } from "../protocol/outbox.ts";
import type { RunApi } from "./run.ts";

/** What a run is asked before its transaction has committed, or its row has become a run, waits for that. */
export function afterCommit(api: RunApi, { stored }: Pick<TransactionStarts, "stored">): RunApi {
  let there: Promise<void> | undefined;
  const ready = (id: string): Promise<void> => {
    // Asked again after a failure: the transaction may commit yet.
    there ??= stored(id).catch((e: unknown) => {
      there = undefined;
      throw e;
    });
    return there;
  };
  const later =
    <A extends readonly unknown[], R>(verb: (id: string, ...rest: A) => Promise<R>) =>
    async (id: string, ...rest: A): Promise<R> => {
      await ready(id);
      return verb(id, ...rest);
    };
  return {
    outcome: later((id, signal?: AbortSignal) => api.outcome(id, signal)),
    cancel: later((id, reason: string) => api.cancel(id, reason)),
    send: later((id, message: Parameters<RunApi["send"]>[1]) => api.send(id, message)),
    query: later((id, name: string) => api.query(id, name)),
    async *events(id, o) {
      await ready(id);
      yield* api.events(id, o);
    },
  };
}
