// Stores on the server of the tests. A schema is made once and emptied for the next store: making it takes 90 ms, and the
// differential tests open thousands.
import pg from "pg";
import type { Store } from "../../src/store/contract.ts";
import { openPostgresStore, type PostgresDeps } from "../../src/store/postgres/open.ts";
import type { PostgresOptions } from "../../src/store/postgres/settings.ts";
import { dropSchema, freshUrl, serverUrl } from "./server.ts";

const idle: string[] = [];
const idleStores: { url: string; store: Store }[] = [];
const made: string[] = [];
let admin: Promise<pg.Client> | undefined;

/** A URL of an empty schema. Give it back when nobody uses it any more. */
export async function takeSchema(): Promise<string> {
  const url = idle.pop();
  if (url !== undefined) {
    await empty(schemaOf(url));
    return url;
  }
  const fresh = await freshUrl("s");
  made.push(fresh);
  return fresh;
}
export function giveBack(url: string): void {
  idle.push(url);
}

/** An empty store whose connections are warm. `done`: gives it back, open as it is. */
export async function takeStore(): Promise<{ url: string; store: Store; done: () => void }> {
  const warm = idleStores.pop();
  if (warm) await empty(schemaOf(warm.url));
  const url = warm?.url ?? (await takeSchema());
  const store = warm?.store ?? (await openPostgresStore({ url })).store;
  return { url, store, done: () => void idleStores.push({ url, store }) };
}

/** An empty store; its schema goes to the next one when it is closed. */
export async function openFresh(o: Omit<PostgresOptions, "url"> & PostgresDeps = {}): Promise<Store> {
  const url = await takeSchema();
  const { store } = await openPostgresStore({ url, ...o });
  return {
    ...store,
    async close() {
      await store.close();
      giveBack(url);
    },
  };
}

/** At the end of a test file. */
export async function dropSchemas(): Promise<void> {
  for (const { store } of idleStores.splice(0)) await store.close();
  for (const url of made.splice(0)) await dropSchema(url);
  idle.length = 0;
  await (await admin)?.end();
  admin = undefined;
}

/** Beside the stores, as a superuser. */
export async function inSchema<T>(url: string, text: string, params: readonly unknown[] = []): Promise<T[]> {
  const client = await theAdmin();
  await client.query(`SET search_path = ${schemaOf(url)}`);
  return (await client.query(text, [...params])).rows as T[];
}

export function schemaOf(url: string): string {
  return new URL(url).searchParams.get("schema") as string;
}

function theAdmin(): Promise<pg.Client> {
  return (admin ??= (async () => {
    const client = new pg.Client({ connectionString: await serverUrl() });
    await client.connect();
    return client;
  })());
}

/** As it was when it was made. */
async function empty(schema: string): Promise<void> {
  const client = await theAdmin();
  await client.query(`DO $$
    DECLARE n text;
    BEGIN
      PERFORM set_config('search_path', '${schema}', true);
      FOR n IN SELECT relname FROM pg_class WHERE relnamespace = '${schema}'::regnamespace AND relkind = 'r'
        AND relname NOT IN ('migration', 'namespace', 'upkeep') LOOP
        EXECUTE format('DELETE FROM %I', n);
      END LOOP;
      DELETE FROM namespace WHERE id > 1;
      UPDATE upkeep SET value = 0;
      DELETE FROM upkeep WHERE name NOT IN ('boot', 'lives', 'catalogue');
      FOR n IN SELECT relname FROM pg_class WHERE relnamespace = '${schema}'::regnamespace AND relkind = 'S' LOOP
        EXECUTE format('ALTER SEQUENCE %I RESTART', n);
      END LOOP;
    END $$`);
}
