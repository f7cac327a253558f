import { formatMs } from "../../core/duration.ts";
import type { ApprovalView } from "../../protocol/views.ts";
import { shortId } from "../short-id.ts";
import { etaMsOf, shareDone } from "./model.ts";
import type { ProgressModel } from "./model.ts";

/** One line of a log: key=value, so that it greps. */
export function progressLine(model: ProgressModel): string {
  const { run, health } = model;
  const eta = etaMsOf(model);
  const oldest = health?.queue.oldestReadyMs ?? undefined;
  const { total, done, failed } = run.tasks;
  const fields = [
    `run=${shortId(run.id)}`,
    `done=${done}`,
    `total=${total}`,
    `failed=${failed}`,
    ...(health === undefined ? [] : [`busy=${health.workers.busy}`]),
    ...(oldest === undefined ? [] : [`oldest=${formatMs(oldest)}`]),
    ...(eta === undefined ? [] : [`eta=${formatMs(eta)}`]),
    ...(run.status === "running" ? [] : [`status=${run.status}`]),
  ];
  return `${atOf(model)} ${fields.join(" ")}`;
}

/** The run goes on only when somebody answers: said once, with the command that does. */
export function approvalLine(model: ProgressModel, { id, title }: Pick<ApprovalView, "id" | "title">): string {
  const answer = `flotilla approvals approve ${shortId(id)}`;
  return `${atOf(model)} run=${shortId(model.run.id)} approval=${shortId(id)} title=${JSON.stringify(title)} answer=${JSON.stringify(answer)}`;
}

function atOf({ nowMs }: ProgressModel): string {
  return new Date(nowMs).toISOString().replace(/\.\d+Z/, "Z");
}

const everyMs = 5_000;
const everyShare = 0.1;

/** A log gets a line after 5 s or 10 %, whichever is first, and one at the end. */
export function isDue(last: ProgressModel | undefined, now: ProgressModel): boolean {
  if (last === undefined || now.run.status !== last.run.status) return true;
  return now.nowMs - last.nowMs >= everyMs || shareDone(now) - shareDone(last) >= everyShare;
}
