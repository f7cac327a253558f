// Rows as SQLite gives them, and the nouns of the contract as they should be: the one place where one becomes the other.
import type { ErrorJson } from "../../core/error.ts";
import type { Spend } from "../../protocol/worker.ts";
import type { ReadyRow, StoredEvent, TaskRow } from "../contract.ts";
import type { Value } from "./statements.ts";

/** As selected by `taskColumns`: the contract's names, and SQLite's way to say true. */
export type RawTask = Omit<TaskRow, "detached"> & { detached: number | boolean };
export const taskColumns =
  "t.id, t.namespace, t.run, t.parent, t.act, t.key, t.path, t.secret, t.definition, t.lane, t.prio, t.pass, t.tenant, t.depth, t.detached, t.input, t.options, t.created_at AS createdAt";

/** In place: a copy of 18 fields for each claimed task is 3 % of the throughput bench. */
export function taskRow(r: RawTask): TaskRow {
  r.detached = r.detached === 1;
  return r as TaskRow;
}

export type RawReady = Omit<ReadyRow, "alone"> & { alone: number | boolean };
export const readyColumns = "lane, prio, pass, task, lease_no AS leaseNo, attempt, crashes, alone, since";

export function readyRow(r: RawReady): ReadyRow {
  r.alone = r.alone === 1;
  return r as ReadyRow;
}

/** The order is the number that is stored: append only. */
export const eventTypes = ["", "settled", "emit", "approval"] as const;

export interface RawEvent {
  run: number;
  cursor: number;
  type: number;
  task: number;
  act: number | null;
}
export function eventRow(r: RawEvent): StoredEvent {
  return { ...r, type: eventTypes[r.type] as StoredEvent["type"] };
}

export function errorText(error: ErrorJson | null): string | null {
  return error === null ? null : JSON.stringify(error);
}
export function spendValues(spent: Spend | null): [Value, Value, Value] {
  return spent === null ? [null, null, null] : [spent.microUsd, spent.inputTokens, spent.outputTokens];
}
