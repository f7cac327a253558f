import { FlotillaError } from "./error.ts";

/**
 * A transaction of your own that is open, on PostgreSQL: a `Client` or `PoolClient` of `pg` after its `BEGIN`, or anything
 * that sends a statement with `$1`-parameters on that one connection.
 */
export interface SqlTransaction {
  // oxlint-disable-next-line typescript/no-explicit-any -- drivers say of rows what they like
  query(text: string, params: any[]): Promise<{ readonly rows: readonly any[] }>;
}

/** What the user's database says when our tables are not in it, or not for its user. Anything else is the user's own affair. */
export function strangeDatabase(e: unknown, { schema, shown }: { readonly schema: string; readonly shown: string }): unknown {
  const { code } = e as { code?: string };
  const unusable = (problem: string, fix: string) =>
    new FlotillaError("FLOTILLA_STORE_UNUSABLE", { path: shown, problem, fix }, { cause: e });
  if (code === "3F000" || code === "42883")
    return unusable(
      `the database of the transaction has no schema ${schema} of this version`,
      "open the transaction in the database that the fleet's store URL names",
    );
  if (code === "42501")
    return unusable(
      "the user of the transaction may not call what is in its schema",
      `GRANT USAGE ON SCHEMA ${schema} TO its_user; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ${schema} TO its_user`,
    );
  return e;
}
