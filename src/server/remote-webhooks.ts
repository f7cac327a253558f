import type { Page } from "../protocol/views.ts";
import type { WebhookCallView, WebhooksApi } from "../protocol/webhooks.ts";
import type { Route } from "./route.ts";

type Ask = <T>(path: string, o?: { readonly method: Route["method"]; readonly body?: string }) => Promise<T>;

/** `WebhooksApi` from afar. */
export function remoteWebhooks(ask: Ask, queryString: (query: Readonly<Record<string, string | number>>) => string): WebhooksApi {
  return {
    calls: ({ givenUp, ...q }) =>
      ask<Page<WebhookCallView>>(`/webhook-calls${queryString({ ...q, ...(givenUp === true && { givenUp: "true" }) })}`),
    retry: (id) => ask<WebhookCallView>(`/webhook-calls/${encodeURIComponent(id)}/retry`, { method: "POST" }),
  };
}
