// The append-only record of one world: what was stored and answered, what clients were told, what code did. It grows and
// is never changed; its hash is the same for the same seed, byte for byte.
import { createHash } from "node:crypto";
import type { Delivery, Assignment, Fence } from "../../src/protocol/worker.ts";
import type { Batch, BatchResult, ReadyRow } from "../../src/store/contract.ts";

export type Entry =
  | { readonly t: "fault"; readonly point: string }
  | { readonly t: "faults over" }
  /** An orchestrator logged an error. */
  | { readonly t: "logged"; readonly message: string; readonly fields: unknown }
  /** Something threw that no fault explains. */
  | { readonly t: "broken"; readonly what: string }
  /** What the last life believes when nothing is left to do. */
  | { readonly t: "at rest"; readonly ready: number; readonly delayed: number; readonly running: number; readonly busy: number }
  /** Of a store that several lives share: one begins, one is over by itself or was found dead; what they ran goes back. */
  | { readonly t: "life"; readonly boot: number; readonly leaseMs: number }
  | { readonly t: "beat"; readonly boot: number }
  | { readonly t: "over"; readonly by: number; readonly boots: readonly number[] }
  | {
      readonly t: "taken back";
      readonly by: number;
      readonly ready: readonly number[];
      readonly parked: readonly number[];
    }
  /** In the store: attempts that go on under a lease of that life. */
  | {
      readonly t: "adopted";
      readonly boot: number;
      readonly attempts: readonly { readonly held: Fence; readonly leaseNo: number }[];
    }
  /** Reached a worker. */
  | { readonly t: "told of its adoption"; readonly worker: string; readonly fence: Fence; readonly next: Fence }
  /** Seen from outside: a ready task that a worker could have run for so long. */
  | { readonly t: "forgotten"; readonly task: number; readonly forMs: number; readonly worker: string }
  | { readonly t: "boot"; readonly boot: number; readonly recovered: number; readonly parked: readonly number[] }
  /** Stored. `boot`: whose life asked for it. */
  | { readonly t: "commit"; readonly boot: number; readonly batch: Batch; readonly result: BatchResult }
  | { readonly t: "refused"; readonly boot: number; readonly code: string }
  | { readonly t: "released"; readonly boot: number; readonly rows: readonly ReadyRow[] }
  | { readonly t: "defined"; readonly definitions: readonly { readonly id: number; readonly name: string }[] }
  /** A client asked; later, perhaps, it was told. */
  | { readonly t: "asked"; readonly client: number; readonly name: string; readonly key: string | null }
  | { readonly t: "started"; readonly client: number; readonly run: string; readonly existing: boolean }
  | { readonly t: "not started"; readonly client: number; readonly code: string }
  | { readonly t: "ended"; readonly run: string; readonly status: string; readonly value: string | null; readonly error: unknown }
  | { readonly t: "message taken"; readonly run: string; readonly value: string }
  | { readonly t: "approval taken"; readonly approval: string; readonly yes: boolean }
  | { readonly t: "cancel acknowledged"; readonly id: string }
  /** A worker process, and how many attempts it may execute at a time. */
  | { readonly t: "worker"; readonly worker: string; readonly slots: number }
  | { readonly t: "worker gone"; readonly worker: string }
  /** Code of an agent. */
  | { readonly t: "begins"; readonly worker: string; readonly task: string; readonly attempt: number }
  | {
      readonly t: "stops";
      readonly worker: string;
      readonly task: string;
      readonly attempt: number;
      readonly value: string | null;
    }
  /** Reached a worker. */
  | { readonly t: "assigned"; readonly worker: string; readonly tasks: readonly Assignment[] }
  | { readonly t: "delivered"; readonly worker: string; readonly fence: Fence; readonly deliveries: readonly Delivery[] }
  | { readonly t: "acked"; readonly worker: string; readonly fence: Fence; readonly act: number };

export type Recorded = Entry & { readonly atMs: number };

export class Record {
  readonly entries: Recorded[] = [];
  /** Tasks that were stored, and those of them without an outcome. */
  readonly open = new Set<number>();
  tasks = 0;
  readonly #hash = createHash("sha256");
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  add(entry: Entry): void {
    const recorded = { ...entry, atMs: this.#now() };
    this.entries.push(recorded);
    this.#hash.update(JSON.stringify(recorded, plain));
    if (entry.t === "commit") this.#count(entry.batch, entry.result);
  }

  get hash(): string {
    return this.#hash.copy().digest("hex").slice(0, 24);
  }

  #count(batch: Batch, result: BatchResult): void {
    // An attempt's acts may count while its end in the same batch does not: it was parked in between.
    const names = (leases: BatchResult["fenced"]) => new Set(leases.map((l) => `${l.task}:${l.leaseNo}`));
    const lost = names(result.fenced);
    const unheard = names(result.fencedActs);
    for (const acts of batch.acts) {
      if (unheard.has(`${acts.lease.task}:${acts.lease.leaseNo}`)) continue;
      for (const c of acts.children) if (!c.refused) this.#born(c.id);
    }
    for (const [i, t] of batch.tasks.entries()) if (!result.existing.has(i)) this.#born(t.id);
    for (const t of result.ticked) for (const task of t.started) this.#born(task);
    for (const s of batch.settles) if (!lost.has(`${s.lease.task}:${s.lease.leaseNo}`)) this.open.delete(s.lease.task);
    for (const c of result.closed) this.open.delete(c.task);
  }
  #born(task: number): void {
    this.tasks++;
    this.open.add(task);
  }
}

/** Maps as lists; without what depends on the machine (stacks) and without the bulk of large values. */
function plain(key: string, value: unknown): unknown {
  if (key === "stack") return undefined;
  if (value instanceof Map) return [...value];
  if (typeof value === "string" && value.length > 2_000) return `${value.length} ${value.slice(0, 40)}`;
  return value;
}
