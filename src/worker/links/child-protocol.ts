// What the two ends of a child's IPC channel say around the worker's messages, which travel as arrays: one write per
// macrotask, however many there are.
import type { ErrorJson } from "../../core/error.ts";
import type { FromWorker, ToWorker } from "../../protocol/worker.ts";

export interface Begin {
  readonly t: "begin";
  readonly parent: number;
  readonly name: string;
  readonly slots: number;
  readonly offers: readonly string[];
  readonly build: string;
  readonly modules: readonly string[];
}

/** An error of an import, with what its explanation needs. */
export interface ImportFailure {
  readonly t: "unreadable";
  readonly file: string;
  readonly name: string;
  readonly message: string;
  readonly code: string | null;
  readonly stack: string;
  /** Set when the error is one of ours. */
  readonly ours: ErrorJson | null;
}

export type ToChild = Begin | { readonly t: "stop" } | readonly ToWorker[];
export type FromChild = ImportFailure | readonly FromWorker[];

/** Gathers what is said in one macrotask and hands it over as one array. */
export function batched<T>(write: (batch: readonly T[]) => void): (message: T) => void {
  let batch: T[] = [];
  const flush = (): void => {
    const full = batch;
    batch = [];
    write(full);
  };
  return (message) => {
    if (batch.push(message) === 1) setImmediate(flush);
  };
}
