// How a store stands, from outside: nothing is written, and its fleet works meanwhile.
import { runId } from "../../../core/id.ts";
import { places } from "../places.ts";
import { resolveSettings, type PostgresOptions, type Settings } from "../settings.ts";
import type { Sql } from "../sql.ts";
import { inSnapshot, noTables } from "./session.ts";

export interface PostgresTable {
  readonly table: string;
  readonly rows: number;
  /** False: at least so many. */
  readonly exact: boolean;
  /** With its indexes. */
  readonly bytes: number;
  /** Rows that were deleted or changed, and not vacuumed yet, as the server estimates. */
  readonly dead: number;
}

/** Who keeps old rows from being vacuumed: all that were deleted since stay in the way of every claim. */
export interface XminHolder {
  readonly kind: "session" | "prepared transaction" | "replication slot";
  /** A session's pid and program; the name of a prepared transaction or a slot. */
  readonly name: string;
  readonly state: string | null;
  /** How long the transaction has been open; null of a slot. */
  readonly sinceMs: number | null;
  /** Transactions that began after it. */
  readonly age: number;
}

export interface PostgresStatus {
  readonly path: string;
  readonly server: {
    readonly version: string;
    readonly upSince: string;
    readonly synchronousCommit: string;
    readonly standbys: number;
  };
  /** The last migration that was applied. */
  readonly schema: number;
  /** What this version knows. */
  readonly known: number;
  /** Files that `db migrate` would apply. */
  readonly pending: readonly string[];
  readonly bytes: number;
  readonly artifacts: { readonly files: number; readonly bytes: number };
  readonly tasks: Readonly<Record<(typeof places)[number], number>>;
  /** Ready tasks that nobody has claimed: how long the oldest has waited. */
  readonly oldestReadyMs: number | null;
  readonly oldestOpen: { readonly run: string; readonly createdAt: string } | null;
  /** Runs that are being deleted. */
  readonly deleting: number;
  readonly tables: readonly PostgresTable[];
  /** The oldest of them. */
  readonly xminHolder: XminHolder | null;
  readonly lives: readonly {
    readonly boot: number;
    readonly host: string;
    readonly pid: number;
    readonly version: string;
    readonly startedAt: string;
    /** False: its lease is over, and nobody has swept it yet. */
    readonly alive: boolean;
    readonly workers: number;
    readonly slots: number;
    readonly busy: number;
  }[];
}

/** Rows that are counted one by one: 100,000 take some 10 ms. */
const countedMax = 100_000;

/** `exact`: counts every row, however long it takes. @throws FLOTILLA_STORE_UNUSABLE, FLOTILLA_STORE_NEWER, FLOTILLA_STORE_UNREACHABLE */
export async function inspectPostgres(
  o: PostgresOptions,
  { exact, now }: { readonly exact: boolean; readonly now: number },
): Promise<PostgresStatus> {
  const s = resolveSettings(o);
  return await inSnapshot(s, { write: false }, async ({ sql, applied, known, pending }) => {
    if (applied === null) throw noTables(s);
    const tables = await tablesOf(sql, s.schema, exact);
    const rowsOf = (table: string) => tables.find((t) => t.table === table)?.rows ?? 0;
    const artifacts = await sql.row<{ files: number; bytes: number }>(
      "SELECT count(*) AS files, coalesce(sum(bytes), 0)::bigint AS bytes FROM artifact",
    );
    return {
      path: s.shown,
      server: await serverOf(sql),
      schema: Math.max(0, ...applied.map((m) => m.id)),
      known,
      pending,
      bytes: tables.reduce((sum, t) => sum + t.bytes, 0),
      artifacts: artifacts ?? { files: 0, bytes: 0 },
      tasks: Object.fromEntries(places.map((place) => [place, rowsOf(place)])) as PostgresStatus["tasks"],
      oldestReadyMs: await oldestReady(sql, now),
      oldestOpen: await oldestOpen(sql),
      deleting: rowsOf("prune_job"),
      tables,
      xminHolder: await xminHolder(sql),
      lives: await livesOf(sql),
    };
  });
}

/** How far the schema has come. 0: there is none. */
export async function inspectSchema(
  s: Settings,
): Promise<{ readonly from: number; readonly known: number; readonly pending: readonly string[] }> {
  return await inSnapshot(s, { write: false }, async ({ applied, known, pending }) => ({
    from: Math.max(0, ...(applied ?? []).map((m) => m.id)),
    known,
    pending,
  }));
}

