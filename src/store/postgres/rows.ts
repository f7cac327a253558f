// Rows as PostgreSQL gives them, and the nouns of the contract as they should be: the one place where one becomes the other.
import type { ErrorJson } from "../../core/error.ts";
import { outcomeCodes } from "../../core/task.ts";
import type { OutcomeRow, ReadyRow, StoredEvent, TaskRow } from "../contract.ts";

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

export interface RawOutcome {
  readonly task: number;
  readonly lease_no: number;
  readonly status: number;
  readonly attempt: number;
  readonly worker: number | null;
  readonly seq: number | null;
  readonly started_at: number | null;
  readonly finished_at: number;
  readonly value: string | null;
  readonly ref: string | null;
  readonly error: string | null;
  readonly micro_usd: number | null;
  readonly input_tokens: number | null;
  readonly output_tokens: number | null;
  readonly gaps: string | null;
}
export const outcomeColumns =
  "o.task, o.lease_no, o.status, o.attempt, o.worker, o.seq, o.started_at, o.finished_at, o.value, o.ref, o.error, o.micro_usd, o.input_tokens, o.output_tokens, o.gaps";

export function outcomeRow(r: RawOutcome): OutcomeRow {
  return {
    task: r.task,
    leaseNo: r.lease_no,
    status: outcomeCodes[r.status] ?? "failed",
    attempt: r.attempt,
    worker: r.worker,
    seq: r.seq,
    startedAt: r.started_at,
    finishedAt: r.finished_at,
    value: r.value,
    ref: r.ref,
    error: errorOf(r.error),
    spent:
      r.micro_usd === null
        ? null
        : { microUsd: r.micro_usd, inputTokens: r.input_tokens ?? 0, outputTokens: r.output_tokens ?? 0 },
    gaps: r.gaps,
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

export function errorOf(text: string | null): ErrorJson | null {
  return text === null ? null : (JSON.parse(text) as ErrorJson);
}
export function errorText(error: ErrorJson | null): string | null {
  return error === null ? null : JSON.stringify(error);
}
