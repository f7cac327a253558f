import pg from "pg";
import { FlotillaError } from "../../../core/error.ts";
import { storeFailure } from "../failure.ts";
import { clientConfig, sqlOn } from "../line.ts";
import { applied, migrations, missing, type Applied } from "../migrate.ts";
import type { Settings } from "../settings.ts";
import type { Sql } from "../sql.ts";
import { types } from "../values.ts";

export interface Looked {
  readonly sql: Sql;
  /** What the schema has had; null: none of our tables is there. */
  readonly applied: readonly Applied[] | null;
  readonly known: number;
  /** Files that would be applied. */
  readonly pending: readonly string[];
}

/**
 * One transaction on a connection of its own. It sees one instant and changes nothing; with `write` it sees what is true as
 * it goes, and has to lock what must not change.
 * @throws FLOTILLA_STORE_NEWER, FLOTILLA_STORE_UNUSABLE, FLOTILLA_STORE_UNREACHABLE
 */
export async function inSnapshot<T>(
  s: Settings,
  o: { readonly write: boolean },
  work: (looked: Looked) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ ...clientConfig({ ...s, url: s.directUrl, pooled: false }, "reads"), types });
  client.on("error", () => {});
  try {
    await client.connect();
    await client.query(`BEGIN ISOLATION LEVEL ${o.write ? "READ COMMITTED READ WRITE" : "REPEATABLE READ READ ONLY"}`);
    const known = migrations();
    const had = await applied(client, s, known.length);
    const pending = missing(known, had ?? []).map((m) => m.file);
    const result = await work({ sql: sqlOn(client, false), applied: had, known: known.length, pending });
    await client.query("COMMIT");
    return result;
  } catch (e) {
    throw storeFailure(e, s.shown);
  } finally {
    await client.end().catch(() => undefined);
  }
}

export function noTables(s: Settings): FlotillaError {
  return new FlotillaError("FLOTILLA_STORE_UNUSABLE", {
    path: s.shown,
    problem: `there are no tables of ours in schema ${s.schema}`,
    fix: "start an orchestrator on it, or make them: flotilla db migrate",
  });
}
