// Calls of webhooks of a plain list.
import { FlotillaError } from "../../src/core/error.ts";
import type { WebhookCallView, WebhooksApi } from "../../src/protocol/webhooks.ts";

export function webhookCallView(id: string, over: Partial<WebhookCallView> = {}): WebhookCallView {
  return {
    id,
    webhook: "example.com",
    event: "run.finished",
    runId: `r_${"0".repeat(26)}${id}`,
    definition: "review-all",
    namespace: "default",
    state: "waiting",
    at: "2026-11-22T10:00:00.000Z",
    tries: 0,
    nextAt: "2026-11-22T10:00:05.000Z",
    problem: null,
    ...over,
  };
}

export function fakeWebhooks(calls: WebhookCallView[]): WebhooksApi {
  return {
    async calls(q) {
      const rows = calls.filter((c) => Number(c.id) > Number(q.after ?? 0) && (q.givenUp !== true || c.state === "given up"));
      const items = rows.slice(0, q.limit ?? 50);
      return { items, next: items.length < rows.length ? (items.at(-1)?.id ?? null) : null };
    },
    async retry(id) {
      const i = calls.findIndex((c) => c.id === id);
      const call = calls[i];
      if (!call) throw new FlotillaError("FLOTILLA_NOT_FOUND", { what: "call of a webhook", id });
      if (call.state !== "given up")
        throw new FlotillaError("FLOTILLA_TOO_LATE", { what: `call ${id}`, why: "it is not given up" });
      const next: WebhookCallView = { ...call, state: "waiting", tries: 0, nextAt: call.at };
      calls[i] = next;
      return next;
    },
  };
}
