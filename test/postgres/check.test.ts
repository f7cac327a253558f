// How a PostgreSQL store stands, and what must hold in it: each rule is broken once, by hand, and must be found.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Store } from "../../src/store/contract.ts";
import { checkPostgres } from "../../src/store/postgres/inspect/check.ts";
import { inspectPostgres } from "../../src/store/postgres/inspect/status.ts";
import { migrate, migrations } from "../../src/store/postgres/migrate.ts";
import { openPostgresStore } from "../../src/store/postgres/open.ts";
import { resolveSettings } from "../../src/store/postgres/settings.ts";
import { migratePostgres } from "../../src/runtime/db/postgres.ts";
import { cli } from "../cli/harness.ts";
import { asAdmin, dropSchema, freshUrl } from "./server.ts";
import { dropSchemas, giveBack, inSchema, takeSchema } from "./stores.ts";
import { actsOf, batch, begin, child, now, root, settleOf } from "../store/rows.ts";

const artifactText = "x".repeat(70_000);

/** A finished run with an artifact, and one under way: a child that runs and one that is ready. */
async function fill(store: Store, put: (text: string) => Promise<{ hash: string }>): Promise<void> {
  const { boot } = await begin(store);
  const { hash } = await put(artifactText);
  const done = root(1, { claim: 7 });
  await store.commit(batch({ boot, tasks: [done] }));
  await store.commit(batch({ boot, settles: [settleOf(done, 1, { value: null, ref: hash })] }));
  const parent = root(2, { claim: 7 });
  await store.commit(batch({ boot, tasks: [parent, root(5, { dueAt: now + 1_000_000 })] }));
  const children = [child(3, parent, 1, { claim: 7 }), child(4, parent, 2)];
  await store.commit(batch({ boot, acts: [actsOf(parent, 1, { children })] }));
}

let url: string;
const check = (fix = false) => checkPostgres({ url }, { fix });
const sql = (text: string) => inSchema(url, text);

beforeEach(async () => {
  url = await takeSchema();
  const { store, artifacts } = await openPostgresStore({ url });
  await fill(store, (text) => artifacts.put(text));
  await store.close();
});
// Its life is not over: nobody has said so.
const endLives = () => sql("UPDATE orchestrator SET expires_at = '-infinity'");
afterAll(dropSchemas);

