// What a webhook is told: whole, so that the receiver may act without asking back, and short, so that nothing of a run's
// input or result leaves the fleet that the receiver has not asked for.
import { approvalId, rootTaskId, runId } from "../../core/id.ts";
import type { WebhookCall } from "../../store/webhooks.ts";

export interface WebhookMessage {
  /** The event's own, however often and to whomever it is told. */
  readonly id: string;
  readonly body: string;
}

/** The same call gives the same bytes, in every try and every life. */
export function messageOf(call: WebhookCall): WebhookMessage {
  const run = runId(call.secret, call.run);
  const about = {
    type: call.event,
    timestamp: new Date(call.at).toISOString(),
    runId: run,
    definition: call.definition,
    namespace: call.namespace,
    tenant: call.tenant ?? "default",
  };
  const detail = call.detail === null ? null : (JSON.parse(call.detail) as unknown);
  if (call.event === "run.finished") {
    const id = `msg_${run.slice(2)}-finished`;
    return { id, body: JSON.stringify({ id, ...about, status: call.status, error: detail }) };
  }
  const { title, role, expiresAt } = detail as { title: string; role: string | null; expiresAt: number | null };
  const root = rootTaskId(call.secret, call.run);
  const taskId = call.path === null ? root : `${root}.${call.path}`;
  // A dot would let one message be signed as another.
  const id = `msg_${taskId.slice(2).replaceAll(".", "-")}-asked-${call.act}`;
  const expires = expiresAt === null ? null : new Date(expiresAt).toISOString();
  const approval = { taskId, approvalId: approvalId(taskId, call.act ?? 0), title, role, expiresAt: expires };
  return { id, body: JSON.stringify({ id, ...about, ...approval }) };
}
