// What earlier attempts of a workflow asked, and whether this attempt's code asks the same: the rule of mismatch.
//
//   liveFrom   the highest `askedAfter` of the recorded rows: the seq after which the last recorded act was asked
//   (a)        a row with askedAfter <= n was not asked although turn n has drained
//   (b)        something unrecorded was asked in a turn before liveFrom
//   (c)        the code ended before liveFrom, or with rows that it did not ask
//   (d)        the next seq belongs to a row that was not asked
//   at once    a recorded key was asked with another kind or another input
//
// Pure: it knows rows and numbers, no promises. Rows are in act order, and `askedAfter` never falls along it, so one
// pointer to the first row not asked yet answers (a) in O(1): 100,000 rows cost no more than one pass.
import type { JournalEntry } from "../protocol/worker.ts";

export interface Mismatch {
  readonly key: string;
  readonly recorded: string;
  readonly asked: string;
}

export type Claim = { readonly row: JournalEntry | undefined } | { readonly mismatch: Mismatch };

const nothing = "nothing";
const fresh: Claim = { row: undefined };

export class Journal {
  readonly liveFrom: number;
  readonly empty: boolean;
  readonly #rows: readonly JournalEntry[];
  readonly #places = new Map<string, number>();
  readonly #asked: Uint8Array;
  #first = 0;
  #unrecorded: string | undefined;

  /** `baseSeq`: the execution that counts began after it. */
  constructor(entries: readonly JournalEntry[], baseSeq = 0) {
    this.#rows = entries;
    this.#asked = new Uint8Array(entries.length);
    this.empty = entries.length === 0;
    let liveFrom = baseSeq;
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i] as JournalEntry;
      this.#places.set(entry.key, i);
      if (entry.askedAfter > liveFrom) liveFrom = entry.askedAfter;
    }
    this.liveFrom = liveFrom;
  }

  /** The code asks. Gives the recorded row, nothing for a new ask, or the mismatch. */
  claim(kind: JournalEntry["kind"], key: string, inputHash: string): Claim {
    if (this.empty) return fresh;
    const place = this.#places.get(key);
    if (place === undefined) {
      this.#unrecorded ??= `${kind} ${key}`;
      return fresh;
    }
    const row = this.#rows[place] as JournalEntry;
    if (row.kind !== kind) return { mismatch: { key, recorded: `a ${row.kind}`, asked: `a ${kind}` } };
    if (row.inputHash !== inputHash)
      return { mismatch: { key, recorded: `input ${row.inputHash}`, asked: `input ${inputHash}` } };
    this.#asked[place] = 1;
    while (this.#first < this.#rows.length && this.#asked[this.#first] === 1) this.#first++;
    return { row };
  }

  /** Turn `delivered` has drained: (a) and (b). */
  afterTurn(delivered: number): Mismatch | undefined {
    if (this.empty) return undefined;
    const missing = this.#missing(delivered);
    if (missing) return { key: missing.key, recorded: `${missing.kind} ${missing.key}`, asked: this.#unrecorded ?? nothing };
    if (this.#unrecorded !== undefined && delivered < this.liveFrom) {
      return { key: this.#unrecorded.slice(this.#unrecorded.indexOf(" ") + 1), recorded: nothing, asked: this.#unrecorded };
    }
    return undefined;
  }

  /** The code has ended in turn `delivered`: (c). */
  atEnd(delivered: number): Mismatch | undefined {
    if (this.empty || (delivered >= this.liveFrom && this.#first >= this.#rows.length)) return undefined;
    const missing = this.#rows[this.#first] ?? this.#rows.at(-1);
    return { key: missing?.key ?? "", recorded: `${missing?.kind} ${missing?.key}`, asked: "the end of the workflow" };
  }

  /** (d): the row behind the next seq was not asked. */
  beforeDelivery(act: number): Mismatch {
    const row = this.#rows.find((r) => r.act === act);
    const key = row?.key ?? `act ${act}`;
    return { key, recorded: `${row?.kind ?? "act"} ${key}`, asked: this.#unrecorded ?? nothing };
  }

  #missing(delivered: number): JournalEntry | undefined {
    const row = this.#rows[this.#first];
    return row !== undefined && row.askedAfter <= delivered ? row : undefined;
  }
}
