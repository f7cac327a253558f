import type { WebhookCallsQuery } from "../../protocol/webhooks.ts";
import { checked, present, webhookCallsQuery } from "../requests.ts";
import type { Handler } from "../route.ts";

export const listWebhookCalls: Handler = async ({ api }, call) => {
  const { givenUp, ...rest } = checked(webhookCallsQuery, call.query, "query");
  const query = present({ ...rest, givenUp: givenUp === "true" }) as WebhookCallsQuery;
  return { status: 200, json: await api.webhooks.calls(query) };
};

export const retryWebhookCall: Handler = async ({ api }, call) => ({
  status: 202,
  json: await api.webhooks.retry(call.param("id")),
});
