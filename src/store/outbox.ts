// Starts that users' own transactions have asked for: part of the contract, types only. Whoever makes a run of a row deletes
// it in the same transaction (`NewTask.outbox`).
import type { SqlTransaction } from "../core/transaction.ts";
import type { Awaitable } from "./contract.ts";

export interface OutboxRow {
  /** The id and the secret that its run will have: the user knows them already. */
  readonly task: number;
  readonly secret: string;
  readonly namespace: number;
  /** JSON of a StartRequest. */
  readonly request: string;
}

/** What a start in a transaction got: a row of its own, or a run, stored or asked for, that has the key. */
export type Submitted =
  | { readonly task: number; readonly existing: null }
  | { readonly task: number; readonly existing: { readonly secret: string; readonly inputHash: string } };

export interface OutboxStore {
  /** Where users' connections find it. */
  readonly schema: string;
  /** Writes through the user's own connection. @throws FLOTILLA_STORE_UNUSABLE when this store is not in its database */
  submit(p: {
    readonly tx: SqlTransaction;
    readonly secret: string;
    readonly namespace: number;
    readonly definition: number;
    readonly key: string | null;
    readonly inputHash: string | null;
    readonly request: string;
    /** Orchestrators are told at the commit. */
    readonly notify: boolean;
  }): Promise<Submitted>;
  /** The oldest rows that are committed, without these. */
  peek(p: { readonly limit: number; readonly without: readonly number[] }): Awaitable<readonly OutboxRow[]>;
}
