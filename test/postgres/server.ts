// A real PostgreSQL for tests: `TEST_DATABASE_URL` when it is set, else one server for all the tests of this vitest.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";

const keeper = new URL("./keeper.ts", import.meta.url).pathname;
const waitMs = 60_000;

let server: Promise<string> | undefined;

/** Of a superuser. Starts the server when nobody has. */
export function serverUrl(): Promise<string> {
  return (server ??= findServer());
}

async function findServer(): Promise<string> {
  const given = process.env["TEST_DATABASE_URL"];
  if (given) return given;
  // Each test file runs in a process of its own, below one vitest.
  const owner = process.ppid;
  const base = join(tmpdir(), `flotilla-keeper-${owner}`);
  const file = `${base}.json`;
  try {
    // Only one process can make it.
    mkdirSync(base);
    spawn(process.execPath, [keeper, String(owner), file], { detached: true, stdio: "ignore" }).unref();
  } catch (e) {
    if ((e as { code?: string }).code !== "EEXIST") throw e;
  }
  const until = performance.now() + waitMs;
  while (!existsSync(file)) {
    if (performance.now() > until) throw new Error(`no PostgreSQL within ${waitMs / 1000} s: ${file} did not come`);
    await pause(20);
  }
  const { url, error } = JSON.parse(readFileSync(file, "utf8")) as { url?: string; error?: string };
  if (url === undefined) throw new Error(error);
  return url;
}

let schemas = 0;

/** A URL with a schema that nobody has: a store of one's own on the shared server. */
export async function freshUrl(name = "t"): Promise<string> {
  const url = new URL(await serverUrl());
  url.searchParams.set("schema", `${name}_${process.pid}_${Date.now().toString(36)}_${++schemas}`);
  return url.href;
}

/** Runs statements as a superuser, beside any store. */
export async function asAdmin<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: await serverUrl() });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Takes a store's schema away. */
export async function dropSchema(url: string): Promise<void> {
  const schema = new URL(url).searchParams.get("schema") as string;
  await asAdmin((client) => client.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`));
}
