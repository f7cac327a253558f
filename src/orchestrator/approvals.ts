// What people are asked: the inbox of open approvals, and their answers. The first answer counts; the worker's code parses
// an edited value and has the last word on its shape.
import { bounds } from "../core/bounds.ts";
import { FlotillaError, type ErrorJson } from "../core/error.ts";
import { approvalId, parseApprovalId, runOf } from "../core/id.ts";
import type { ApprovalsQuery, ApprovalView, ApproveRequest, Page, RejectRequest } from "../protocol/views.ts";
import type { ApprovalCard } from "../protocol/worker.ts";
import type { WaitRow } from "../store/contract.ts";
import type { Engine } from "./engine.ts";
import { tryFindTask } from "./lookup.ts";
import { pageSize } from "./queries.ts";
import type { State } from "./state.ts";

/** As stored: what is asked, and what it means that nobody answers in time. */
interface Detail extends ApprovalCard {
  readonly expiry: { readonly status: "succeeded" | "failed"; readonly value: string | null; readonly error: ErrorJson | null };
}

export function approvalDetail(card: ApprovalCard): Detail {
  if (card.onTimeout === "approve") {
    const value = JSON.stringify({ by: "timeout", via: "timeout", value: card.edit?.value ?? null });
    return { ...card, expiry: { status: "succeeded", value, error: null } };
  }
  const error = new FlotillaError("FLOTILLA_REJECTED", { by: "timeout", reason: "nobody answered in time" }).toJSON();
  return { ...card, expiry: { status: "failed", value: null, error } };
}

export async function listApprovals(state: State, q: ApprovalsQuery, namespace: number): Promise<Page<ApprovalView>> {
  const limit = pageSize(q.limit);
  const after = q.after === undefined ? null : await find(state, q.after);
  const rows = await state.store.tasks.approvals({ namespace, after, limit: limit + 1 });
  const page = rows.slice(0, limit);
  const items: ApprovalView[] = [];
  for (const row of page) items.push(await approvalView(state, row));
  return { items, next: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
}

export async function getApproval(state: State, id: string): Promise<ApprovalView> {
  return approvalView(state, await find(state, id));
}

async function approvalView(state: State, row: WaitRow): Promise<ApprovalView> {
  const { expiry: _, edit, ...detail } = JSON.parse(row.detail ?? "{}") as Detail;
  const [task] = await state.store.tasks.get([row.task]);
  const taskId = task ? await state.publicId(task) : "";
  return {
    id: approvalId(taskId, row.act),
    taskId,
    runId: runOf(taskId),
    ...detail,
    value: edit?.value ?? null,
    valueSchema: edit?.schema ?? null,
    askedAt: new Date(row.begunAt).toISOString(),
    expiresAt: row.dueAt === null ? null : new Date(row.dueAt).toISOString(),
    state: stateOf(row),
  };
}

function stateOf({ endedAt, error }: WaitRow): ApprovalView["state"] {
  if (endedAt === null) return "open";
  if (error === null) return "approved";
  return error.code === "FLOTILLA_REJECTED" ? "rejected" : "canceled";
}

/** @throws FLOTILLA_NOT_FOUND; FLOTILLA_TOO_LATE when its task has ended without an answer: open waits go with their task */
async function find(state: State, id: string): Promise<WaitRow> {
  const parsed = parseApprovalId(id);
  const task = parsed && (await tryFindTask(state, parsed.task));
  const row = task && parsed ? await state.store.tasks.wait({ task: task.id, act: parsed.act }) : null;
  if (row?.kind === "approval") return row;
  if (task && !row && (await state.store.runs.outcome(task.id)) !== null)
    throw new FlotillaError("FLOTILLA_TOO_LATE", { what: `approval ${id}`, why: "the task that asked has ended" });
  throw new FlotillaError("FLOTILLA_NOT_FOUND", { what: "approval", id });
}

/** @throws FLOTILLA_NOT_FOUND, FLOTILLA_TOO_LATE, FLOTILLA_CONFIG_INVALID, FLOTILLA_INPUT_INVALID, FLOTILLA_TOO_LARGE */
export async function approve(engine: Engine, id: string, r: ApproveRequest): Promise<void> {
  const row = await find(engine.state, id);
  const { edit } = JSON.parse(row.detail ?? "{}") as Detail;
  if (r.value !== undefined && !edit) {
    throw new FlotillaError("FLOTILLA_CONFIG_INVALID", {
      field: "value",
      problem: "there is nothing to edit in this approval",
      fix: "approve it without a value",
    });
  }
  const by = checked("by", r.by) ?? "somebody";
  const note = checked("note", r.note);
  const given = r.value === undefined ? (edit?.value ?? null) : (JSON.parse(r.value) as unknown);
  if (r.value !== undefined) await checkEdited(id, edit?.schema, given);
  const value = JSON.stringify({ by, via: "person", ...(note === undefined ? {} : { note }), value: given });
  if (Buffer.byteLength(value) > bounds.inputBytes)
    throw new FlotillaError("FLOTILLA_TOO_LARGE", { what: "the value", bytes: Buffer.byteLength(value), max: bounds.inputBytes });
  await answer(engine, id, row, { value, error: null });
}

/** @throws FLOTILLA_NOT_FOUND, FLOTILLA_TOO_LATE, FLOTILLA_CONFIG_INVALID */
export async function reject(engine: Engine, id: string, r: RejectRequest): Promise<void> {
  const row = await find(engine.state, id);
  const by = checked("by", r.by) ?? "somebody";
  const reason = checked("reason", r.reason) ?? "no reason was given";
  await answer(engine, id, row, { value: null, error: new FlotillaError("FLOTILLA_REJECTED", { by, reason }).toJSON() });
}

/** Here and not only at a door: whoever answers, from near or far, may correct a value that was refused, not one that was stored. */
async function checkEdited(id: string, schema: unknown, value: unknown): Promise<void> {
  const { jsonIssues } = await import("../protocol/json-check.ts");
  const issues = jsonIssues(schema, value);
  if (issues.length > 0)
    throw new FlotillaError("FLOTILLA_INPUT_INVALID", { issues }, { where: `approve(${JSON.stringify(id)})` });
}

async function answer(
  engine: Engine,
  id: string,
  row: WaitRow,
  a: { readonly value: string | null; readonly error: ErrorJson | null },
): Promise<void> {
  const counts = await new Promise<boolean>((resolve, refuse) =>
    engine.answer({ answer: { task: row.task, act: row.act, ...a }, resolve, reject: refuse }),
  );
  if (!counts) throw new FlotillaError("FLOTILLA_TOO_LATE", { what: `approval ${id}`, why: "it is not open any more" });
}

function checked(field: string, text: string | undefined): string | undefined {
  if (text === undefined || (typeof text === "string" && text.length <= bounds.keyLength)) return text;
  throw new FlotillaError("FLOTILLA_CONFIG_INVALID", {
    field,
    problem: typeof text === "string" ? `it has ${text.length} characters` : "it is not a text",
    fix: `use up to ${bounds.keyLength} characters`,
  });
}
