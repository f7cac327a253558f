// How the files of this folder speak to the database, whatever connection they are given.

/** One connection, or one transaction on it. int8 comes as a number: all of ours lie below 2^53. */
export interface Sql {
  rows<T>(text: string, params?: readonly unknown[]): Promise<T[]>;
  row<T>(text: string, params?: readonly unknown[]): Promise<T | undefined>;
  /** @returns how many rows it wrote */
  run(text: string, params?: readonly unknown[]): Promise<number>;
}

/** The whole database: statements on any connection, each its own transaction, and transactions of several. */
export interface Database extends Sql {
  /** READ COMMITTED. What `work` throws rolls it back. */
  transaction<T>(work: (tx: Sql) => Promise<T>): Promise<T>;
}

/** What is sent now or later. */
export interface Statement {
  readonly text: string;
  readonly params: readonly unknown[];
}
