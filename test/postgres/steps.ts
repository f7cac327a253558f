// How tests let transactions wait for each other at known points.
import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import { asAdmin, serverUrl } from "./server.ts";
import { schemaOf } from "./stores.ts";

/** Holds the locks of runs until it is released: whoever wants one waits in the order in which he came. */
export async function holdRun(url: string, ...runs: number[]): Promise<{ release(): Promise<void> }> {
  const client = new pg.Client({ connectionString: await serverUrl() });
  await client.connect();
  await client.query(`BEGIN; SET LOCAL search_path = ${schemaOf(url)}`);
  await client.query("SELECT 1 FROM task WHERE id = ANY($1::bigint[]) ORDER BY id FOR NO KEY UPDATE", [runs]);
  return {
    async release() {
      await client.query("COMMIT");
      await client.end();
    },
  };
}

const patienceMs = 20_000;

/** When `count` connections to the tables of this schema wait for a lock: their process ids, the longest waiting first. */
export async function blocked(url: string, count: number | (() => number)): Promise<number[]> {
  const until = performance.now() + patienceMs;
  return await asAdmin(async (client) => {
    for (;;) {
      const { rows } = await client.query<{ pid: number }>(
        `SELECT a.pid FROM pg_stat_activity a WHERE a.wait_event_type = 'Lock' AND EXISTS (SELECT 1 FROM pg_locks l
           JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace WHERE l.pid = a.pid AND n.nspname = $1)
         ORDER BY a.query_start`,
        [schemaOf(url)],
      );
      const wanted = typeof count === "number" ? count : count();
      if (rows.length >= wanted) return rows.map((r) => r.pid);
      if (performance.now() > until) throw new Error(`only ${rows.length} of ${wanted} wait for a lock`);
      await pause(5);
    }
  });
}
