import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { places } from "../../src/store/sqlite/places.ts";
import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import { ofRun, ofTask } from "../../src/store/sqlite/upkeep/belongings.ts";
import { begin } from "../store/rows.ts";
import { exercisePrune } from "./exercise-prune.ts";
import { query, rowCounts, tempFolder } from "./folder.ts";

const open = async () => {
  const path = join(tempFolder(), "a.db");
  const store = openSqliteStore({ path });
  await begin(store);
  return { path, store };
};

exercisePrune("sqlite", {
  async open() {
    const { path, store } = await open();
    return { store, rows: async () => rowCounts(path), query: async (sql) => query(path, sql) };
  },
  async reopen(store) {
    await store.close();
    return openSqliteStore({ path: store.facts.url.slice("sqlite:".length) });
  },
});

test("has no table that a prune forgets", async () => {
  const { path, store } = await open();
  // What is not told yet outlives its run: it is whole in itself, and goes when it was told.
  const kept = new Set(["webhook_call", "idempotency", "prune_job", "pruned_key", "artifact_use", "task"]);
  const known = new Set([...ofTask, ...ofRun].map((b) => b.table));
  for (const place of places) known.add(place);
  const db = new DatabaseSync(path, { readOnly: true });
  const tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all() as { name: string }[];
  const forgotten = tables
    .map((t) => t.name)
    .filter((name) =>
      (db.prepare(`PRAGMA table_info(${name})`).all() as { name: string }[]).some((c) => ["task", "run"].includes(c.name)),
    )
    .filter((name) => !known.has(name) && !kept.has(name));
  db.close();
  await store.close();
  expect(forgotten).toEqual([]);
});
