import type pg from "pg";
import { ask, type Queryable } from "./line.ts";
import type { Sql } from "./sql.ts";

/**
 * One transaction on a pipelined connection. Statements are sent as they come and answered in that order; whoever needs an
 * answer to go on waits for it. After a failure the database skips the rest, so the first one is the one that counts.
 */
export class Transaction implements Sql {
  readonly #client: Queryable;
  readonly #prepare: boolean;
  #under: Promise<void>[] = [];
  #failure: { readonly error: unknown } | undefined;
  /** Of all transactions of this process: statements sent, and how often somebody waited for their answers. */
  static readonly total = { statements: 0, waits: 0 };

  constructor(client: Queryable, prepare: boolean) {
    this.#client = client;
    this.#prepare = prepare;
  }

  /** Sends a statement. `then` gets its rows before `flush`, and before the rows of any later one. */
  later<T = never>(text: string, params: readonly unknown[] = [], then?: (rows: T[], result: pg.QueryResult) => void): void {
    Transaction.total.statements += 1;
    const answer = ask(this.#client, text, params, this.#prepare).then(
      (result) => {
        if (this.#failure === undefined) then?.(result.rows as T[], result);
      },
      (error: unknown) => {
        this.#failure ??= { error };
      },
    );
    // What `then` throws is ours.
    this.#under.push(answer.catch((error: unknown) => void (this.#failure ??= { error })));
  }

  /** Until all that was sent is answered. */
  async flush(): Promise<void> {
    if (this.#under.length > 0) Transaction.total.waits += 1;
    while (this.#under.length > 0) {
      const under = this.#under;
      this.#under = [];
      await Promise.all(under);
    }
    if (this.#failure) throw this.#failure.error;
  }

  async rows<T>(text: string, params: readonly unknown[] = []): Promise<T[]> {
    let found: T[] = [];
    this.later<T>(text, params, (rows) => (found = rows));
    await this.flush();
    return found;
  }
  async row<T>(text: string, params: readonly unknown[] = []): Promise<T | undefined> {
    return (await this.rows<T>(text, params))[0];
  }
  async run(text: string, params: readonly unknown[] = []): Promise<number> {
    let changed = 0;
    this.later(text, params, (_rows, result) => (changed = result.rowCount ?? 0));
    await this.flush();
    return changed;
  }
}

/** Thrown by the work of a transaction: what it was begun on is no longer so, and it begins again. */
export class Restart extends Error {}
