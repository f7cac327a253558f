// What PostgreSQL itself allows: the least that a durable queue has to write, set by set, on pipelined connections.
import pg from "pg";
import { payload } from "./raw.ts";

const result = JSON.stringify({ ok: true, findings: [] });

/** Tasks/s of raw insert, claim and complete, `batch` at a time, on `connections` at once. Each call is one commit. */
export async function work(o: { url: string; tasks: number; batch: number; connections: number }): Promise<number> {
  const schema = `raw_${process.pid}`;
  const clients = await Promise.all(Array.from({ length: o.connections }, () => connect(o.url, schema)));
  const [first] = clients as [pg.Client];
  await first.query(`CREATE SCHEMA ${schema}`);
  await first.query(`CREATE TABLE task (id bigint PRIMARY KEY, input text NOT NULL)`);
  await first.query(`CREATE TABLE ready (id bigint PRIMARY KEY)`);
  await first.query(`CREATE TABLE running (id bigint PRIMARY KEY, worker int NOT NULL)`);
  await first.query(`CREATE TABLE outcome (id bigint PRIMARY KEY, status int NOT NULL, value text)`);
  const share = Math.ceil(o.tasks / o.connections);
  const all = (from: number, each: number) => {
    const left = { tasks: each * o.connections };
    return Promise.all(clients.map((c, i) => cycle(c, from + i * each, each, o.batch, left)));
  };
  await all(1, Math.min(share, 4_000));
  const started = performance.now();
  await all(10_000_000, share);
  const seconds = (performance.now() - started) / 1_000;
  await first.query(`DROP SCHEMA ${schema} CASCADE`);
  await Promise.all(clients.map((c) => c.end()));
  return (share * o.connections) / seconds;
}

async function connect(url: string, schema: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, options: `-c search_path=${schema}`, pipeline: true });
  await client.connect();
  return client;
}

/** Inserts its share, and claims and completes whatever is there, its own or another connection's, until all is done. */
async function cycle(client: pg.Client, from: number, tasks: number, batch: number, left: { tasks: number }): Promise<void> {
  for (let done = 0; left.tasks > 0; done += batch) {
    const count = Math.min(batch, tasks - done);
    if (count > 0) {
      const ids = Array.from({ length: count }, (_, i) => from + done + i);
      await client.query({
        name: "insert",
        text: "WITH t AS (INSERT INTO task SELECT id, $2 FROM unnest($1::bigint[]) i(id)) INSERT INTO ready SELECT id FROM unnest($1::bigint[]) i(id)",
        values: [ids, payload],
      });
    }
    // A queue that forgot what it had handed out would lose it with the process.
    const claimed = await client.query<{ id: string }>({
      name: "claim",
      text: `WITH p AS MATERIALIZED (SELECT id FROM ready ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED),
             d AS (DELETE FROM ready r USING p WHERE r.id = p.id), n AS (INSERT INTO running SELECT id, 1 FROM p)
             SELECT p.id, t.input FROM p JOIN task t ON t.id = p.id`,
      values: [batch],
    });
    if (claimed.rows.length === 0) continue;
    left.tasks -= claimed.rows.length;
    await client.query({
      name: "complete",
      text: `WITH d AS (DELETE FROM running r USING unnest($1::bigint[]) i(id) WHERE r.id = i.id RETURNING r.id)
             INSERT INTO outcome SELECT id, 0, $2 FROM d`,
      values: [claimed.rows.map((r) => r.id), result],
    });
  }
}
