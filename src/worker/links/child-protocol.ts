// What the two ends of a child's IPC channel say around the worker's messages, which travel as arrays: one write per
// macrotask, however many there are, as long as they are small. An array is one line of JSON, and V8 has no string above
// 512 Mi characters: a line beyond it throws where it is written, or ends the process that reads it.
import { FlotillaError, type ErrorJson } from "../../core/error.ts";
import { partsOf } from "../../protocol/parts.ts";
import type { FromWorker, ToWorker } from "../../protocol/worker.ts";

export interface Begin {
  readonly t: "begin";
  readonly parent: number;
  readonly name: string;
  readonly slots: number;
  readonly continuations: number;
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

/** What a child says travels in an envelope, because agents share its channel: `process.send("ready")` is a known idiom. */
export interface Envelope {
  readonly flotilla: 1;
  readonly message: FromChild;
}
export function enveloped(message: FromChild): Envelope {
  return { flotilla: 1, message };
}
export function opened(sent: unknown): FromChild | undefined {
  const envelope = sent as Partial<Envelope> | null;
  return typeof envelope === "object" && envelope?.flotilla === 1 ? envelope.message : undefined;
}

export interface IpcLimits {
  /** Characters of the strings in one array; escaped they may be six times as many. */
  readonly batchChars: number;
  /** Characters of one message as JSON. */
  readonly messageChars: number;
}
// 8 Mi: a write of that size blocks the loop for about 10 ms. 256 Mi: half of what a string holds.
const ipcLimits: IpcLimits = { batchChars: 8 * 1_048_576, messageChars: 256 * 1_048_576 };

const escapedMost = 6;

/**
 * Gathers what is said in one macrotask and hands it over as one array, or as several when it is large.
 * @param refuse Gets the part of a message that is too large to travel. @default throws its error to who sends
 */
export function batched<T extends FromWorker | ToWorker>(
  write: (batch: readonly T[]) => void,
  limits: IpcLimits = ipcLimits,
  refuse: (part: T, error: Error) => void = (_, error) => {
    throw error;
  },
): (message: T) => void {
  let batch: T[] = [];
  let chars = 0;
  let scheduled = false;
  const flush = (): void => {
    if (batch.length === 0) return;
    const full = batch;
    batch = [];
    chars = 0;
    write(full);
  };
  const later = (): void => {
    scheduled = false;
    flush();
  };
  const add = (message: T, size: number): void => {
    if (size * escapedMost > limits.messageChars) {
      const error = tooLarge(message, limits.messageChars);
      if (error) return refuse(message, error);
    }
    if (chars + size > limits.batchChars) flush();
    batch.push(message);
    chars += size;
    if (scheduled) return;
    scheduled = true;
    setImmediate(later);
  };
  return (message) => {
    const size = charsOf(message);
    if (size <= limits.batchChars) return add(message, size);
    for (const part of partsOf(message)) add(part as T, charsOf(part));
  };
}

/** Roughly, and never less than its strings: to measure exactly is to write it twice. */
function charsOf(value: unknown): number {
  if (typeof value === "string") return value.length;
  if (typeof value !== "object" || value === null) return 8;
  let sum = 8;
  for (const part of Object.values(value)) sum += charsOf(part);
  return sum;
}

function tooLarge(message: FromWorker | ToWorker, max: number): Error | undefined {
  let bytes = Infinity;
  try {
    bytes = JSON.stringify(message).length;
  } catch {
    // It does not even fit into a string.
  }
  if (bytes <= max) return undefined;
  return new FlotillaError("FLOTILLA_TOO_LARGE", { what: `a message to or from a child process (${message.t})`, bytes, max });
}
