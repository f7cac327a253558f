// Calls of webhooks as people see them; part of views.ts in a file of its own.
import type { WebhookEvent } from "../core/webhook.ts";
import type { Page } from "./views.ts";

/** An event that a webhook is not told yet, or was given up. Neither its URL nor a secret is here. */
export interface WebhookCallView {
  /** A number as text: the order of creation. */
  readonly id: string;
  readonly webhook: string;
  readonly event: WebhookEvent;
  readonly runId: string;
  readonly definition: string;
  readonly namespace: string;
  readonly state: "waiting" | "under way" | "given up";
  /** When it happened. */
  readonly at: string;
  readonly tries: number;
  /** When it is tried again; of one under way, when somebody else may take it. Null: given up. */
  readonly nextAt: string | null;
  /** Why the last try failed. */
  readonly problem: string | null;
}

export interface WebhookCallsQuery {
  readonly limit?: number;
  readonly after?: string;
  /** Only those that were given up. @default false */
  readonly givenUp?: boolean;
}

export interface WebhooksApi {
  /** What is not told yet, in the order of creation. What was told is not kept. */
  calls(q: WebhookCallsQuery): Promise<Page<WebhookCallView>>;
  /** Tells again what was given up, now. @throws FLOTILLA_NOT_FOUND, FLOTILLA_TOO_LATE when it was not given up */
  retry(id: string): Promise<WebhookCallView>;
}