async function serverOf(sql: Sql): Promise<PostgresStatus["server"]> {
  const row = await sql.row<{ version: string; up: Date; commit: string; standbys: number }>(
    `SELECT current_setting('server_version') AS version, pg_postmaster_start_time() AS up, current_setting('synchronous_commit') AS commit,
       (SELECT count(*) FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')) AS standbys`,
  );
  const { version, up, commit, standbys } = row as NonNullable<typeof row>;
  return { version, upSince: up.toISOString(), synchronousCommit: commit, standbys };
}

async function tablesOf(sql: Sql, schema: string, exact: boolean): Promise<PostgresTable[]> {
  const tables = await sql.rows<{ table: string; bytes: number; dead: number }>(
    `SELECT c.relname AS table, pg_total_relation_size(c.oid) AS bytes, coalesce(pg_stat_get_dead_tuples(c.oid), 0) AS dead
     FROM pg_class c WHERE c.relnamespace = $1::regnamespace AND c.relkind IN ('r', 'p') ORDER BY c.relname`,
    [schema],
  );
  const counted: PostgresTable[] = [];
  for (const t of tables) {
    // A name that came from the catalogue of our own schema.
    const name = `"${t.table.replaceAll('"', '""')}"`;
    const from = exact ? name : `(SELECT 1 FROM ${name} LIMIT ${countedMax + 1}) counted`;
    const { n } = (await sql.row<{ n: number }>(`SELECT count(*) AS n FROM ${from}`)) as { n: number };
    const over = !exact && n > countedMax;
    counted.push({ ...t, rows: over ? countedMax : n, exact: !over });
  }
  return counted;
}

async function oldestReady(sql: Sql, now: number): Promise<number | null> {
  const row = await sql.row<{ since: number | null }>("SELECT min(since) AS since FROM ready");
  return row?.since === null || row?.since === undefined ? null : Math.max(0, now - row.since);
}

async function oldestOpen(sql: Sql): Promise<PostgresStatus["oldestOpen"]> {
  const open = places.map((place) => `SELECT task FROM ${place}`).join(" UNION ALL ");
  const row = await sql.row<{ id: number; secret: string | null; createdAt: number }>(
    `SELECT r.id, r.secret, r.created_at AS "createdAt" FROM task r
     WHERE r.id = (SELECT min(t.run) FROM task t WHERE t.id IN (${open}))`,
  );
  return row ? { run: runId(row.secret ?? "", row.id), createdAt: new Date(row.createdAt).toISOString() } : null;
}

async function xminHolder(sql: Sql): Promise<XminHolder | null> {
  const row = await sql.row<XminHolder>(
    `SELECT kind, name, state, "sinceMs", age FROM (
       SELECT 'session' AS kind, 'pid ' || pid || coalesce(' ' || nullif(application_name, ''), '') AS name, state,
         (extract(epoch FROM clock_timestamp() - xact_start) * 1000)::bigint AS "sinceMs", age(backend_xmin)::int AS age
       FROM pg_stat_activity WHERE backend_xmin IS NOT NULL AND pid <> pg_backend_pid() AND datname = current_database()
       UNION ALL SELECT 'prepared transaction', gid, NULL, (extract(epoch FROM clock_timestamp() - prepared) * 1000)::bigint, age(transaction)::int
       FROM pg_prepared_xacts WHERE database = current_database()
       UNION ALL SELECT 'replication slot', slot_name::text, CASE WHEN active THEN 'active' ELSE 'inactive' END, NULL,
         greatest(age(xmin), age(catalog_xmin))::int FROM pg_replication_slots WHERE xmin IS NOT NULL OR catalog_xmin IS NOT NULL
     ) holders ORDER BY age DESC, "sinceMs" DESC NULLS LAST LIMIT 1`,
  );
  return row ?? null;
}

async function livesOf(sql: Sql): Promise<PostgresStatus["lives"]> {
  type Raw = Omit<PostgresStatus["lives"][number], "startedAt"> & { readonly startedAt: number };
  const rows = await sql.rows<Raw>(
    `SELECT id AS boot, host, pid, version, started_at AS "startedAt", expires_at > clock_timestamp() AS alive, workers, slots, busy
     FROM orchestrator ORDER BY id`,
  );
  return rows.map((r) => ({ ...r, startedAt: new Date(r.startedAt).toISOString() }));
}
