import type { SqlTransaction } from "../core/transaction.ts";
import type { StartRequest } from "./views.ts";

/** Starts that take effect with a transaction of the user's, on a store that is in the same database. */
export interface TransactionStarts {
  /**
   * @param o.notify tells the orchestrators at the commit. `existing`: the key has this run already.
   * @throws FLOTILLA_UNKNOWN_DEFINITION, FLOTILLA_IDEMPOTENCY_CONFLICT, FLOTILLA_STORE_UNUSABLE
   */
  submit(
    request: StartRequest,
    o: { readonly tx: SqlTransaction; readonly notify: boolean },
  ): Promise<{ readonly id: string; readonly existing: boolean }>;
  /** Resolves when the run is there. @throws FLOTILLA_NOT_FOUND when it is not after 30 s */
  stored(id: string): Promise<void>;
}
