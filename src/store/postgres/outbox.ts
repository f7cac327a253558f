import { FlotillaError } from "../../core/error.ts";
import { strangeDatabase } from "../../core/transaction.ts";
import type { NewTask } from "../contract.ts";
import type { OutboxRow, OutboxStore, Submitted } from "../outbox.ts";
import { channelOf } from "./hints.ts";
import type { Settings } from "./settings.ts";
import type { Database } from "./sql.ts";
import type { Transaction } from "./transaction.ts";
import { decodeText, encodeText, ints } from "./values.ts";

/** As the listener reads it: there is something to look for. */
const lookAround = JSON.stringify({ f: "", m: 1 });

interface RawSubmitted {
  readonly task: string;
  readonly held_by: string | null;
  readonly input_hash: string | null;
}

export function openOutbox(db: Database, settings: Pick<Settings, "schema" | "shown">): OutboxStore {
  const { schema } = settings;
  // With the schema's name: the user's connection has a search path of its own. Text comes back: drivers read int8 as they like.
  const submit = `SELECT task, held_by, input_hash FROM ${schema}.submit($1::text, $2::bigint, $3::bigint, $4::text, $5::text, $6::text, $7::text, $8::text)`;
  return {
    schema,
    async submit({ tx, secret, namespace, definition, key, inputHash, request, notify }): Promise<Submitted> {
      const channel = notify ? channelOf(schema) : null;
      const params = [
        secret,
        namespace,
        definition,
        key === null ? null : encodeText(key),
        inputHash,
        request,
        channel,
        lookAround,
      ];
      let rows: readonly RawSubmitted[];
      try {
        ({ rows } = await tx.query(submit, params));
      } catch (e) {
        throw strangeDatabase(e, settings);
      }
      const [row] = rows ?? [];
      if (!row) throw unanswered(settings.shown);
      const task = Number(row.task);
      if (row.held_by === null) return { task, existing: null };
      return { task, existing: { secret: decodeText(row.held_by), inputHash: row.input_hash ?? "" } };
    },
    peek: ({ limit, without }) =>
      db.rows<OutboxRow>(
        "SELECT task, secret, namespace, request FROM outbox WHERE task <> ALL($2::bigint[]) ORDER BY task LIMIT $1",
        [limit, without],
      ),
  };
}

/** Of these tasks the ones whose rows are ours now. What another transaction holds is left to it: nobody waits. */
export async function takeRows(tx: Transaction, tasks: readonly NewTask[]): Promise<ReadonlySet<number>> {
  const rows = await tx.rows<{ task: number }>(
    `WITH mine AS MATERIALIZED (SELECT task FROM outbox WHERE task = ANY($1::bigint[]) ORDER BY task FOR UPDATE SKIP LOCKED)
     DELETE FROM outbox o USING mine WHERE o.task = mine.task RETURNING o.task`,
    [ints(tasks.map((t) => t.id))],
  );
  return new Set(rows.map((r) => r.task));
}

function unanswered(path: string): FlotillaError {
  return new FlotillaError("FLOTILLA_STORE_UNUSABLE", {
    path,
    problem: "tx.query gave no rows",
    fix: "pass what answers a statement with { rows }: a client of pg, or an adapter",
  });
}
