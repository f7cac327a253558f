// Each rule of `db check` is broken once, by hand, and must be found; what is safe to mend is mended, and no more.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { agent, createFleet, workflow } from "flotilla";
import * as z from "zod";
import { artifactPath } from "../../src/store/artifacts/files.ts";
import { checkStore } from "../../src/store/sqlite/inspect/check.ts";
import { inspectStore } from "../../src/store/sqlite/inspect/status.ts";
import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import { openSqliteReader } from "../../src/store/sqlite/reader.ts";
import { migrateStore } from "../../src/runtime/db/migrate.ts";
import { actsOf, batch, begin, child, root, runningRoot } from "../store/rows.ts";
import { query, tempFolder } from "./folder.ts";

const now = Date.now();

/** A store with a finished run of two tasks, one of them with an artifact, and one run under way with two children. */
async function made(): Promise<string> {
  const path = join(tempFolder(), "a.db");
  const write = agent({ name: "write", input: z.object({ n: z.int() }), run: ({ n }) => "x".repeat(n) });
  const flow = workflow({ name: "flow", input: z.object({}), run: (_, ctx) => ctx.call(write, { n: 70_000 }) });
  const fleet = await createFleet({ definitions: [write, flow], store: `sqlite:${path}` });
  await fleet.run(flow, {});
  await fleet.close();
  const store = openSqliteStore({ path });
  const { boot } = await store.boot({ nonce: "n", pid: 1, now });
  const { first: nextTask } = await store.taskIds(3);
  const parent = root(nextTask, { claim: 7 });
  await store.commit(batch({ boot, tasks: [parent] }));
  const children = [child(nextTask + 1, parent, 1, { claim: 7 }), child(nextTask + 2, parent, 2)];
  await store.commit(batch({ boot, acts: [actsOf(parent, 1, { children })] }));
  await store.close();
  return path;
}
function spoil(path: string, sql: string): void {
  const db = new DatabaseSync(path);
  db.exec(sql);
  db.close();
}
const hashOf = (path: string) => query<{ hash: string }>(path, "SELECT hash FROM artifact_use")[0]?.hash ?? "";

test("a store that is well has no finding, also while its fleet has it open", async () => {
  const path = await made();
  const store = openSqliteStore({ path });
  expect(await checkStore(path, { fix: false, now })).toMatchObject({ findings: [], looked: { tasks: 5, artifacts: 1 } });
  await expect(checkStore(path, { fix: true, now })).rejects.toMatchObject({ code: "FLOTILLA_STORE_LOCKED" });
  await store.close();
});

test.each([
  ["open tasks in no place", "DELETE FROM ready", false],
  ["tasks in two places", "INSERT INTO held SELECT task, 'VALUE_MISSING', NULL, 1, 1, 1, 0 FROM running LIMIT 1", false],
  ["gates whose count", "UPDATE gate SET remaining = remaining + 1", false],
  ["gates whose count", "UPDATE gate SET waits = 1", false],
  ["runs whose counts", "UPDATE run_stage SET succeeded = succeeded + 1", false],
  ["rows of gate without a task", "INSERT INTO gate (task, started_at) VALUES (999, 1)", true],
  ["rows of event without a run", "INSERT INTO event VALUES (999, 1, 1, 999, NULL)", true],
  ["rows of ready without a task", "INSERT INTO ready VALUES (1,1,1,999,0,0,0,0,1)", true],
  ["results that use an artifact without a row", "DELETE FROM artifact_use", true],
])("%s", async (what, sql, mendable) => {
  const path = await made();
  spoil(path, sql);
  const { findings } = await checkStore(path, { fix: false, now });
  expect(findings).toEqual([expect.objectContaining({ what: expect.stringContaining(what) as string, mendable, mended: false })]);
  const fixed = await checkStore(path, { fix: true, now });
  expect(fixed.findings).toMatchObject([{ mended: mendable }]);
  expect((await checkStore(path, { fix: false, now })).findings).toHaveLength(mendable ? 0 : 1);
});

test("a workflow that waits outside every worker's memory is in one place", async () => {
  const path = join(tempFolder(), "a.db");
  const reached = Promise.withResolvers<void>();
  const nap = workflow({
    name: "nap",
    input: z.object({}),
    async run(_, ctx) {
      await ctx.step("mark", () => reached.resolve());
      await ctx.sleep("1h");
      return 1;
    },
  });
  const fleet = await createFleet({ definitions: [nap], store: `sqlite:${path}` });
  const { id } = await fleet.start(nap, {});
  await reached.promise;
  while (query(path, "SELECT 1 FROM wait").length === 0) await new Promise((resolve) => setImmediate(resolve));
  await fleet.close();
  const next = openSqliteStore({ path });
  await next.boot({ nonce: "n", pid: 1, now });
  await next.close();
  expect(query(path, "SELECT task FROM parked UNION ALL SELECT task FROM ready")).toHaveLength(1);
  expect((await checkStore(path, { fix: false, now })).findings).toEqual([]);
  expect(inspectStore(path, { exact: false }).oldestOpen).toMatchObject({ run: id });
});

test("what is left of a run that is being deleted is no finding", async () => {
  const path = await made();
  spoil(path, "INSERT INTO prune_job (run, deleting) VALUES (1, 1); DELETE FROM task WHERE id = 1");
  expect((await checkStore(path, { fix: false, now })).findings).toEqual([]);
});

