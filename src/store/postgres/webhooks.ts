import { outcomeCodes } from "../../core/task.ts";
import { webhookEvents, type WebhookEvent } from "../../core/webhook.ts";
import type { WebhookCall, WebhookStore } from "../webhooks.ts";
import type { Database, Sql } from "./sql.ts";

type Raw = Omit<WebhookCall, "event" | "status"> & { readonly event: number; readonly status: number | null };

const columns = `c.id, c.webhook, c.event, c.at, c.run, c.secret, c.definition, c.namespace, c.tenant, c.path, c.act, c.status, c.detail,
  c.tries, c.due_at AS "dueAt", c.claimed_by AS "claimedBy", c.problem`;
/** No earlier call of its run to the same webhook is under way or waits. */
const inTurn = `NOT EXISTS (SELECT 1 FROM webhook_call e WHERE e.run = c.run AND e.webhook = c.webhook AND e.id < c.id AND e.due_at IS NOT NULL)`;

// Two who claim at once: each goes past what the other holds, and what was claimed meanwhile is looked at anew when its lock
// is free, and is not due any more. A life that was swept claims nothing.
const claim = `WITH found AS MATERIALIZED (SELECT c.id FROM webhook_call c WHERE c.webhook = $1 AND c.due_at <= $2 AND ${inTurn}
    AND EXISTS (SELECT 1 FROM orchestrator WHERE id = $3) ORDER BY c.due_at, c.id LIMIT $4 FOR UPDATE OF c SKIP LOCKED)
  UPDATE webhook_call c SET claimed_by = $3, due_at = $5, tries = tries + 1 FROM found WHERE c.id = found.id RETURNING ${columns}`;

// Those behind it cannot go before it: they must not be looked at before it either.
const failed = `WITH f AS MATERIALIZED (SELECT * FROM unnest($1::bigint[], $2::int[], $3::bigint[], $4::text[]) f(id, tries, due_at, problem)),
  left_ AS (UPDATE webhook_call c SET due_at = f.due_at, claimed_by = NULL, problem = f.problem FROM f
    WHERE c.id = f.id AND c.tries = f.tries RETURNING c.id, c.run, c.webhook, c.due_at)
  UPDATE webhook_call c SET due_at = greatest(c.due_at, l.due_at) FROM (SELECT run, webhook, min(id) AS id, max(due_at) AS due_at
    FROM left_ WHERE due_at IS NOT NULL GROUP BY run, webhook) l
  WHERE c.run = l.run AND c.webhook = l.webhook AND c.id > l.id AND c.due_at IS NOT NULL AND c.id NOT IN (SELECT id FROM f)`;

/** Calls of webhooks on their way out. Batches store them (webhook-calls.ts). */
export function openWebhooks(db: Database): WebhookStore {
  return {
    claim: async (p) =>
      (await db.rows<Raw>(claim, [p.webhook, p.now, p.boot, p.limit, p.until])).map(callOf).toSorted((a, b) => a.id - b.id),
    async told(p) {
      await db.run("DELETE FROM webhook_call WHERE id = ANY($1::bigint[])", [p.ids]);
    },
    async failed(p) {
      await db.rows(failed, [
        p.calls.map((c) => c.id),
        p.calls.map((c) => c.tries),
        p.calls.map((c) => c.dueAt),
        p.calls.map((c) => c.problem),
      ]);
    },
    nextAt: async ({ webhook }) =>
      (
        await db.row<{ dueAt: number }>(
          `SELECT c.due_at AS "dueAt" FROM webhook_call c WHERE c.webhook = $1 AND c.due_at IS NOT NULL AND ${inTurn} ORDER BY c.due_at, c.id LIMIT 1`,
          [webhook],
        )
      )?.dueAt ?? null,
    list: async ({ namespace, after, limit, givenUp }) =>
      (
        await db.rows<Raw>(
          `SELECT ${columns} FROM webhook_call c WHERE c.id > $1 AND ($2::text IS NULL OR c.namespace = $2) ${givenUp ? "AND c.due_at IS NULL" : ""}
           ORDER BY c.id LIMIT $3`,
          [after, namespace, limit],
        )
      ).map(callOf),
    revive: (p) =>
      db.run("UPDATE webhook_call SET due_at = $1, tries = 0 WHERE id = ANY($2::bigint[]) AND due_at IS NULL", [p.now, p.ids]),
    async tidy(p) {
      await db.run(
        `UPDATE webhook_call SET due_at = NULL, claimed_by = NULL, problem = 'no webhook of that name'
         WHERE due_at IS NOT NULL AND at < $1 AND webhook <> ALL($2::text[])`,
        [p.strayBefore, p.known],
      );
      await db.run("DELETE FROM webhook_call WHERE due_at IS NULL AND at < $1", [p.keptBefore]);
    },
  };
}

/** What ended lives had claimed is due now. */
export async function releaseCalls(sql: Sql, o: { readonly dead: readonly number[]; readonly now: number }): Promise<void> {
  await sql.run(
    "UPDATE webhook_call SET due_at = $1, claimed_by = NULL WHERE claimed_by = ANY($2::bigint[]) AND due_at IS NOT NULL",
    [o.now, o.dead],
  );
}

function callOf({ event, status, ...rest }: Raw): WebhookCall {
  return {
    ...rest,
    event: webhookEvents[event - 1] as WebhookEvent,
    status: status === null ? null : (outcomeCodes[status] ?? "failed"),
  };
}
