import { DatabaseSync } from "node:sqlite";
import { rowKinds, valueOf, type RowKind } from "./rows.ts";

export interface Load {
  readonly kind: RowKind;
  readonly rows: number;
  /** Rows of one insert statement. */
  readonly perStatement?: number;
  /** Run after the migrations: what the measure adds or takes away. */
  readonly change?: string;
}

const perCommit = 512;

/** Us per row of filling a new file with rows of one kind, durable to power loss, 512 rows a commit. */
export function measure(path: string, migrations: string, load: Load): number {
  const db = new DatabaseSync(path);
  db.exec(
    "pragma journal_mode = wal; pragma synchronous = full; pragma cache_size = -64000; pragma wal_autocheckpoint = 4000; pragma foreign_keys = off",
  );
  db.exec(migrations);
  if (load.change) db.exec(load.change);

  const { table } = rowKinds[load.kind];
  const columns = (db.prepare(`select name from pragma_table_info('${table}')`).all() as { name: string }[]).map((c) => c.name);
  const makers = columns.map((c) => valueOf(load.kind, c));
  const many = load.perStatement ?? 16;
  const one = `(${columns.map(() => "?").join(",")})`;
  const insert = db.prepare(
    `insert into ${table} (${columns.join(",")}) values ${Array.from({ length: many }, () => one).join(",")}`,
  );
  const perTransaction = Math.ceil(perCommit / many) * many;

  let written = 0;
  let ms = 0;
  while (written < load.rows) {
    const statements: ReturnType<ReturnType<typeof valueOf>>[][] = [];
    for (let n = 0; n < perTransaction; n += many) {
      statements.push(Array.from({ length: many }, (_, k) => makers.map((make) => make(written + n + k + 1))).flat());
    }
    // making the values is ours, not the schema's
    const started = performance.now();
    db.exec("begin immediate");
    for (const flat of statements) insert.run(...flat);
    db.exec("commit");
    ms += performance.now() - started;
    written += perTransaction;
  }
  db.close();
  return (ms * 1_000) / written;
}
