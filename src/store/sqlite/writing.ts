import type { Closed, Lease, ReadyRow, StoredDelivery } from "../contract.ts";
import type { RunChanges } from "./counters.ts";
import type { Statements } from "./statements.ts";
import type { Tables } from "./tables.ts";
import type { WebhookCalls } from "./webhook-calls.ts";

/** What the parts of one transaction gather. */
export interface Writing {
  readonly sql: Statements;
  readonly tables: Tables;
  readonly runs: RunChanges;
  readonly webhooks: WebhookCalls;
  readonly now: number;
  readonly boot: number;
  readonly fencedActs: Lease[];
  readonly fenced: Lease[];
  readonly unclaimed: Lease[];
  readonly deliveries: StoredDelivery[];
  readonly closed: Closed[];
  readonly due: ReadyRow[];
  readonly woken: ReadyRow[];
  readonly parked: number[];
  readonly unsent: Map<number, "ended" | "full" | "duplicate">;
  readonly unanswered: Set<number>;
  readonly existing: Map<number, { task: number; secret: string; inputHash: string }>;
}
