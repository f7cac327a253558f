import type { ErrorJson } from "../core/error.ts";
import type { GapNote, GapNotes } from "../protocol/gaps.ts";
import { boundedError } from "./classify.ts";

/** Named in the outcome; how many there are is always told. */
const namedMax = 1_000;
/** Characters of a gap's input that are kept with it; a task has its whole input. */
const inputMax = 1_024;

/** What a workflow did without although it was asked for: a run with gaps is never just "succeeded". */
export class Gaps {
  #total = 0;
  readonly #named: GapNote[] = [];

  add(gap: GapNote): void {
    this.#total++;
    if (this.#named.length < namedMax) this.#named.push(gap);
  }

  addItem(item: {
    index: number;
    key: string;
    input: unknown;
    task: string;
    outcome: { status: string; error?: unknown };
  }): void {
    const { index, key, task, input, outcome } = item;
    const error: ErrorJson | null = outcome.error === undefined ? null : boundedError(outcome.error);
    this.add({ index, key, task, status: outcome.status, ...(error ? { error } : {}), ...inputNote(input) });
  }

  /** undefined: there are none. */
  toJson(): string | undefined {
    return this.#total === 0 ? undefined : JSON.stringify({ total: this.#total, named: this.#named } satisfies GapNotes);
  }
}

function inputNote(input: unknown): { input?: unknown } {
  try {
    const text = JSON.stringify(input);
    return text !== undefined && text.length <= inputMax ? { input: JSON.parse(text) as unknown } : {};
  } catch {
    return {};
  }
}
