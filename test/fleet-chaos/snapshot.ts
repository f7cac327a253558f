// The tables of a store on PostgreSQL, as they are at one instant, in a file of SQLite's: both stores keep the same tables
// with the same meanings, so one checker reads both.
import { DatabaseSync } from "node:sqlite";
import pg from "pg";

const int8 = 20;

/** @param file is made, and must not be there */
export async function copyTables(url: string, schema: string, file: string): Promise<void> {
  const types = new pg.TypeOverrides();
  types.setTypeParser(int8, Number);
  const client = new pg.Client({ connectionString: url, types });
  await client.connect();
  const copy = new DatabaseSync(file);
  try {
    copy.exec("PRAGMA synchronous = OFF");
    await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    const { rows: columns } = await client.query<{ table: string; column: string }>(
      `SELECT c.table_name AS table, c.column_name AS column FROM information_schema.columns c
       JOIN information_schema.tables t USING (table_schema, table_name)
       WHERE table_schema = $1 AND t.table_type = 'BASE TABLE' ORDER BY c.table_name, c.ordinal_position`,
      [schema],
    );
    for (const [table, of] of Map.groupBy(columns, (c) => c.table)) {
      const names = of.map((c) => `"${c.column}"`).join(", ");
      copy.exec(`CREATE TABLE "${table}" (${names})`);
      const { rows } = await client.query<Record<string, unknown>>(`SELECT ${names} FROM "${schema}"."${table}"`);
      const insert = copy.prepare(`INSERT INTO "${table}" VALUES (${of.map(() => "?").join(", ")})`);
      copy.exec("BEGIN");
      for (const row of rows) insert.run(...of.map((c) => stored(row[c.column])));
      copy.exec("COMMIT");
      if (rows.some((r) => "task" in r)) copy.exec(`CREATE INDEX "${table}_task" ON "${table}" (task)`);
    }
    copy.exec(
      "CREATE INDEX task_id ON task (id); CREATE INDEX task_parent ON task (parent); CREATE INDEX outcome_of ON outcome (task, lease_no)",
    );
  } finally {
    copy.close();
    await client.end();
  }
}

function stored(value: unknown): null | number | string | Uint8Array {
  if (value === null || value === undefined) return null;
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value === "number" || typeof value === "string" || value instanceof Uint8Array) return value;
  if (value instanceof Date) return value.getTime();
  return JSON.stringify(value);
}
