import pg from "pg";

/** Ms of a commit of one row, one at a time. */
export async function work(o: { url: string; rounds: number }): Promise<number[]> {
  const client = new pg.Client({ connectionString: o.url });
  await client.connect();
  const table = `raw_commit_${process.pid}`;
  await client.query(`CREATE TABLE ${table} (id int PRIMARY KEY, value text NOT NULL)`);
  const ms: number[] = [];
  for (let i = 0; i < o.rounds + 50; i++) {
    const started = performance.now();
    await client.query({ name: "commit", text: `INSERT INTO ${table} VALUES ($1, $2)`, values: [i, "one small row"] });
    if (i >= 50) ms.push(performance.now() - started);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await client.query(`DROP TABLE ${table}`);
  await client.end();
  return ms;
}
