import { FlotillaError } from "../../core/error.ts";

export interface PostgresOptions {
  /**
   * `postgres://user:password@host:5432/database?schema=flotilla`. Beside what PostgreSQL itself knows (`sslmode`, ...):
   * `schema`, the schema that holds the tables (default `flotilla`; it is created), and `pooler=transaction`, for a
   * PgBouncer or the like in transaction mode: nothing is kept in sessions then, statements are not prepared (unless
   * `prepare=true`: PgBouncer 1.21 and newer can), and hints between orchestrators need `directUrl`.
   * `migrate=false` forbids to create or change tables: `flotilla db migrate` does it then, with the rights for it.
   */
  readonly url: string;
  /** The database itself, past a pooler: LISTEN needs a session. @default `url` */
  readonly directUrl?: string;
  /** Connections for reads and small changes, beside the one that writes batches. @default 4 */
  readonly connectionsMax?: number;
  /** How long this life is taken for alive after its last beat, in ms. @default 15_000 */
  readonly leaseMs?: number;
  /** `process`: what a commit has acknowledged survives any death but the database server's own. @default "power" */
  readonly durability?: "power" | "process";
}

/** What `PostgresOptions` say, checked. */
export interface Settings {
  readonly url: string;
  readonly directUrl: string;
  readonly schema: string;
  /** Sessions are shared with others between two transactions. */
  readonly pooled: boolean;
  /** Statements get a name, and are parsed once a connection. */
  readonly prepare: boolean;
  /** Tables are created, and brought up to date, when a store is opened. */
  readonly migrate: boolean;
  readonly connectionsMax: number;
  readonly leaseMs: number;
  readonly durability: "power" | "process";
  /** For people and errors: without user, password and settings of the connection. */
  readonly shown: string;
}

/** Lower case, so that it never needs quotes; the rest of PostgreSQL's 63 bytes is for names made of it. */
const schemaPattern = /^[a-z_][a-z0-9_]{0,47}$/;

/** @throws FLOTILLA_CONFIG_INVALID */
export function resolveSettings(o: PostgresOptions): Settings {
  const url = parse(o.url);
  const take = (name: string): string | null => {
    const value = url.searchParams.get(name);
    url.searchParams.delete(name);
    return value;
  };
  const schema = take("schema") ?? "flotilla";
  if (!schemaPattern.test(schema))
    throw invalid(
      "schema",
      `${JSON.stringify(schema)} is not a name`,
      "use lower case letters, digits and _, at most 48 of them",
    );
  const pooler = take("pooler") ?? "none";
  if (pooler !== "none" && pooler !== "transaction")
    throw invalid("pooler", `${JSON.stringify(pooler)} is not a mode`, 'write "transaction", or leave it out');
  const pooled = pooler === "transaction";
  const prepare = take("prepare") ?? String(!pooled);
  if (prepare !== "true" && prepare !== "false")
    throw invalid("prepare", `${JSON.stringify(prepare)} is neither`, 'write "true" or "false"');
  const migrate = take("migrate") ?? "true";
  if (migrate !== "true" && migrate !== "false")
    throw invalid("migrate", `${JSON.stringify(migrate)} is neither`, 'write "true" or "false"');
  const direct = o.directUrl === undefined ? new URL(url) : parse(o.directUrl);
  for (const name of ["schema", "pooler", "prepare", "migrate"]) direct.searchParams.delete(name);
  return Object.freeze({
    url: url.href,
    directUrl: direct.href,
    schema,
    pooled,
    prepare: prepare === "true",
    migrate: migrate === "true",
    connectionsMax: o.connectionsMax ?? 4,
    leaseMs: o.leaseMs ?? 15_000,
    durability: o.durability ?? "power",
    shown: `postgres://${url.host}${url.pathname}?schema=${schema}`,
  });
}

function parse(text: string): URL {
  // Not in the message: it may hold a password.
  if (!/^postgres(ql)?:\/\//.test(text) || !URL.canParse(text))
    throw invalid("url", "it is not a PostgreSQL URL", "write postgres://user:password@host:5432/database");
  return new URL(text);
}

function invalid(field: string, problem: string, fix: string): FlotillaError {
  return new FlotillaError("FLOTILLA_CONFIG_INVALID", { field: `store.${field}`, problem, fix });
}
