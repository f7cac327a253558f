import type { Closed, Lease, ReadyRow, StoredDelivery } from "../contract.ts";
import type { RunChanges } from "./counters.ts";
import type { NewNotice } from "./notices.ts";
import type { Transaction } from "./transaction.ts";
import type { WebhookCalls } from "./webhook-calls.ts";

/** What the parts of one transaction gather. */
export interface Writing {
  readonly tx: Transaction;
  readonly runs: RunChanges;
  readonly webhooks: WebhookCalls;
  /** Runs whose lock it has, and those that it creates. */
  readonly locked: ReadonlySet<number>;
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
  /** By lane: tasks that were put into it, less those that were taken out. */
  readonly depth: Map<number, number>;
  /** For the lives whose attempts were closed. */
  readonly notices: NewNotice[];
}

export function addTo(depth: Map<number, number>, lane: number, by: number): void {
  depth.set(lane, (depth.get(lane) ?? 0) + by);
}
