import type { ErrorJson } from "../core/error.ts";

/** One thing that a partial run did without. */
export interface GapNote {
  /** Of an item of a map; absent for a child workflow that is partial itself. */
  readonly index?: number;
  readonly key?: string;
  /** Public id of its task, "" when the item was code and no task. */
  readonly task: string;
  readonly status: string;
  readonly error?: ErrorJson;
  /** Left out when it is longer than 1,024 characters. */
  readonly input?: unknown;
}
/** All of them are counted, the first 1,000 are named. */
export interface GapNotes {
  readonly total: number;
  readonly named: readonly GapNote[];
}

/** How many there are, of the text of `GapNotes`. It is written first, so that a list need not parse a thousand notes. */
export function gapTotal(text: string): number {
  const first = /^\{"total":(\d+)[,}]/.exec(text);
  return first ? Number(first[1]) : (JSON.parse(text) as GapNotes).total;
}