test("an artifact that is missing or changed", async () => {
  const path = await made();
  const file = artifactPath(`${path}.artifacts`, hashOf(path));
  writeFileSync(file, "something else");
  expect((await checkStore(path, { fix: true, now })).findings).toMatchObject([
    { what: "artifacts whose content is not what their name says", examples: [hashOf(path)], mended: false },
  ]);
  rmSync(file);
  expect((await checkStore(path, { fix: true, now })).findings).toMatchObject([
    { what: "artifacts that are used and missing", examples: [hashOf(path)], mended: false },
  ]);
});

test("a file with a damaged page", async () => {
  const path = await made();
  const bytes = readFileSync(path);
  const page = query<{ rootpage: number }>(path, "SELECT rootpage FROM sqlite_schema WHERE name = 'outcome'")[0]?.rootpage ?? 0;
  bytes.fill(0xff, (page - 1) * 4_096, page * 4_096);
  writeFileSync(path, bytes);
  const { findings } = await checkStore(path, { fix: true, now });
  expect(findings).toMatchObject([{ what: "damage in the file", mendable: false }]);
});

test("status tells schema, sizes, exact counts, and the oldest run with an open task", async () => {
  const path = await made();
  const status = inspectStore(path, { exact: false });
  expect(status).toMatchObject({ path, schema: status.known, pending: [], walBytes: 0, deleting: 0, restoredAt: null });
  expect(status.bytes).toBe(status.pages * status.pageBytes);
  expect(status.artifacts).toEqual({ files: 1, bytes: 70_002 });
  expect(status.tables.find((t) => t.table === "task")).toEqual({ table: "task", rows: 5, exact: true });
  expect(status.oldestOpen?.run).toMatch(/^r_s{26}3$/);
});

test("status counts up to 100,000 rows of a table, and says that there are more", () => {
  const path = join(tempFolder(), "a.db");
  void openSqliteStore({ path }).close();
  spoil(
    path,
    "INSERT INTO room (bytes) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100001) SELECT x'00' FROM n",
  );
  const room = (exact: boolean) => inspectStore(path, { exact }).tables.find((t) => t.table === "room");
  expect(room(false)).toEqual({ table: "room", rows: 100_000, exact: false });
  expect(room(true)).toEqual({ table: "room", rows: 100_001, exact: true });
});

test("a store of an earlier version is migrated when asked, its artifacts counted as used; a dry run changes nothing", async () => {
  const path = await made();
  // What the first version left: its tables, and references that no row names.
  const text = JSON.stringify({ ref: { $artifact: "b".repeat(64), bytes: 1 } });
  spoil(
    path,
    `UPDATE task SET input = '${text}' WHERE id = 1;
    DROP TABLE artifact_use; DROP TABLE prune_job; DROP TABLE upkeep; DROP TABLE room; DROP TABLE pruned_key; DROP INDEX idempotency_task;
    DROP TABLE schedule; DROP TABLE schedule_open; DROP TABLE expiry; DROP TABLE token; DROP TABLE webhook_call; DROP TABLE build; DROP TABLE drain;`,
  );
  const known = inspectStore(path, { exact: false }).known;
  spoil(path, "PRAGMA user_version = 2");
  const hash = query<{ ref: string }>(path, "SELECT ref FROM outcome WHERE ref IS NOT NULL")[0]?.ref;
  const before = readFileSync(path);
  const files = ["0003_upkeep.sql", "0004_schedules.sql", "0006_access.sql", "0007_webhooks.sql", "0008_builds.sql"];
  expect(await migrateStore(path, { dryRun: true })).toMatchObject({ from: 2, to: known, files });
  expect(readFileSync(path).equals(before)).toBe(true);
  expect(() => openSqliteReader(path)).toThrow(expect.objectContaining({ code: "FLOTILLA_STORE_UNUSABLE" }) as Error);
  await migrateStore(path, { dryRun: false });
  expect(query(path, "SELECT hash, run FROM artifact_use ORDER BY run, hash")).toEqual(
    [
      { hash: "b".repeat(64), run: 1 },
      { hash, run: 1 },
    ].toSorted((a, b) => (String(a.hash) < String(b.hash) ? -1 : 1)),
  );
  expect(await migrateStore(path, { dryRun: false })).toMatchObject({ from: known, to: known, files: [] });
});

test("what a newer version wrote is refused by every door, and left as it is", async () => {
  const path = join(tempFolder(), "a.db");
  const store = openSqliteStore({ path });
  await begin(store);
  await runningRoot(store);
  await store.close();
  spoil(path, "PRAGMA user_version = 99");
  const before = readFileSync(path);
  const newer = expect.objectContaining({
    code: "FLOTILLA_STORE_NEWER",
    details: expect.objectContaining({ schema: 99 }) as object,
  }) as Error;
  expect(() => openSqliteStore({ path })).toThrow(newer);
  expect(() => openSqliteReader(path)).toThrow(newer);
  await expect(checkStore(path, { fix: true, now })).rejects.toEqual(newer);
  await expect(migrateStore(path, { dryRun: false })).rejects.toEqual(newer);
  expect(inspectStore(path, { exact: false })).toMatchObject({ schema: 99 });
  expect(readFileSync(path).equals(before)).toBe(true);
});
