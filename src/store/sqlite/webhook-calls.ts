import type { ErrorJson } from "../../core/error.ts";
import { outcomeCode, type OutcomeStatus } from "../../core/task.ts";
import { askedDetail, errorDetail } from "../../core/webhook-detail.ts";
import { webhookEvents, type WebhookEvent } from "../../core/webhook.ts";
import type { ActBatch } from "../contract.ts";
import type { WebhookWant } from "../webhooks.ts";
import type { Statements } from "./statements.ts";

interface Told {
  readonly event: WebhookEvent;
  readonly run: number;
  readonly task: number;
  readonly act: number | null;
  readonly status: OutcomeStatus | null;
  readonly detail: string | null;
}

/** An approval. */
type Asked = Pick<ActBatch["waits"][number], "act" | "detail" | "dueAt">;

/**
 * What a batch must tell: gathered while it is written, then a row for each webhook that wants it. Without webhooks it
 * gathers nothing.
 */
export class WebhookCalls {
  readonly #sql: Statements;
  readonly #wants: readonly WebhookWant[];
  readonly #told: Told[] = [];

  constructor(sql: Statements, wants: readonly WebhookWant[]) {
    this.#sql = sql;
    this.#wants = wants;
  }

  finished(run: number, status: OutcomeStatus, error: ErrorJson | null): void {
    if (this.#wants.length > 0)
      this.#told.push({ event: "run.finished", run, task: run, act: null, status, detail: errorDetail(error) });
  }

  asked(run: number, task: number, { act, detail, dueAt }: Asked): void {
    if (this.#wants.length > 0)
      this.#told.push({ event: "approval.asked", run, task, act, status: null, detail: askedDetail(detail, dueAt) });
  }

  /** @returns how many calls were stored. */
  write(now: number): number {
    let stored = 0;
    for (const told of this.#told) stored += this.#store(told, now);
    return stored;
  }

  #store(t: Told, now: number): number {
    const wants = this.#wants.filter((w) => w.events.includes(t.event));
    if (wants.length === 0) return 0;
    const root = this.#sql.row<{ secret: string | null; tenant: string | null; definition: string; namespace: string }>(
      `SELECT t.secret, t.tenant, d.name AS definition, n.name AS namespace FROM task t JOIN definition d ON d.id = t.definition
       JOIN namespace n ON n.id = t.namespace WHERE t.id = ?`,
      t.run,
    );
    // It was taken away in the same batch: a start whose key another run has.
    if (!root) return 0;
    let stored = 0;
    for (const { webhook, definitions, namespace } of wants) {
      if (namespace !== null && namespace !== root.namespace) continue;
      if (definitions !== null && !definitions.includes(root.definition)) continue;
      stored += this.#sql.run(
        `INSERT INTO webhook_call (webhook, event, at, run, secret, definition, namespace, tenant, path, act, status, detail, tries, due_at)
         VALUES (?,?,?,?,?,?,?,?,?,?,?,?,0,
           max(?, coalesce((SELECT max(due_at) FROM webhook_call WHERE run = ? AND webhook = ? AND due_at IS NOT NULL), 0)))`,
        webhook,
        webhookEvents.indexOf(t.event) + 1,
        now,
        t.run,
        root.secret ?? "",
        root.definition,
        root.namespace,
        root.tenant,
        t.act === null ? null : this.#path(t.task),
        t.act,
        t.status === null ? null : outcomeCode(t.status),
        t.detail,
        // Behind those of its run that are not told yet: it could not be claimed before them.
        now,
        t.run,
        webhook,
      );
    }
    return stored;
  }

  #path(task: number): string | null {
    return this.#sql.row<{ path: string | null }>("SELECT path FROM task WHERE id = ?", task)?.path ?? null;
  }
}
