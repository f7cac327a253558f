import type { Closed, Lease, ReadyRow, StoredDelivery, StoredEvent } from "../../../src/store/contract.ts";
import type { Rows } from "./disk.ts";

/** One commit under way: the copy that it works on, and what it will answer. */
export interface Writing {
  readonly rows: Rows;
  readonly now: number;
  /** The life that it belongs to. */
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
  readonly events: StoredEvent[];
  readonly existing: Map<number, { task: number; secret: string; inputHash: string }>;
}

export function beginWriting(rows: Rows, { now, boot }: { readonly now: number; readonly boot: number }): Writing {
  return {
    rows,
    now,
    boot,
    fencedActs: [],
    fenced: [],
    unclaimed: [],
    deliveries: [],
    closed: [],
    due: [],
    woken: [],
    parked: [],
    unsent: new Map(),
    unanswered: new Set(),
    events: [],
    existing: new Map(),
  };
}

/** The attempt with that lease is the one that runs, and it is this life's. */
export function holdsLease(w: Writing, lease: Lease): boolean {
  const place = w.rows.places.get(lease.task);
  return place?.in === "running" && place.leaseNo === lease.leaseNo && place.boot === w.boot;
}
