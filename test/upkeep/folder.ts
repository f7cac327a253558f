import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { onTestFinished } from "vitest";

export function tempFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "flotilla-upkeep-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Rows of every table that has some, without those of the catalogue. */
export function rowCounts(path: string): Record<string, number> {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    const names = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'").all();
    const counts: Record<string, number> = {};
    for (const { name } of names as { name: string }[]) {
      if (["namespace", "definition", "lane", "orchestrator", "worker", "build", "upkeep"].includes(name)) continue;
      const { n } = db.prepare(`SELECT count(*) AS n FROM ${name}`).get() as { n: number };
      if (n > 0) counts[name] = n;
    }
    return counts;
  } finally {
    db.close();
  }
}

/** One statement on a connection of its own. */
export function query<T>(path: string, sql: string): T[] {
  const db = new DatabaseSync(path);
  try {
    return db.prepare(sql).all() as T[];
  } finally {
    db.close();
  }
}
