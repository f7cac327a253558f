// Retention on PostgreSQL: the suite that every store passes, and what only a store with several lives can get wrong.
import { afterAll, describe, expect, test } from "vitest";
import { openOneOwner, reopen } from "./one-owner.ts";
import { blockedBy } from "./blocked.ts";
import { asAdmin } from "./server.ts";
import { dropSchemas, inSchema, schemaOf } from "./stores.ts";
import { ofRun, ofTask } from "../../src/store/postgres/upkeep/belongings.ts";
import type { Store } from "../../src/store/contract.ts";
import { batch, begin, now, root, runningRoot, settleOf } from "../store/rows.ts";
import { exercisePrune } from "../upkeep/exercise-prune.ts";

afterAll(dropSchemas);

const notCounted = new Set([
  "migration",
  "namespace",
  "definition",
  "lane",
  "orchestrator",
  "worker",
  "build",
  "upkeep",
  "lane_depth",
  "artifact_left",
]);

async function rowCounts(url: string): Promise<Record<string, number>> {
  const names = await inSchema<{ name: string }>(
    url,
    "SELECT relname AS name FROM pg_class WHERE relnamespace = $1::regnamespace AND relkind = 'r' ORDER BY relname",
    [schemaOf(url)],
  );
  const counted = names.map((n) => n.name).filter((name) => !notCounted.has(name));
  const rows = await inSchema<{ name: string; n: number }>(
    url,
    counted.map((name) => `SELECT '${name}' AS name, count(*)::int AS n FROM ${name}`).join(" UNION ALL "),
  );
  return Object.fromEntries(rows.filter((r) => r.n > 0).map((r) => [r.name, r.n]));
}

async function open() {
  const store = await openOneOwner();
  await begin(store);
  const { url } = store as Store & { readonly url: string };
  return { store, url };
}

/** The driver of the tests gives int8 as text. */
const numbers = (rows: object[]) =>
  rows.map((row) =>
    Object.fromEntries(
      Object.entries(row).map(([k, v]) => [k, typeof v === "string" && /^\d{1,15}$/.test(v) ? Number(v) : (v as unknown)]),
    ),
  );

exercisePrune("postgres", {
  async open() {
    const { store, url } = await open();
    return { store, rows: () => rowCounts(url), query: async (sql) => numbers(await inSchema<object>(url, sql)) };
  },
  reopen,
});

describe("postgres", () => {
  const prune = (store: Store) =>
    store.upkeep.prune({ boot: 1, now, succeededBefore: now + 1, failedBefore: now + 1, idempotencyForMs: 0, slice: 500 });

  test("has no table that a prune forgets", async () => {
    const { store, url } = await open();
    const places = ["running", "ready", "delayed", "held", "parked"];
    const kept = ["webhook_call", "idempotency", "prune_job", "pruned_key", "artifact_use", "task", "notice", "outbox"];
    const known = new Set([...[...ofTask, ...ofRun].map((b) => b.table), ...places, ...kept]);
    const tables = await inSchema<{ name: string }>(
      url,
      "SELECT DISTINCT table_name AS name FROM information_schema.columns WHERE table_schema = $1 AND column_name IN ('task', 'run')",
      [schemaOf(url)],
    );
    expect(tables.map((t) => t.name).filter((name) => !known.has(name))).toEqual([]);
    await store.close();
  });

  test("one life at a time: another's slice finds nothing to do, and does not wait", async () => {
    const { store, url } = await open();
    const t = await runningRoot(store);
    await store.commit(batch({ settles: [settleOf(t, 1)] }));
    await asAdmin(async (client) => {
      await client.query("BEGIN");
      await client.query(`SELECT pg_advisory_xact_lock(hashtextextended('flotilla prune ${schemaOf(url)}', 0))`);
      expect(await prune(store)).toEqual({ runs: 0, tasks: 0, unused: [], looked: 0, more: false });
      await client.query("COMMIT");
    });
    expect(await prune(store)).toMatchObject({ runs: 1, tasks: 1 });
    await store.close();
  });

  test("a run that another life goes on from at this instant stays", async () => {
    const { store, url } = await open();
    const t = await runningRoot(store);
    await store.commit(batch({ settles: [settleOf(t, 1)] }));
    let pruned: Promise<unknown> | undefined;
    await asAdmin(async (client) => {
      await client.query(`SET search_path = ${schemaOf(url)}`);
      await client.query("BEGIN");
      // As a commit does it: the run first, then what goes on from it.
      await client.query("SELECT id FROM task WHERE id = 1 FOR NO KEY UPDATE");
      const { rows } = await client.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
      pruned = Promise.resolve(prune(store));
      await blockedBy(rows[0]?.pid ?? 0);
      await client.query(
        'INSERT INTO task SELECT (jsonb_populate_record(t, \'{"id": 2, "run": 2}\')).* FROM task t WHERE id = 1',
      );
      await client.query("INSERT INTO origin (run, of_task, of_run, how) VALUES (2, 1, 1, 'repair')");
      await client.query("COMMIT");
    });
    expect(await pruned).toMatchObject({ runs: 0, tasks: 0 });
    expect(await store.runs.outcome(1)).toMatchObject({ status: "succeeded" });
    await store.close();
  });

  test("an artifact that lost its last use is named again when its time is over, and only then", async () => {
    const { store, url } = await open();
    const hash = "f".repeat(64);
    const t = await runningRoot(store);
    await store.commit(batch({ settles: [settleOf(t, 1, { value: null, ref: hash })] }));
    expect(await prune(store)).toMatchObject({ runs: 1, unused: [hash] });
    expect(await prune(store)).toMatchObject({ unused: [] });
    const longAgo = "UPDATE artifact_left SET at = at - interval '1 h'";
    await inSchema(url, longAgo);
    expect(await prune(store)).toMatchObject({ unused: [hash] });
    expect(await prune(store)).toMatchObject({ unused: [] });
    // Used again meanwhile.
    await runningRoot(store, 2);
    await store.commit(batch({ settles: [settleOf(root(2), 1, { value: null, ref: hash })] }));
    await inSchema(url, "INSERT INTO artifact_left (hash, at) VALUES ($1, '-infinity')", [hash]);
    expect(
      (await store.upkeep.prune({ boot: 1, now, succeededBefore: null, failedBefore: null, idempotencyForMs: 0, slice: 500 }))
        .unused,
    ).toEqual([]);
    await store.close();
  });
});
