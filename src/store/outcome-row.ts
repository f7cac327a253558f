// An outcome as both drivers select it, and as the contract says it.
import type { ErrorJson } from "../core/error.ts";
import { outcomeCodes } from "../core/task.ts";
import type { OutcomeRow } from "./contract.ts";

export interface RawOutcome {
  readonly task: number;
  lease_no: number;
  status: number;
  attempt: number;
  worker: number | null;
  seq: number | null;
  started_at: number | null;
  finished_at: number;
  value: string | null;
  ref: string | null;
  error: string | null;
  micro_usd: number | null;
  input_tokens: number | null;
  output_tokens: number | null;
  gaps: string | null;
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

export function errorOf(text: string | null): ErrorJson | null {
  return text === null ? null : (JSON.parse(text) as ErrorJson);
}
