// What a store keeps for webhooks, types only: part of the contract, in a file of its own. A call is one event that must be
// told to one webhook. It is stored in the transaction of what it tells, and goes when it is told.
import type { OutcomeStatus } from "../core/task.ts";
import type { WebhookEvent } from "../core/webhook.ts";
import type { Awaitable } from "./contract.ts";

/** A webhook that wants events: what a batch must know to store its calls. */
export interface WebhookWant {
  /** Its name. */
  readonly webhook: string;
  readonly events: readonly WebhookEvent[];
  /** Names of definitions: only runs of these. Null: of all. */
  readonly definitions: readonly string[] | null;
  /** Name of a namespace: only its runs. Null: those of all. */
  readonly namespace: string | null;
}

/** Whole in itself: its run may be deleted before it is told. */
export interface WebhookCall {
  /** In the order of creation. */
  readonly id: number;
  readonly webhook: string;
  readonly event: WebhookEvent;
  readonly at: number;
  readonly run: number;
  readonly secret: string;
  /** Name of the run's definition. */
  readonly definition: string;
  /** Name of the run's. */
  readonly namespace: string;
  readonly tenant: string | null;
  /** The task that asked, below its run's root; null: the root. */
  readonly path: string | null;
  /** Of an approval. */
  readonly act: number | null;
  /** Of a run that has ended. */
  readonly status: OutcomeStatus | null;
  /** JSON: the code and message of a run's error; title, role and expiry of an approval. */
  readonly detail: string | null;
  /** How often it was claimed: the fence of a claim. */
  readonly tries: number;
  /** Not claimed before; of a claimed one, when the claim runs out. Null: given up. */
  readonly dueAt: number | null;
  /** Boot of the orchestrator that has it. */
  readonly claimedBy: number | null;
  /** Why the last try failed. */
  readonly problem: string | null;
}

/** Each verb is one transaction of its own. Calls themselves are stored by batches. */
export interface WebhookStore {
  /**
   * Claims calls of a webhook that are due, the oldest due first; never one while an earlier call of its run to the same
   * webhook is neither told nor given up. A claim that is not settled runs out at `until`; those of an orchestrator that has
   * ended may be given back at once.
   */
  claim(p: {
    readonly boot: number;
    readonly webhook: string;
    readonly now: number;
    readonly until: number;
    readonly limit: number;
  }): Awaitable<readonly WebhookCall[]>;
  /** They were told: their rows go, whoever has claimed them since. */
  told(p: { readonly boot: number; readonly ids: readonly number[] }): Awaitable<void>;
  /** They were not told: due again then, or given up. One that was claimed anew since (`tries`) is left as it is. */
  failed(p: {
    readonly boot: number;
    readonly calls: readonly {
      readonly id: number;
      readonly tries: number;
      readonly dueAt: number | null;
      readonly problem: string;
    }[];
  }): Awaitable<void>;
  /** When the next call of a webhook can be claimed; null: there is none. */
  nextAt(p: { readonly webhook: string }): Awaitable<number | null>;
  /** In the order of creation. */
  list(p: {
    /** By name; null: of all. */
    readonly namespace: string | null;
    readonly after: number;
    readonly limit: number;
    /** Only those that were given up. */
    readonly givenUp: boolean;
  }): Awaitable<readonly WebhookCall[]>;
  /** Those that were given up are due now, with their tries forgotten. @returns how many */
  revive(p: { readonly boot: number; readonly now: number; readonly ids: readonly number[] }): Awaitable<number>;
  /**
   * Gives up calls of webhooks that are not `known` and were stored before `strayBefore`, and deletes those that were given
   * up and stored before `keptBefore`.
   */
  tidy(p: {
    readonly boot: number;
    readonly known: readonly string[];
    readonly strayBefore: number;
    readonly keptBefore: number;
  }): Awaitable<void>;
}