describe("check", () => {
  test("a store that is well has no finding, also while its fleet goes on, which then cannot be mended", async () => {
    expect(await check()).toMatchObject({ findings: [], looked: { tasks: 5, artifacts: 1 } });
    await expect(check(true)).rejects.toMatchObject({ code: "FLOTILLA_STORE_LOCKED" });
    await endLives();
    expect(await check(true)).toMatchObject({ findings: [] });
    giveBack(url);
  });

  test.each([
    ["open tasks in no place", "DELETE FROM ready; DELETE FROM lane_depth WHERE lane > 0", false],
    ["tasks in two places", "INSERT INTO held SELECT task, 'VALUE_MISSING', NULL, 1, 1, 1, 0 FROM running LIMIT 1", false],
    ["attempts of a life that never was", "UPDATE running SET orchestrator = 99 WHERE task = 3", true],
    ["lease numbers above", "UPDATE running SET top = 0 WHERE task = 3", false],
    ["gates whose count", "UPDATE gate SET remaining = remaining + 1", false],
    ["gates whose count", "UPDATE gate SET waits = 1", false],
    ["runs whose counts", "UPDATE run_stage SET succeeded = succeeded + 1", false],
    ["lanes whose depth", "UPDATE lane_depth SET tasks = tasks + 1 WHERE lane = 1", true],
    ["lanes whose depth", "INSERT INTO lane_depth (lane, boot, tasks) VALUES (9, 0, 2)", true],
    ["lanes whose depth", "DELETE FROM lane_depth WHERE lane = -1", true],
    ["rows of gate without a task", "INSERT INTO gate (task, started_at) VALUES (999, 1)", true],
    ["rows of event without a run", "INSERT INTO event VALUES (999, 1, 1, 999, NULL)", true],
    ["rows of running without a task", "INSERT INTO running SELECT 999, 1, 1, id, 7, 1, 0, 0, 1 FROM orchestrator", true],
    ["results that use an artifact without", "DELETE FROM artifact_use", true],
    ["artifacts that are used and missing", "DELETE FROM artifact; DELETE FROM artifact_chunk", false],
    [
      "artifacts that no run uses",
      "INSERT INTO artifact VALUES ('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', 0, '-infinity')",
      true,
    ],
    ["chunks of no artifact", `INSERT INTO artifact_chunk VALUES ('${"b".repeat(64)}', 0, 'x')`, true],
    ["artifacts whose content", "UPDATE artifact_chunk SET bytes = set_byte(bytes, 3, 0)", false],
  ])("finds %s: %s", async (what, spoil, mendable) => {
    await sql(spoil);
    const { findings } = await check();
    expect(findings.map((f) => f.what).join("\n")).toMatch(what);
    expect(findings).toHaveLength(1);
    expect(findings[0]).toMatchObject({ mendable, mended: false });
    await endLives();
    expect((await check(true)).findings[0]?.mended).toBe(mendable);
    expect((await check()).findings).toHaveLength(mendable ? 0 : 1);
    giveBack(url);
  });

  test("a database without our tables is left without them", async () => {
    const empty = await freshUrl("none");
    await expect(checkPostgres({ url: empty }, { fix: true })).rejects.toMatchObject({ code: "FLOTILLA_STORE_UNUSABLE" });
    await expect(inspectPostgres({ url: empty }, { exact: false, now })).rejects.toMatchObject({
      code: "FLOTILLA_STORE_UNUSABLE",
    });
    const schemas = await asAdmin((client) =>
      client.query("SELECT 1 FROM pg_namespace WHERE nspname = $1", [resolveSettings({ url: empty }).schema]),
    );
    expect(schemas.rows).toEqual([]);
  });
});

describe("status", () => {
  test("says what lies where, who goes on, and what is old", async () => {
    const s = await inspectPostgres({ url }, { exact: true, now: now + 5_000 });
    expect(s).toMatchObject({
      schema: migrations().length,
      known: migrations().length,
      pending: [],
      tasks: { running: 2, ready: 1, delayed: 1, held: 0, parked: 0 },
      oldestReadyMs: 5_000,
      artifacts: { files: 1, bytes: 70_000 },
      lives: [{ boot: 1, alive: true }],
    });
    expect(s.server.version).toMatch(/^\d+/);
    expect(s.oldestOpen?.createdAt).toBe(new Date(now).toISOString());
    expect(s.tables.find((t) => t.table === "task")).toMatchObject({ rows: 5, exact: true });
    expect(s.path).not.toContain("postgres:postgres");
    giveBack(url);
  });

  test("names the transaction that keeps old rows from being vacuumed", async () => {
    await asAdmin(async (client) => {
      await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
      await client.query("SELECT 1 FROM pg_class");
      await sql("UPDATE upkeep SET value = value");
      const { xminHolder } = await inspectPostgres({ url }, { exact: false, now });
      // Of which test, where several share the server: at least this one has it open.
      expect(xminHolder).toMatchObject({ kind: "session", name: expect.stringContaining("pid ") as string });
      expect(xminHolder?.age).toBeGreaterThan(0);
      await client.query("COMMIT");
    });
    giveBack(url);
  });

  test("of the command line: for people, and as JSON", async () => {
    const db = (line: string) => cli(["db", ...line.split(" "), "--store", url], { cwd: "/" });
    const text = await db("status");
    expect([text.code, text.err]).toEqual([0, ""]);
    expect(text.out).toContain("PostgreSQL");
    expect(text.out).toMatch(/ready +1/);
    expect(text.out).not.toContain("postgres:postgres");
    const json = await db("status -o json");
    expect(JSON.parse(json.out)).toMatchObject({ tasks: { ready: 1 } });
    expect(await db("check")).toMatchObject({ code: 0, out: expect.stringContaining("all as it must be") as string });
    await sql("UPDATE gate SET waits = 1");
    expect(await db("check")).toMatchObject({ code: 3, out: expect.stringContaining("gates whose count") as string });
    expect(await db("migrate --dry-run")).toMatchObject({ code: 0, out: expect.stringContaining("nothing to do") as string });
    for (const line of ["backup copy", "resume"])
      expect(await db(line)).toMatchObject({ code: 2, err: expect.stringContaining("pg_dump") as string });
    giveBack(url);
  });
});

