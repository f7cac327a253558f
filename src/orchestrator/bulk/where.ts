// What fits a filter. Pure: a row and the filter decide.
import { bounds } from "../../core/bounds.ts";
import { FlotillaError, type ErrorJson } from "../../core/error.ts";
import { parseId } from "../../core/id.ts";
import { redrivable, type BulkRequest } from "../../protocol/bulk.ts";
import { runStatuses } from "../../protocol/views.ts";
import type { OutcomeRow, RunRow } from "../../store/contract.ts";
import type { TaskOptions } from "../attempt.ts";

/** A filter with its defaults and its instants as numbers. */
export interface Where {
  readonly name: string | null;
  readonly statuses: ReadonlySet<string>;
  readonly states: ReadonlySet<string>;
  /** Internal id of the one run. */
  readonly run: number | null;
  readonly tenant: string | null;
  readonly tag: string | null;
  readonly from: number;
  readonly before: number;
  readonly error: string | null;
}

const known = ["name", "status", "state", "run", "tenant", "tag", "startedFrom", "startedBefore", "error"];

/** @throws FLOTILLA_CONFIG_INVALID naming the field */
export function resolveWhere({ action, where }: BulkRequest, now: number): Where {
  for (const key of Object.keys(where))
    if (!known.includes(key)) throw invalid(key, "there is no such filter", `use ${known.join(", ")}`);
  if (where.state !== undefined && action !== "redrive")
    throw invalid("state", "only tasks have one, and this action is for runs", "leave it out, or use status");
  const allowed: ReadonlySet<string> = new Set(allowedStatuses[action]);
  const statuses = where.status ?? (action === "repair" ? allowedStatuses.repair.filter((s) => s !== "canceled") : [...allowed]);
  const odd = statuses.find((s) => !allowed.has(s));
  if (odd !== undefined)
    throw invalid("status", `${action} does nothing to a run that is ${odd}`, `use ${[...allowed].join(", ")}`);
  const parsed = where.run === undefined ? null : parseId(where.run);
  if (parsed !== null && parsed?.kind !== "run") throw invalid("run", "it is no run's id", "pass the whole id, such as r_...");
  for (const field of ["name", "tenant", "tag", "error"] as const) checkText(where[field], field);
  const odder = (where.state ?? []).find((s) => !redrivable.includes(s));
  if (odder !== undefined) throw invalid("state", `a task that is ${odder} is not redriven`, `use ${redrivable.join(", ")}`);
  return {
    name: where.name ?? null,
    statuses: new Set(statuses),
    states: new Set(where.state ?? ["quarantined"]),
    run: parsed?.root ?? null,
    tenant: where.tenant ?? null,
    tag: where.tag ?? null,
    from: where.startedFrom === undefined ? -Infinity : instant(where.startedFrom, "startedFrom"),
    // What starts while it counts is not what somebody asked for.
    before: Math.min(now, where.startedBefore === undefined ? Infinity : instant(where.startedBefore, "startedBefore")),
    error: where.error ?? null,
  };
}

const closed = runStatuses.filter((s) => s !== "running");
const allowedStatuses: Readonly<Record<BulkRequest["action"], readonly string[]>> = {
  cancel: ["running"],
  repair: closed.filter((s) => s !== "succeeded"),
  purge: closed,
  redrive: runStatuses,
};

/** Everything about the run but its own name and error, which a redrive asks of the task. */
export function runFits(w: Where, r: RunRow): boolean {
  if (!w.statuses.has(r.outcome?.status ?? "running")) return false;
  if (w.run !== null && r.task.id !== w.run) return false;
  if (w.tenant !== null && (r.task.tenant ?? "default") !== w.tenant) return false;
  if (r.task.createdAt < w.from || r.task.createdAt >= w.before) return false;
  return w.tag === null || tagsOf(r).includes(w.tag);
}

/** What ended it says so, itself or in what it was caused by. */
export function errorFits(w: Where, outcome: OutcomeRow | null): boolean {
  if (w.error === null) return true;
  for (let e: ErrorJson | undefined = outcome?.error ?? undefined; e !== undefined; e = e.cause)
    if (e.code === w.error || e.name === w.error) return true;
  return false;
}

/** As `state` of a task: a stopped one counts as failed. */
export function taskFits(w: Where, outcome: OutcomeRow): boolean {
  return w.states.has(outcome.status === "stopped" ? "failed" : outcome.status) && errorFits(w, outcome);
}

function tagsOf(r: RunRow): readonly string[] {
  return r.task.options === null ? [] : ((JSON.parse(r.task.options) as TaskOptions).tags ?? []);
}

function checkText(text: unknown, field: string): void {
  if (text === undefined || (typeof text === "string" && text.length > 0 && text.length <= bounds.keyLength)) return;
  throw invalid(field, "it is no text that could fit", `use 1 to ${bounds.keyLength} characters`);
}

function instant(text: string, field: string): number {
  const at = Date.parse(text);
  if (Number.isFinite(at)) return at;
  throw invalid(field, "it is no instant", "pass one such as 2026-12-01T06:00:00Z");
}

function invalid(field: string, problem: string, fix: string): FlotillaError {
  return new FlotillaError("FLOTILLA_CONFIG_INVALID", { field: `where.${field}`, problem, fix });
}
