import { readdirSync, readFileSync } from "node:fs";
import { FlotillaError } from "../../core/error.ts";
import { storeFailure } from "./failure.ts";
import { beginText, clientConfig } from "./line.ts";
import type { Settings } from "./settings.ts";
import { types } from "./values.ts";
import pg from "pg";

const folder = new URL("./migrations/", import.meta.url);

export interface Migration {
  readonly id: number;
  readonly file: string;
  /** A version that does not know it must not touch the database. */
  readonly breaking: boolean;
  readonly sql: string;
}

export function migrations(): Migration[] {
  return readdirSync(folder)
    .filter((f) => f.endsWith(".sql"))
    .toSorted()
    .map((file, i) => {
      const sql = readFileSync(new URL(file, folder), "utf8");
      return { id: i + 1, file, breaking: !sql.startsWith("-- breaking: no"), sql };
    });
}

/**
 * Creates the schema and brings its tables up to date; several who open it at once wait for the first. All of it is one
 * transaction. A newer schema is fine as long as nothing in it is `breaking`: a fleet is upgraded one machine at a time. A
 * breaking migration waits until no life goes on: those that are up do not know what it makes of the tables.
 * @returns the number of the last migration that the schema has had.
 * @throws FLOTILLA_STORE_NEWER, FLOTILLA_STORE_UNUSABLE, FLOTILLA_STORE_UNREACHABLE
 */
export async function migrate(s: Settings, known: readonly Migration[] = migrations()): Promise<number> {
  const client = new pg.Client({ ...clientConfig(s, "reads"), types });
  client.on("error", () => {});
  try {
    await client.connect();
    // Nearly always there is nothing to do: then nobody waits for anybody.
    const had = await applied(client, s, known.length);
    if (had !== null && missing(known, had).length === 0) return newest(had);
    if (!s.migrate) throw behind(s, had === null ? null : missing(known, had));
    await client.query(beginText(s, "reads"));
    // One number for each schema; the lock goes with the transaction.
    await client.query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [`flotilla schema ${s.schema}`]);
    const before = await applied(client, s, known.length);
    const now = before ?? (await create(client, s));
    if (before !== null) await refuseLives(client, s, missing(known, now));
    for (const m of missing(known, now)) {
      await client.query(m.sql);
      await client.query("INSERT INTO migration (id, breaking) VALUES ($1, $2)", [m.id, m.breaking]);
      now.push(m);
    }
    await client.query("COMMIT");
    return newest(now);
  } catch (e) {
    throw storeFailure(e, s.shown);
  } finally {
    await client.end().catch(() => undefined);
  }
}

function behind(s: Settings, pending: readonly Migration[] | null): FlotillaError {
  return new FlotillaError("FLOTILLA_STORE_UNUSABLE", {
    path: s.shown,
    problem:
      pending === null
        ? "its tables are not there, and migrate=false forbids to make them"
        : `it lacks ${pending.map((m) => m.file).join(", ")}, and migrate=false forbids to apply that`,
    fix: "bring it up to date: flotilla db migrate",
  });
}

/** None can begin before the end of this transaction; then it finds what was done (boot.ts). */
async function refuseLives(client: pg.Client, s: Settings, pending: readonly Migration[]): Promise<void> {
  const breaking = pending.find((m) => m.breaking);
  if (!breaking) return;
  await client.query("LOCK TABLE orchestrator IN SHARE ROW EXCLUSIVE MODE");
  const { rows } = await client.query<{ host: string; version: string }>(
    "SELECT host, version FROM orchestrator WHERE expires_at > clock_timestamp() ORDER BY id",
  );
  const [first] = rows;
  if (first)
    throw new FlotillaError("FLOTILLA_STORE_UNUSABLE", {
      path: s.shown,
      problem: `${breaking.file} changes tables under ${rows.length} of an older version that are up (the first: ${first.version} on ${first.host})`,
      fix: "stop every orchestrator of the older version first; its workers' tasks wait meanwhile",
    });
}

export type Applied = Pick<Migration, "id" | "breaking">;

/** null: the schema, or our tables in it, are not there. */
export async function applied(client: pg.Client, s: Settings, known: number): Promise<Applied[] | null> {
  const { rows: there } = await client.query<{ n: string | null }>("SELECT to_regclass($1)::text AS n", [
    `${s.schema}.migration`,
  ]);
  if (there[0]?.n === null) return null;
  const { rows } = await client.query<Applied>(`SELECT id, breaking FROM ${s.schema}.migration ORDER BY id`);
  const stranger = rows.find((m) => m.id > known && m.breaking);
  if (stranger) throw new FlotillaError("FLOTILLA_STORE_NEWER", { path: s.shown, schema: stranger.id, known });
  return rows;
}

async function create(client: pg.Client, s: Settings): Promise<Applied[]> {
  const { rows: schemas } = await client.query("SELECT 1 FROM pg_namespace WHERE nspname = $1", [s.schema]);
  // Not IF NOT EXISTS: that asks for the right to create schemas also where an administrator has made this one.
  if (schemas.length === 0) await client.query(`CREATE SCHEMA ${s.schema}`);
  const { rows: foreign } = await client.query<{ name: string }>(
    "SELECT c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 LIMIT 1",
    [s.schema],
  );
  if (foreign[0])
    throw new FlotillaError("FLOTILLA_STORE_UNUSABLE", {
      path: s.shown,
      problem: `another program's tables are in schema ${s.schema} (it has ${foreign[0].name})`,
      fix: "name another schema in the URL: ?schema=...; this one was not touched",
    });
  await client.query(
    "CREATE TABLE migration (id int PRIMARY KEY, breaking boolean NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp())",
  );
  return [];
}

export function missing(known: readonly Migration[], had: readonly Applied[]): Migration[] {
  const ids = new Set(had.map((m) => m.id));
  return known.filter((m) => !ids.has(m.id));
}

function newest(had: readonly Applied[]): number {
  return Math.max(...had.map((m) => m.id));
}