describe("migrate", () => {
  const next = (breaking: boolean) => [
    ...migrations(),
    { id: migrations().length + 1, file: "9999_next.sql", breaking, sql: "CREATE TABLE of_tomorrow (id int)" },
  ];
  let fresh: string;
  beforeAll(async () => {
    fresh = await freshUrl("migrate");
  });
  afterAll(() => dropSchema(fresh));

  test("is done by whoever opens the store, unless its URL forbids it; then by hand", async () => {
    const held = `${fresh}&migrate=false`;
    await expect(openPostgresStore({ url: held })).rejects.toMatchObject({
      code: "FLOTILLA_STORE_UNUSABLE",
      fix: [expect.stringContaining("flotilla db migrate")],
    });
    const files = migrations().map((m) => m.file);
    expect(await migratePostgres({ url: held }, { dryRun: true })).toEqual({ from: 0, to: files.length, files });
    expect(await migratePostgres({ url: held }, { dryRun: false })).toEqual({ from: 0, to: files.length, files });
    expect(await migratePostgres({ url: held }, { dryRun: false })).toEqual({ from: files.length, to: files.length, files: [] });
    const { store } = await openPostgresStore({ url: held });
    await store.close();
  });

  test("two that open a new store at once make its tables once", async () => {
    const both = await freshUrl("migrate");
    const opened = await Promise.all([openPostgresStore({ url: both }), openPostgresStore({ url: both })]);
    for (const { store } of opened) await store.close();
    await dropSchema(both);
  });

  test("a step that breaks what others know waits until none of them goes on; one that does not is taken at once", async () => {
    const mine = await freshUrl("migrate");
    const { store } = await openPostgresStore({ url: mine });
    await store.boot({ nonce: "n", pid: 1, now });
    const settings = resolveSettings({ url: mine });
    await expect(migrate(settings, next(true))).rejects.toMatchObject({ code: "FLOTILLA_STORE_UNUSABLE" });
    const tables = await inSchema(mine, "SELECT to_regclass('of_tomorrow') AS t");
    expect(tables).toEqual([{ t: null }]);
    expect(await migrate(settings, next(false))).toBe(migrations().length + 1);
    // It goes on, and so does another of its version that begins now.
    expect((await store.boot({ nonce: "n", pid: 1, now })).boot).toBe(2);
    const { store: another } = await openPostgresStore({ url: mine });
    await another.close();
    await store.close();
    await dropSchema(mine);
  });

  test("one of the old version does not begin on tables that it does not know", async () => {
    const mine = await freshUrl("migrate");
    const { store } = await openPostgresStore({ url: mine });
    expect(await migrate(resolveSettings({ url: mine }), next(true))).toBe(migrations().length + 1);
    await expect(store.boot({ nonce: "n", pid: 1, now })).rejects.toMatchObject({ code: "FLOTILLA_STORE_NEWER" });
    expect(await inSchema(mine, "SELECT id FROM orchestrator")).toEqual([]);
    await expect(openPostgresStore({ url: mine })).rejects.toMatchObject({ code: "FLOTILLA_STORE_NEWER" });
    await expect(inspectPostgres({ url: mine }, { exact: false, now })).rejects.toMatchObject({ code: "FLOTILLA_STORE_NEWER" });
    await store.close();
    await dropSchema(mine);
  });
});
