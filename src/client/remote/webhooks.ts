import type { Page } from "../../protocol/views.ts";
import type { WebhookCallView, WebhooksApi } from "../../protocol/webhooks.ts";
import type { Caller } from "./caller.ts";
import { queryString } from "./query-string.ts";

/** `WebhooksApi` from afar. */
export function remoteWebhooks(caller: Caller): WebhooksApi {
  return {
    calls: ({ givenUp, ...q }) =>
      caller.json<Page<WebhookCallView>>(`/webhook-calls${queryString({ ...q, ...(givenUp === true && { givenUp: "true" }) })}`),
    retry: (id) => caller.json<WebhookCallView>(`/webhook-calls/${encodeURIComponent(id)}/retry`, { method: "POST" }),
  };
}
