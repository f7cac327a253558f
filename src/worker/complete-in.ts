import { bounds } from "../core/bounds.ts";
import { FlotillaError } from "../core/error.ts";
import { strangeDatabase, type SqlTransaction } from "../core/transaction.ts";
import type { Attempt } from "./attempt.ts";
import { unsupported } from "./unsupported.ts";
import { isTooLong, resultText } from "./values.ts";

/** Writes, by the user's own connection, that the task has succeeded with that value: true when the transaction commits. */
export async function completeIn(attempt: Attempt, tx: SqlTransaction, value: unknown): Promise<void> {
  const { definition, fence, host, assignment } = attempt;
  const what = "ctx.completeIn";
  if (!host.store)
    return unsupported(
      `${what} on this fleet`,
      "open it with a PostgreSQL store in the database of the transaction; elsewhere use ctx.step",
    );
  if (typeof (tx as { query?: unknown } | null)?.query !== "function")
    throw new FlotillaError("FLOTILLA_CONFIG_INVALID", {
      field: `${what}.tx`,
      problem: "it has no query(text, params)",
      fix: "pass the client that has begun the transaction",
    });
  const text = await resultText(definition, value);
  // It lies in a row: a larger one would be an artifact, which the transaction cannot write.
  if (isTooLong(text, bounds.inlineResultBytes))
    throw new FlotillaError("FLOTILLA_TOO_LARGE", {
      what: `${what}(value)`,
      bytes: Buffer.byteLength(text),
      max: bounds.inlineResultBytes,
    });
  if (attempt.closed) throw attempt.abortedBy ?? new FlotillaError("FLOTILLA_LEASE_LOST", { task: assignment.publicId });
  const { schema } = host.store;
  const statement = `SELECT ${schema}.complete($1::bigint, $2::int, $3::text) AS answer`;
  // The store's own text has U+FFFF as a mark; JSON can say it by its number.
  const params = [fence.task, fence.leaseNo, text.replaceAll("\uFFFF", "\\uffff")];
  const { rows } = await tx.query(statement, params).catch((e: unknown) => {
    throw strangeDatabase(e, { schema, shown: `schema ${schema}` });
  });
  const answer: unknown = (rows[0] as { answer?: unknown } | undefined)?.answer;
  if (answer === "held") return;
  if (answer === "done")
    throw new FlotillaError("FLOTILLA_TOO_LATE", {
      what: `${what} of task ${assignment.publicId}`,
      why: "it is completed already, in this transaction or another",
    });
  throw new FlotillaError("FLOTILLA_LEASE_LOST", { task: assignment.publicId });
}
