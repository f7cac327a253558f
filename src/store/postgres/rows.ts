// Rows as PostgreSQL gives them, and the nouns of the contract as they should be: the one place where one becomes the other.
import type { ErrorJson } from "../../core/error.ts";
import type { ReadyRow, StoredEvent, TaskRow } from "../contract.ts";

/** As selected by `taskColumns`: the contract's names, and what else the statement selects. */
export type RawTask = Omit<TaskRow, "detached"> & { readonly detached: number };
export const taskColumns =
  't.id, t.namespace, t.run, t.parent, t.act, t.key, t.path, t.secret, t.definition, t.lane, t.prio, t.pass, t.tenant, t.depth, t.detached, t.input, t.options, t.created_at AS "createdAt"';

export function taskRow(r: RawTask): TaskRow {
  const {
    id,
    namespace,
    run,
    parent,
    act,
    key,
    path,
    secret,
    definition,
    lane,
    prio,
    pass,
    tenant,
    depth,
    input,
    options,
    createdAt,
  } = r;
  return {
    id,
    namespace,
    run,
    parent,
    act,
    key,
    path,
    secret,
    definition,
    lane,
    prio,
    pass,
    tenant,
    depth,
    detached: r.detached === 1,
    input,
    options,
    createdAt,
  };
}

export type RawReady = Omit<ReadyRow, "alone"> & { readonly alone: number };
export const readyColumns = 'lane, prio, pass, task, lease_no AS "leaseNo", attempt, crashes, alone, since';

export function readyRow(r: RawReady): ReadyRow {
  return { ...r, alone: r.alone === 1 };
}

/** The order is the number that is stored: append only. */
export const eventTypes = ["", "settled", "emit", "approval"] as const;

export interface RawEvent {
  readonly run: number;
  readonly cursor: number;
  readonly type: number;
  readonly task: number;
  readonly act: number | null;
}
export function eventRow(r: RawEvent): StoredEvent {
  return { ...r, type: eventTypes[r.type] as StoredEvent["type"] };
}

export function errorText(error: ErrorJson | null): string | null {
  return error === null ? null : JSON.stringify(error);
}
