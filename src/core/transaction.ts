/**
 * A transaction of your own that is open, on PostgreSQL: a `Client` or `PoolClient` of `pg` after its `BEGIN`, or anything
 * that sends a statement with `$1`-parameters on that one connection.
 */
export interface SqlTransaction {
  // oxlint-disable-next-line typescript/no-explicit-any -- drivers say of rows what they like
  query(text: string, params: any[]): Promise<{ readonly rows: readonly any[] }>;
}
