// Which store a command means: --store, FLOTILLA_STORE, the config file's, .flotilla/dev.db; the first that is given.
import type { Context } from "./context.ts";
import { farFleet } from "./far-fleet.ts";
import type { StoreSettings } from "../runtime/store-url.ts";
import { UsageError } from "./usage-error.ts";

export const defaultStore = "sqlite:.flotilla/dev.db";

export interface StorePlace {
  /** As given, for people. */
  readonly url: string;
  /** Absolute path of the database file. */
  readonly path: string;
  readonly from: "--store" | "FLOTILLA_STORE" | "config" | "default";
}

/** A store that several orchestrators share: a command joins it as one more of them. */
export interface SharedPlace {
  /** For people: without user and password. */
  readonly name: string;
  readonly settings: Extract<StoreSettings, { kind: "postgres" }>;
  readonly from: StorePlace["from"];
}

/** @throws UsageError */
export async function anyPlace(c: Context): Promise<StorePlace | SharedPlace> {
  const { url, from } = await chosen(c);
  const { parseStore, storeName } = await import("../runtime/store-url.ts");
  const settings = parseStore(url, c.io.cwd, c.io.env["FLOTILLA_POSTGRES_DIRECT_URL"]);
  return settings.kind === "postgres" ? { name: storeName(settings), settings, from } : storePlace(c);
}

/** @throws UsageError when a fleet elsewhere is meant: whose store lies there, and is not looked for here. */
export async function storePlace(c: Context): Promise<StorePlace> {
  const far = farFleet(c);
  if (far)
    throw new UsageError("This command needs the database itself", {
      why: `${far.from} names a fleet elsewhere, and its store is on its own machine`,
      fix: ["run it there", `or name a store of this machine: --store ${defaultStore}`],
    });
  const { url, from } = await chosen(c);
  const { parseStore, realDatabasePath } = await import("../runtime/store-url.ts");
  const store = parseStore(url, c.io.cwd);
  if (store.kind === "postgres")
    throw new UsageError("This command works on a database file", {
      why: `${from} names a PostgreSQL database`,
      fix: ["what keeps it is PostgreSQL's own: pg_dump, and docs/guides/postgres.md"],
    });
  if (store.kind === "sqlite") return { url, path: realDatabasePath(store.path), from };
  throw new UsageError("A store in memory belongs to one process", {
    why: `${from} says ${JSON.stringify(url)}: no other process can see it, and it ends with its own`,
    fix: [`use a file: --store ${defaultStore}`],
  });
}

async function chosen(c: Context): Promise<Omit<StorePlace, "path">> {
  if (c.globals.store !== undefined) return { url: c.globals.store, from: "--store" };
  const env = c.io.env["FLOTILLA_STORE"];
  if (env) return { url: env, from: "FLOTILLA_STORE" };
  const configured = await configuredStore(c);
  return configured === undefined ? { url: defaultStore, from: "default" } : { url: configured, from: "config" };
}

/** A config without a store, or with one in memory, gets the CLI's own: a fleet that the CLI starts should be found by it. */
async function configuredStore(c: Context): Promise<string | undefined> {
  const { findDefinitionFile, loadDefinitions } = await import("../runtime/load.ts");
  const file = await findDefinitionFile({ file: c.globals.config, cwd: c.io.cwd }).catch((error: unknown) => {
    if (c.globals.config !== undefined) throw error;
    return undefined; // Most folders have none, and a look at runs needs none.
  });
  if (file === undefined) return undefined;
  const { fleet } = await loadDefinitions(file);
  const environment = c.io.env["FLOTILLA_ENV"];
  const store = (environment ? fleet?.config.environments?.[environment]?.store : undefined) ?? fleet?.config.store;
  return store === undefined || store === "memory" ? undefined : store;
}
