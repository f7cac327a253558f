import { readdirSync, readFileSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { FlotillaError } from "../../core/error.ts";

const folder = new URL("./migrations/", import.meta.url);

/** The `user_version` of a file that is up to date. */
export function schemaKnown(): number {
  return migrationFiles().length;
}

/** The files that a store of this schema has not had. */
export function migrationsAfter(schema: number): string[] {
  return migrationFiles().slice(schema);
}

function migrationFiles(): string[] {
  return readdirSync(folder)
    .filter((f) => f.endsWith(".sql"))
    .toSorted();
}

/** Numbered files, applied in order, each in a transaction of its own; `user_version` says how far the file is. */
export function migrate(db: DatabaseSync, path: string): number {
  const files = migrationFiles();
  const at = (db.prepare("PRAGMA user_version").get() as { user_version: number }).user_version;
  if (at > files.length) throw new FlotillaError("FLOTILLA_STORE_NEWER", { path, schema: at, known: files.length });
  if (at === 0) {
    const foreign = db.prepare("SELECT name FROM sqlite_schema LIMIT 1").get() as { name: string } | undefined;
    if (foreign) {
      throw new FlotillaError("FLOTILLA_STORE_UNUSABLE", {
        path,
        problem: `it is another program's database (it has ${foreign.name})`,
        fix: "name another file; this one was not touched",
      });
    }
  }
  for (const [i, file] of files.entries()) {
    if (i < at) continue;
    db.exec("BEGIN IMMEDIATE");
    try {
      db.exec(readFileSync(new URL(file, folder), "utf8"));
      db.exec(`PRAGMA user_version = ${i + 1}`);
      db.exec("COMMIT");
    } catch (e) {
      db.exec("ROLLBACK");
      throw e;
    }
  }
  return files.length;
}
