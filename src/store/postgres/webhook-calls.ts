import type { ErrorJson } from "../../core/error.ts";
import { outcomeCode, type OutcomeStatus } from "../../core/task.ts";
import { askedDetail, errorDetail } from "../../core/webhook-detail.ts";
import { webhookEvents, type WebhookEvent } from "../../core/webhook.ts";
import type { ActBatch } from "../contract.ts";
import type { WebhookWant } from "../webhooks.ts";
import type { Transaction } from "./transaction.ts";
import { ints, texts } from "./values.ts";

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

// Behind those of its run that are not told yet: it could not be claimed before them. The run is locked, so within it ids
// are the order of the commits.
const insert = `INSERT INTO webhook_call (webhook, event, at, run, secret, definition, namespace, tenant, path, act, status, detail, tries, due_at)
  SELECT e.webhook, e.event, $1::bigint, e.run, coalesce(t.secret, ''), d.name, n.name, t.tenant, asker.path, e.act, e.status, e.detail, 0,
    greatest($1::bigint, (SELECT max(c.due_at) FROM webhook_call c WHERE c.run = e.run AND c.webhook = e.webhook AND c.due_at IS NOT NULL))
  FROM unnest($2::text[], $3::smallint[], $4::bigint[], $5::bigint[], $6::int[], $7::smallint[], $8::text[], $9::text[], $10::text[])
    WITH ORDINALITY e(webhook, event, run, task, act, status, detail, namespaced, definitions, n)
  JOIN task t ON t.id = e.run JOIN definition d ON d.id = t.definition JOIN namespace n ON n.id = t.namespace
  LEFT JOIN task asker ON asker.id = e.task AND e.act IS NOT NULL
  WHERE (e.namespaced IS NULL OR e.namespaced = n.name) AND (e.definitions IS NULL OR e.definitions::jsonb ? d.name)
  ORDER BY e.n RETURNING 1`;

/**
 * What a batch must tell: gathered while it is written, then one statement for all of it. Without webhooks it gathers
 * nothing.
 */
export class WebhookCalls {
  readonly #wants: readonly WebhookWant[];
  readonly #told: Told[] = [];

  constructor(wants: readonly WebhookWant[]) {
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

  /** Sends it all. `stored` is told how many calls there are, before the answer of COMMIT. */
  write(tx: Transaction, now: number, stored: (count: number) => void): void {
    const calls = this.#told.flatMap((told) =>
      this.#wants.filter((want) => want.events.includes(told.event)).map((want) => ({ told, want })),
    );
    if (calls.length === 0) return;
    tx.later<object>(
      insert,
      [
        now,
        texts(calls.map((c) => c.want.webhook)),
        ints(calls.map((c) => webhookEvents.indexOf(c.told.event) + 1)),
        ints(calls.map((c) => c.told.run)),
        ints(calls.map((c) => c.told.task)),
        ints(calls.map((c) => c.told.act)),
        ints(calls.map((c) => (c.told.status === null ? null : outcomeCode(c.told.status)))),
        texts(calls.map((c) => c.told.detail)),
        texts(calls.map((c) => c.want.namespace)),
        texts(calls.map((c) => c.want.definitions && JSON.stringify(c.want.definitions))),
      ],
      (rows) => stored(rows.length),
    );
  }
}
