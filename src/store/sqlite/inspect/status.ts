// How a store stands, from outside: nothing is written, and its fleet may work meanwhile.
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { runId } from "../../../core/id.ts";
import { storeFailure } from "../failure.ts";
import { migrationsAfter, schemaKnown } from "../migrate.ts";
import { places } from "../places.ts";

export interface TableCount {
  readonly table: string;
  readonly rows: number;
  /** False: at least so many. */
  readonly exact: boolean;
}

export interface StoreStatus {
  readonly path: string;
  readonly schema: number;
  /** What this version knows. */
  readonly known: number;
  /** Files that `db migrate` would apply. */
  readonly pending: readonly string[];
  readonly bytes: number;
  readonly pageBytes: number;
  readonly pages: number;
  /** Deleted and not used again yet. */
  readonly freePages: number;
  readonly walBytes: number;
  readonly artifacts: { readonly files: number; readonly bytes: number };
  readonly tables: readonly TableCount[];
  /** The oldest run with an open task. */
  readonly oldestOpen: { readonly run: string; readonly createdAt: string } | null;
  /** Runs that are being deleted. */
  readonly deleting: number;
  /** Restored with open runs, and not resumed. */
  readonly restoredAt: string | null;
}

/** Rows that are counted one by one: 100,000 take 1 to 5 ms. */
const countedMax = 100_000;

/** `exact`: counts every row, however long it takes. @throws FLOTILLA_STORE_UNUSABLE */
export function inspectStore(path: string, o: { readonly exact: boolean }): StoreStatus {
  let db: DatabaseSync | undefined;
  try {
    const opened = (db = new DatabaseSync(path, { readOnly: true, timeout: 5_000 }));
    const one = <T>(query: string): T => Object.values(opened.prepare(query).get() as object)[0] as T;
    const schema = one<number>("PRAGMA user_version");
    const tables = (
      opened.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name").all() as {
        name: string;
      }[]
    ).map((t) => t.name);
    const pageBytes = one<number>("PRAGMA page_size");
    const upkeep = tables.includes("upkeep");
    const restored = upkeep
      ? (opened.prepare("SELECT value FROM upkeep WHERE name = 'restored_at'").get() as { value: number } | undefined)
      : undefined;
    return {
      path,
      schema,
      known: schemaKnown(),
      pending: migrationsAfter(schema),
      bytes: statSync(path).size,
      pageBytes,
      pages: one<number>("PRAGMA page_count"),
      freePages: one<number>("PRAGMA freelist_count"),
      walBytes: statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0,
      artifacts: artifactSizes(`${path}.artifacts`),
      tables: tables.map((table) => countRows(opened, table, o.exact)),
      oldestOpen: tables.includes("task") ? oldestOpen(opened, tables) : null,
      deleting: upkeep ? one<number>("SELECT count(*) FROM prune_job") : 0,
      restoredAt: restored ? new Date(restored.value).toISOString() : null,
    };
  } catch (e) {
    throw storeFailure(e, path);
  } finally {
    db?.close();
  }
}

function countRows(db: DatabaseSync, table: string, all: boolean): TableCount {
  const from = all ? table : `(SELECT 1 FROM ${table} LIMIT ${countedMax + 1})`;
  const { n } = db.prepare(`SELECT count(*) AS n FROM ${from}`).get() as { n: number };
  return all || n <= countedMax ? { table, rows: n, exact: true } : { table, rows: countedMax, exact: false };
}

function oldestOpen(db: DatabaseSync, tables: readonly string[]): StoreStatus["oldestOpen"] {
  const open = places.filter((place) => tables.includes(place)).map((place) => `SELECT task FROM ${place}`);
  const row = db
    .prepare(
      `SELECT r.id, r.secret, r.created_at AS createdAt FROM task r WHERE r.id = (SELECT min(t.run) FROM task t WHERE t.id IN (${open.join(" UNION ALL ")}))`,
    )
    .get() as { id: number; secret: string | null; createdAt: number } | undefined;
  return row ? { run: runId(row.secret ?? "", row.id), createdAt: new Date(row.createdAt).toISOString() } : null;
}

function artifactSizes(folder: string): StoreStatus["artifacts"] {
  let files = 0;
  let bytes = 0;
  for (const entry of artifactFiles(folder)) {
    files += 1;
    bytes += statSync(entry.path, { throwIfNoEntry: false })?.size ?? 0;
  }
  return { files, bytes };
}

/** Every file below a folder of artifacts: `ab/abcd...`. */
export function artifactFiles(folder: string): { readonly name: string; readonly path: string }[] {
  const list = (path: string): string[] => {
    try {
      return readdirSync(path);
    } catch {
      return [];
    }
  };
  return list(folder).flatMap((shard) => list(join(folder, shard)).map((name) => ({ name, path: join(folder, shard, name) })));
}
