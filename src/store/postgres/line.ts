// One connection to the database: how it is made, and how a statement is sent on it.
import type pg from "pg";
import type { Settings } from "./settings.ts";
import type { Sql } from "./sql.ts";
import { parameter, types } from "./values.ts";

export type Role = "batches" | "reads";

/**
 * For batches: each statement finds its rows by an index, whatever the statistics say of tables that were empty when they
 * were gathered, and is planned once. A connection that its client has left in a transaction holds the locks of runs: it
 * goes after 10 s.
 */
const ofBatches: Readonly<Record<string, string>> = {
  enable_seqscan: "off",
  enable_hashjoin: "off",
  enable_mergejoin: "off",
  plan_cache_mode: "force_generic_plan",
  jit: "off",
  idle_in_transaction_session_timeout: "10s",
};
const ofReads: Readonly<Record<string, string>> = { jit: "off", idle_in_transaction_session_timeout: "10s" };

function sessionSettings(s: Settings, role: Role): [name: string, value: string][] {
  return [
    ["search_path", s.schema],
    // `on` is the server's default; set by an administrator to more (remote_apply), it stays so.
    ...(s.durability === "process" ? ([["synchronous_commit", "off"]] as [string, string][]) : []),
    ...Object.entries(role === "batches" ? ofBatches : ofReads),
  ];
}

/** How a connection is made. Without a pooler the session carries our settings; behind one each transaction does. */
export function clientConfig(s: Settings, role: Role): pg.ClientConfig {
  const options = sessionSettings(s, role).map(([name, value]) => `-c ${name}=${value}`);
  return {
    connectionString: s.url,
    types,
    keepAlive: true,
    connectionTimeoutMillis: 10_000,
    application_name: "flotilla",
    ...(s.pooled ? {} : { options: options.join(" ") }),
  };
}

/** How a transaction begins: the level is ours, whatever the database's default is. */
export function beginText(s: Settings, role: Role): string {
  const begin = "BEGIN ISOLATION LEVEL READ COMMITTED";
  if (!s.pooled) return begin;
  return [begin, ...sessionSettings(s, role).map(([name, value]) => `SET LOCAL ${name} = '${value}'`)].join("; ");
}

// One name for each text on all connections of this process. Behind a pooler another process's statement has another name.
const names = new Map<string, string>();
/** Beyond it statements go unnamed: some are put together from parts, and each name costs memory in every session. */
const namesMax = 500;
const prefix = `f${process.pid.toString(36)}_${Date.now().toString(36)}`;

function named(text: string): string | undefined {
  let name = names.get(text);
  if (name === undefined && names.size < namesMax) {
    name = `${prefix}_${names.size}`;
    names.set(text, name);
  }
  return name;
}

/** The part of pg's clients that is used here. */
export interface Queryable {
  query(config: pg.QueryConfig): Promise<pg.QueryResult>;
}

export function ask(to: Queryable, text: string, params: readonly unknown[], prepare: boolean): Promise<pg.QueryResult> {
  const values = params.map(parameter);
  const name = prepare && values.length > 0 ? named(text) : undefined;
  return to.query(name === undefined ? { text, values } : { name, text, values });
}

/** `Sql` on one client, or on a pool of them. */
export function sqlOn(to: Queryable, prepare: boolean): Sql {
  return {
    rows: async <T>(text: string, params: readonly unknown[] = []) => (await ask(to, text, params, prepare)).rows as T[],
    row: async <T>(text: string, params: readonly unknown[] = []) =>
      (await ask(to, text, params, prepare)).rows[0] as T | undefined,
    run: async (text, params = []) => (await ask(to, text, params, prepare)).rowCount ?? 0,
  };
}
