import type { AskedRow, Journal, StoredDelivery } from "../../../src/store/contract.ts";
import { childrenOf, name, type Rows } from "./disk.ts";

type Entry = Journal["entries"][number];
/** What was asked for by one act and, once it has settled, what came of it. */
interface Asked {
  readonly entry: Entry;
  readonly told: StoredDelivery | null;
}

/** What this execution of a task's code asked for. */
export function readJournal(rows: Rows, task: number): Journal | null {
  const gate = rows.gates.get(task);
  if (!gate) return null;
  const { acts, startedAt, lastSeq, baseSeq, cancel } = gate;
  const entries = askedBy(rows, task)
    .map((a) => a.entry)
    .filter((e) => e.act > gate.baseAct)
    .toSorted((a, b) => a.act - b.act);
  return { acts, startedAt, lastSeq, baseSeq, entries, cancel };
}

export function readSettled(rows: Rows, task: number, acts: readonly number[]): ReadonlyMap<number, StoredDelivery> {
  return new Map(askedBy(rows, task).flatMap(({ told }) => (told && acts.includes(told.act) ? [[told.act, told]] : [])));
}

/** What the last execution of a task has asked for that ends; the task itself may have ended. */
export function readAsked(rows: Rows, task: number): readonly AskedRow[] {
  return askedBy(rows, task).flatMap(({ entry, told }): AskedRow[] => {
    const { kind } = entry;
    if (kind === "emit" || kind === "send" || entry.act <= (rows.bases.get(task) ?? 0)) return [];
    const child = kind === "child" ? childrenOf(rows, task).find((c) => c.row.act === entry.act) : undefined;
    const place = child && rows.places.get(child.row.id);
    const status = place?.in === "outcome" ? place.outcome.status : (told?.status ?? null);
    // A message that was given back is another wait's.
    const left = rows.waits.get(name(task, entry.act))?.givenBack === true;
    return [{ ...entry, kind, status: left ? "canceled" : status, task: child?.row.id ?? null }];
  });
}

function askedBy(rows: Rows, task: number): Asked[] {
  const of = <T extends { readonly task: number }>(table: ReadonlyMap<string, T>) =>
    [...table.values()].filter((row) => row.task === task);
  const asked = (entry: Entry, came: Omit<StoredDelivery, "parent" | "act" | "seq"> | null = null): Asked => ({
    entry,
    told: came && entry.seq !== null ? { parent: task, act: entry.act, seq: entry.seq, ...came } : null,
  });
  return [
    ...childrenOf(rows, task).map(({ row, inputHash, askedAfter }) => {
      const place = rows.places.get(row.id);
      const o = place?.in === "outcome" ? place.outcome : null;
      const how = { key: row.key as string, inputHash: inputHash as string, askedAfter: askedAfter as number };
      const came = o && { status: o.status, value: o.value, ref: o.ref, error: o.error, at: o.finishedAt };
      return asked({ act: row.act as number, kind: "child", ...how, seq: o?.seq ?? null }, came);
    }),
    ...of(rows.steps).map(({ act, key, askedAfter, seq, value, ref, error, endedAt }) =>
      asked(
        { act, kind: "step", key, inputHash: "", askedAfter, seq },
        { status: error ? "failed" : "succeeded", value, ref, error, at: endedAt as number },
      ),
    ),
    ...of(rows.waits).map(({ act, kind, key, inputHash, askedAfter, seq, status, value, error, endedAt }) =>
      asked({ act, kind, key, inputHash, askedAfter, seq }, status && { status, value, ref: null, error, at: endedAt as number }),
    ),
    ...of(rows.emits).map(({ act, key, askedAfter }) => asked({ act, kind: "emit", key, inputHash: "", askedAfter, seq: null })),
    ...of(rows.sent).map(({ act, key, inputHash, askedAfter }) =>
      asked({ act, kind: "send", key, inputHash, askedAfter, seq: null }),
    ),
  ];
}
