import type { DatabaseSync } from "node:sqlite";
import { outcomeCodes } from "../../core/task.ts";
import { webhookEvents, type WebhookEvent } from "../../core/webhook.ts";
import type { WebhookCall, WebhookStore } from "../webhooks.ts";
import type { Statements } from "./statements.ts";
import { refuseStranger } from "./stranger.ts";
import { inTransaction } from "./transaction.ts";

type Raw = Omit<WebhookCall, "event" | "status"> & { readonly event: number; readonly status: number | null };

const columns = `id, webhook, event, at, run, secret, definition, namespace, tenant, path, act, status, detail, tries, due_at AS dueAt,
  claimed_by AS claimedBy, problem`;
/** No earlier call of its run to the same webhook is under way or waits. */
const inTurn = `NOT EXISTS (SELECT 1 FROM webhook_call e WHERE e.run = c.run AND e.webhook = c.webhook AND e.id < c.id AND e.due_at IS NOT NULL)`;

/** Calls of webhooks on their way out. Batches store them (webhook-calls.ts). */
export function openWebhooks(db: DatabaseSync, sql: Statements, path: string): WebhookStore {
  const change = <T>(boot: number, work: () => T): T =>
    inTransaction(db, sql, path, () => {
      refuseStranger(sql, path, boot);
      return work();
    });
  return {
    claim: (p) =>
      change(p.boot, () =>
        sql
          .rows<Raw>(
            `UPDATE webhook_call SET claimed_by = ?, due_at = ?, tries = tries + 1 WHERE id IN
               (SELECT c.id FROM webhook_call c WHERE c.webhook = ? AND c.due_at <= ? AND ${inTurn} ORDER BY c.due_at, c.id LIMIT ?)
             RETURNING ${columns}`,
            p.boot,
            p.until,
            p.webhook,
            p.now,
            p.limit,
          )
          .map(callOf)
          .toSorted((a, b) => a.id - b.id),
      ),
    told: (p) =>
      change(p.boot, () => {
        for (const id of p.ids) sql.run("DELETE FROM webhook_call WHERE id = ?", id);
      }),
    failed: (p) =>
      change(p.boot, () => {
        for (const { id, tries, dueAt, problem } of p.calls) {
          const left = sql.row<{ run: number; webhook: string }>(
            "UPDATE webhook_call SET due_at = ?, claimed_by = NULL, problem = ? WHERE id = ? AND tries = ? RETURNING run, webhook",
            dueAt,
            problem,
            id,
            tries,
          );
          // Those behind it cannot go before it: they must not be looked at before it either.
          if (left && dueAt !== null)
            sql.run(
              "UPDATE webhook_call SET due_at = max(due_at, ?) WHERE run = ? AND webhook = ? AND id > ? AND due_at IS NOT NULL",
              dueAt,
              left.run,
              left.webhook,
              id,
            );
        }
      }),
    nextAt: ({ webhook }) =>
      sql.row<{ dueAt: number }>(
        `SELECT c.due_at AS dueAt FROM webhook_call c WHERE c.webhook = ? AND c.due_at IS NOT NULL AND ${inTurn} ORDER BY c.due_at, c.id LIMIT 1`,
        webhook,
      )?.dueAt ?? null,
    list: ({ namespace, after, limit, givenUp }) =>
      sql
        .rows<Raw>(
          `SELECT ${columns} FROM webhook_call WHERE id > ? AND namespace = coalesce(?, namespace) ${givenUp ? "AND due_at IS NULL" : ""} ORDER BY id LIMIT ?`,
          after,
          namespace,
          limit,
        )
        .map(callOf),
    revive: (p) =>
      change(p.boot, () =>
        p.ids.reduce(
          (n, id) => n + sql.run("UPDATE webhook_call SET due_at = ?, tries = 0 WHERE id = ? AND due_at IS NULL", p.now, id),
          0,
        ),
      ),
    tidy: (p) =>
      change(p.boot, () => {
        sql.run(
          `UPDATE webhook_call SET due_at = NULL, claimed_by = NULL, problem = 'no webhook of that name'
           WHERE due_at IS NOT NULL AND at < ? AND webhook NOT IN (SELECT value FROM json_each(?))`,
          p.strayBefore,
          JSON.stringify(p.known),
        );
        sql.run("DELETE FROM webhook_call WHERE due_at IS NULL AND at < ?", p.keptBefore);
      }),
  };
}

/** What an earlier life had claimed is due now: nobody else can have it. */
export function releaseCalls(sql: Statements, now: number): void {
  sql.run("UPDATE webhook_call SET due_at = ?, claimed_by = NULL WHERE claimed_by IS NOT NULL AND due_at IS NOT NULL", now);
}

function callOf({ event, status, ...rest }: Raw): WebhookCall {
  return {
    ...rest,
    event: webhookEvents[event - 1] as WebhookEvent,
    status: status === null ? null : (outcomeCodes[status] ?? "failed"),
  };
}
