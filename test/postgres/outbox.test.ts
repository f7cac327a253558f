// Rows of the outbox in a batch: whoever deletes the row makes the run, and nobody waits for anybody.
import { expect, test } from "vitest";
import pg from "pg";
import type { NewTask, Store } from "../../src/store/contract.ts";
import { openPostgresStore } from "../../src/store/postgres/open.ts";
import { asAdmin, dropSchema, freshUrl, serverUrl } from "./server.ts";
import { inSchema, schemaOf } from "./stores.ts";
import { batch, begin, root } from "../store/rows.ts";

const secret = "0".repeat(26);

async function asked(store: Store): Promise<NewTask> {
  const client = new pg.Client({ connectionString: await serverUrl() });
  await client.connect();
  try {
    const outbox = store.shared?.outbox;
    if (!outbox) throw new Error("it has an outbox");
    const given = { tx: client, secret, namespace: 1, definition: 1, key: null, inputHash: null, request: "{}", notify: false };
    const { task } = await outbox.submit(given);
    return { ...root(task), id: task, run: task, secret, outbox: true };
  } finally {
    await client.end();
  }
}

test("a row that is gone, or that another transaction is at, makes no run: it is another's, and nobody waits", async () => {
  const url = await freshUrl("outbox");
  const { store } = await openPostgresStore({ url });
  await begin(store);
  const t = await asked(store);
  await asAdmin(async (admin) => {
    await admin.query("BEGIN");
    await admin.query(`SELECT 1 FROM ${schemaOf(url)}.outbox FOR UPDATE`);
    const held = await store.commit(batch({ tasks: [t] }));
    expect([...held.existing]).toEqual([[0, { task: t.id, secret, inputHash: "" }]]);
    expect(await store.runs.get(t.id)).toBeNull();
    // That one has failed: the row is as it was.
    await admin.query("ROLLBACK");
  });
  expect((await store.commit(batch({ tasks: [t] }))).existing.size).toBe(0);
  expect((await store.runs.get(t.id))?.task.secret).toBe(secret);
  const again = await store.commit(batch({ tasks: [t, root(2)] }));
  expect([...again.existing.keys()]).toEqual([0]);
  expect(await store.runs.get(2)).not.toBeNull();
  expect(await inSchema(url, "SELECT * FROM outbox")).toEqual([]);
  await store.close();
  await dropSchema(url);
});

test("its ids are no block's of anybody", async () => {
  const url = await freshUrl("outbox");
  const { store } = await openPostgresStore({ url });
  const second = await openPostgresStore({ url });
  const given: number[] = [];
  for (const from of [store, second.store, store]) {
    given.push((await asked(from)).id);
    const { first, count } = await from.taskIds(1);
    for (const id of given) expect(id >= first && id < first + count).toBe(false);
  }
  expect(new Set(given).size).toBe(3);
  await second.store.close();
  await store.close();
  await dropSchema(url);
});
