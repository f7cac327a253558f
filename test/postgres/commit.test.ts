// What a batch means to PostgreSQL: how much is said, what is known when an answer is lost, what is refused and how.
import { afterAll, afterEach, describe, expect, test } from "vitest";
import type { Store } from "../../src/store/contract.ts";
import { openPostgresStore } from "../../src/store/postgres/open.ts";
import { Transaction } from "../../src/store/postgres/transaction.ts";
import { openProxy } from "./proxy.ts";
import { asAdmin, freshUrl, serverUrl } from "./server.ts";
import { blocked, holdRun } from "./steps.ts";
import { dropSchemas, giveBack, inSchema, openFresh, schemaOf, takeSchema } from "./stores.ts";
import { actsOf, batch, begin, child, claimOf, now, requeueOf, root, runningRoot, settleOf } from "../store/rows.ts";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});
afterAll(dropSchemas);

async function openOn(url: string): Promise<Store> {
  const { store } = await openPostgresStore({ url });
  ends.push(() => store.close());
  return store;
}

describe("a COMMIT whose answer is lost", () => {
  /** A store behind a proxy, and one that reaches the server. */
  async function behindProxy() {
    const url = await takeSchema();
    const proxy = await openProxy(url);
    const store = await openOn(proxy.url);
    await begin(store);
    const witness = await openOn(url);
    ends.unshift(
      () => giveBack(url),
      () => proxy.close(),
    );
    return { url, proxy, store, witness };
  }

  test("and that was done: the batch's result is given, and nothing is stored twice", async () => {
    const { proxy, store, witness } = await behindProxy();
    const parent = await runningRoot(store);
    const cut = proxy.next("lose");
    const r = await store.commit(
      batch({ acts: [actsOf(parent, 1, { emits: [{ act: 1, key: "e", askedAfter: 0, name: "n", value: "1" }] })] }),
    );
    await cut;
    expect(r.events).toEqual([{ run: 1, cursor: 1, type: "emit", task: 1, act: 1 }]);
    expect(await witness.events.after({ run: 1, cursor: 0, limit: 10 })).toEqual(r.events);
    await store.commit(batch({ settles: [settleOf(parent, 1)] }));
    expect(await witness.runs.outcome(1)).toMatchObject({ status: "succeeded" });
  });

  test("and that was not: it is told, and the same batch is stored when it comes again", async () => {
    const { proxy, store, witness } = await behindProxy();
    const parent = await runningRoot(store);
    const settle = batch({ settles: [settleOf(parent, 1)] });
    const cut = proxy.next("drop");
    await expect(store.commit(settle)).rejects.toMatchObject({ code: "FLOTILLA_STORE_UNREACHABLE", retryable: true });
    await cut;
    expect(await witness.runs.outcome(1)).toBeNull();
    expect((await store.commit(settle)).fenced).toEqual([]);
    expect(await witness.runs.outcome(1)).toMatchObject({ status: "succeeded" });
  });

  test("and that is still on its way: who asks waits for it", async () => {
    const { url, proxy, store } = await behindProxy();
    const parent = await runningRoot(store);
    const cut = proxy.next("hold");
    const committed = store.commit(batch({ settles: [settleOf(parent, 1)] }));
    await cut;
    // The old connection holds the row of the life, so the new one cannot say yet what has become of the batch.
    await blocked(url, 1);
    proxy.release();
    expect((await committed).fenced).toEqual([]);
    expect(await store.runs.outcome(1)).toMatchObject({ status: "succeeded" });
  });

  test("a connection that goes before the COMMIT leaves nothing", async () => {
    const { url, store, witness } = await behindProxy();
    const parent = await runningRoot(store);
    const lock = await holdRun(url, 1);
    const committed = store.commit(batch({ settles: [settleOf(parent, 1)] }));
    const refused = (async () => committed)().catch((e: unknown) => e as { code: string });
    const [pid] = await blocked(url, 1);
    await asAdmin((client) => client.query("SELECT pg_terminate_backend($1)", [pid]));
    expect(await refused).toMatchObject({ code: "FLOTILLA_STORE_UNREACHABLE" });
    await lock.release();
    expect(await witness.runs.outcome(1)).toBeNull();
    await store.commit(batch({ settles: [settleOf(parent, 1)] }));
    expect(await witness.runs.outcome(1)).toMatchObject({ status: "succeeded" });
  });

  test("a number that was given up is taken by nobody", async () => {
    const { url, store } = await behindProxy();
    await runningRoot(store);
    const resolve = async (n: number) =>
      (await inSchema<{ stored: boolean }>(url, "SELECT resolve_batch(1, $1) AS stored", [n]))[0]?.stored;
    expect(await resolve(1)).toBe(true);
    expect(await resolve(2)).toBe(false);
    // Also when it is asked again, because the answer was lost.
    expect(await resolve(2)).toBe(false);
    await expect(inSchema(url, "SELECT enter(1, 2, '{}')")).rejects.toMatchObject({ code: "FL002" });
    expect(await inSchema(url, "SELECT * FROM enter(1, 3, '{}')")).toEqual([]);
    await expect(resolve(9).then(() => inSchema(url, "SELECT resolve_batch(77, 1)"))).rejects.toMatchObject({ code: "FL001" });
  });
});

describe("a life that is over", () => {
  test("writes nothing, and is told so", async () => {
    const url = await takeSchema();
    ends.push(() => giveBack(url));
    const store = await openOn(url);
    await begin(store);
    const parent = await runningRoot(store);
    const other = await openOn(url);
    await other.shared?.resign({ boot: 1, now });
    await expect(store.commit(batch({ settles: [settleOf(parent, 1)] }))).rejects.toMatchObject({
      code: "FLOTILLA_LIFE_OVER",
      details: { boot: 1 },
    });
    expect((await store.tasks.where(1))?.in).toBe("ready");
    const next = await store.boot({ nonce: "m", pid: 1, now });
    await store.commit(batch({ boot: next.boot, claims: [claimOf(parent, { leaseNo: 1 })] }));
    expect(await store.tasks.where(1)).toMatchObject({ in: "running", leaseNo: 2 });
  });

  test("has no lease that another life may use", async () => {
    const store = await openFresh();
    ends.push(() => store.close());
    await begin(store);
    const parent = await runningRoot(store);
    const { boot } = await store.boot({ nonce: "m", pid: 1, now });
    const r = await store.commit(
      batch({
        boot,
        acts: [actsOf(parent, 1, { steps: [{ act: 1, key: "s", askedAfter: 0 }] })],
        settles: [settleOf(parent, 1)],
        requeues: [requeueOf(parent, 1, { to: "ready", attempt: 0, crashes: 0, alone: false })],
      }),
    );
    const lease = { task: 1, leaseNo: 1 };
    expect(r).toMatchObject({ fencedActs: [lease], fenced: [lease, lease] });
    expect(await store.tasks.where(1)).toMatchObject({ in: "running", leaseNo: 1 });
  });
});

describe("a batch of any size", () => {
  /** Statements and round trips of what `work` commits. */
  async function said(work: () => Promise<unknown>): Promise<{ statements: number; waits: number }> {
    const before = { ...Transaction.total };
    await work();
    return { statements: Transaction.total.statements - before.statements, waits: Transaction.total.waits - before.waits };
  }

  test("of roots, claims and settles takes as many statements as one of each, and two round trips", async () => {
    const store = await openFresh();
    ends.push(() => store.close());
    await begin(store);
    let id = 1;
    const cycle = async (n: number) => {
      const make = () => Array.from({ length: n }, () => root(id++));
      const [first, second, third] = [make(), make(), make()];
      await store.commit(batch({ tasks: first }));
      await store.commit(batch({ tasks: second, claims: first.map((t) => claimOf(t)) }));
      return await said(async () => {
        const settles = first.map((t) => settleOf(t, 1, { hasGate: false }));
        const r = await store.commit(batch({ tasks: third, claims: second.map((t) => claimOf(t)), settles }));
        expect(r).toMatchObject({ fenced: [], unclaimed: [] });
      });
    };
    const one = await cycle(1);
    expect(await cycle(100)).toEqual(one);
    expect(one).toEqual({ statements: 8, waits: 2 });
  });

  test("of children the same", async () => {
    const store = await openFresh();
    ends.push(() => store.close());
    await begin(store);
    let id = 1;
    const cycle = async (n: number) => {
      const parent = await runningRoot(store, id++);
      let act = 0;
      const make = () => Array.from({ length: n }, () => child(id++, parent, ++act));
      const asks = (children: ReturnType<typeof make>) => [actsOf(parent, 1, { children, armed: true })];
      const [first, second, third] = [make(), make(), make()];
      await store.commit(batch({ acts: asks(first) }));
      await store.commit(batch({ acts: asks(second), claims: first.map((t) => claimOf(t)) }));
      const counted = await said(async () => {
        const r = await store.commit(
          batch({
            acts: asks(third),
            claims: second.map((t) => claimOf(t)),
            settles: first.map((t) => settleOf(t, 1, { hasGate: false })),
          }),
        );
        expect(r.deliveries.map((d) => d.seq)).toEqual(first.map((_, i) => i + 1));
        expect(r.events.map((e) => e.cursor)).toEqual(first.map((_, i) => i + 1));
      });
      expect(await store.tasks.where(parent.id)).toMatchObject({ in: "running", remaining: 2 * n });
      return counted;
    };
    const one = await cycle(1);
    expect(await cycle(100)).toEqual(one);
    expect(one).toEqual({ statements: 14, waits: 2 });
  });
});

test("text may hold what PostgreSQL's text cannot", async () => {
  const store = await openFresh();
  ends.push(() => store.close());
  await begin(store);
  const odd = 'a\0b\uFFFFc\uFFFF0 \\ " { } , NULL \n é 𝄞';
  const parent = root(1, { claim: 7, tenant: odd, input: JSON.stringify(odd) });
  await store.commit(batch({ tasks: [parent] }));
  await store.commit(
    batch({
      acts: [
        actsOf(parent, 1, {
          children: [child(2, parent, 1, { key: odd, input: JSON.stringify(odd) })],
          emits: [{ act: 2, key: odd, askedAfter: 0, name: odd, value: JSON.stringify(odd) }],
        }),
      ],
      messages: [{ task: 1, name: odd, value: '"m"', key: odd }],
      cancels: [{ task: 2, reason: odd }],
    }),
  );
  expect(await store.tasks.get([1])).toMatchObject([{ tenant: odd, input: JSON.stringify(odd) }]);
  expect(await store.tasks.child({ parent: 1, act: 1 })).toMatchObject({ key: odd });
  expect(await store.events.emit({ task: 1, act: 2 })).toMatchObject({ name: odd });
  expect(await store.runs.outcome(2)).toMatchObject({ error: { details: { by: odd } } });
  const again = await store.commit(batch({ messages: [{ task: 1, name: odd, value: '"m"', key: odd }] }));
  expect([...again.unsent]).toEqual([[0, "duplicate"]]);
  const keyed = (id: number) => batch({ tasks: [root(id, { idempotency: { key: odd, inputHash: "h" } })] });
  await store.commit(keyed(3));
  expect((await store.commit(keyed(4))).existing.get(0)).toMatchObject({ task: 3 });
});

describe("the door", () => {
  const refusal = async (url: string) => {
    try {
      await (await openPostgresStore({ url })).store.close();
    } catch (e) {
      return e as { code: string; why: string; retryable: boolean };
    }
    throw new Error("it opened");
  };

  test("of a schema with another program's tables is refused, and nothing of it is touched", async () => {
    const url = await freshUrl();
    const schema = schemaOf(url);
    ends.push(() => asAdmin((client) => client.query(`DROP SCHEMA ${schema} CASCADE`)));
    await asAdmin((client) => client.query(`CREATE SCHEMA ${schema}; CREATE TABLE ${schema}.precious (id int)`));
    expect(await refusal(url)).toMatchObject({
      code: "FLOTILLA_STORE_UNUSABLE",
      why: expect.stringContaining("precious") as string,
    });
    expect(
      await inSchema(url, "SELECT count(*)::int AS n FROM pg_class WHERE relnamespace = $1::regnamespace", [schema]),
    ).toEqual([{ n: 1 }]);
  });

  test("of a newer schema is refused when something in it is breaking", async () => {
    const url = await freshUrl();
    ends.push(() => asAdmin((client) => client.query(`DROP SCHEMA ${schemaOf(url)} CASCADE`)));
    await (await openPostgresStore({ url })).store.close();
    await inSchema(url, "INSERT INTO migration (id, breaking) VALUES (98, false)");
    const { store } = await openPostgresStore({ url });
    expect(store.facts.schema).toBe(98);
    await store.close();
    await inSchema(url, "INSERT INTO migration (id, breaking) VALUES (99, true)");
    expect(await refusal(url)).toMatchObject({ code: "FLOTILLA_STORE_NEWER" });
  });

  test("is one that several may come to at once", async () => {
    const url = await takeSchema();
    ends.push(() => giveBack(url));
    const stores = (await Promise.all([1, 2, 3, 4].map(() => openPostgresStore({ url })))).map((opened) => opened.store);
    const boots = await Promise.all(stores.map(async (each) => (await each.boot({ nonce: "n", pid: 1, now })).boot));
    expect(new Set(boots)).toEqual(new Set([1, 2, 3, 4]));
    const blocks = await Promise.all(stores.map(async (each) => (await each.taskIds(1)).first));
    expect(new Set(blocks).size).toBe(4);
    for (const each of stores) await each.close();
  });

  test("says what is wrong, and never the password", async () => {
    const closed = new URL(await serverUrl());
    closed.port = "1";
    const refused = await refusal(closed.href);
    expect(refused).toMatchObject({ code: "FLOTILLA_STORE_UNREACHABLE", retryable: true });
    const wrong = new URL(await serverUrl());
    wrong.password = "verysecret";
    const denied = await refusal(wrong.href);
    expect(denied).toMatchObject({ code: "FLOTILLA_STORE_UNUSABLE", why: expect.stringContaining("password") as string });
    expect(JSON.stringify([denied, refused])).not.toContain("verysecret");
    const nowhere = new URL(await serverUrl());
    nowhere.pathname = "/nowhere";
    expect(await refusal(nowhere.href)).toMatchObject({
      code: "FLOTILLA_STORE_UNUSABLE",
      why: expect.stringContaining("no such database") as string,
    });
    for (const url of [
      "mysql://x",
      "postgres://h/d?schema=Ab",
      "postgres://h/d?pooler=session",
      "postgres://h/d?prepare=perhaps",
    ])
      expect(await refusal(url)).toMatchObject({ code: "FLOTILLA_CONFIG_INVALID" });
  });
});

test("a life whose acknowledged batches the database has lost is over, and another may begin", async () => {
  const url = await takeSchema();
  ends.push(() => giveBack(url));
  const store = await openOn(url);
  const { boot } = await store.boot({ nonce: "n", pid: 1, now });
  for (const id of [1, 2, 3]) await store.commit(batch({ boot, tasks: [root(boot * 10 + id)] }));
  // A crash with synchronous_commit = off, or a standby that had not come that far.
  await inSchema(url, "UPDATE orchestrator SET last_batch = last_batch - 2");
  await expect(store.commit(batch({ boot, tasks: [root(boot * 10 + 4)] }))).rejects.toMatchObject({ code: "FLOTILLA_LIFE_OVER" });
  const next = await store.boot({ nonce: "m", pid: 1, now });
  await store.commit(batch({ boot: next.boot, tasks: [root(next.boot * 10)] }));
  expect(await store.tasks.get([next.boot * 10])).toHaveLength(1);
});

test("behind a pooler nothing is kept in a session", async () => {
  const url = await takeSchema();
  ends.push(() => giveBack(url));
  for (const prepare of ["", "&prepare=true"]) {
    const store = await openOn(`${url}&pooler=transaction${prepare}`);
    const { boot } = await store.boot({ nonce: "n", pid: 1, now });
    const id = boot * 10;
    await store.commit(batch({ boot, tasks: [root(id, { claim: 7 })] }));
    await store.commit(batch({ boot, settles: [settleOf(root(id), 1)] }));
    expect(await store.runs.outcome(id)).toMatchObject({ status: "succeeded" });
  }
});

describe("the database says no", () => {
  test.each([
    ["53100", "FLOTILLA_STORE_FULL"],
    ["25006", "FLOTILLA_STORE_UNREACHABLE"],
    ["57P03", "FLOTILLA_STORE_UNREACHABLE"],
    ["53300", "FLOTILLA_STORE_UNREACHABLE"],
    ["42501", "FLOTILLA_STORE_UNUSABLE"],
  ])("%s is %s, nothing was stored, and the next batch is", async (state, code) => {
    const url = await takeSchema();
    ends.push(() => giveBack(url));
    const store = await openOn(url);
    await begin(store);
    await inSchema(
      url,
      `CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '${state}'; END $$`,
    );
    await inSchema(url, "CREATE TRIGGER no BEFORE INSERT ON ready FOR EACH ROW EXECUTE FUNCTION no()");
    await expect(store.commit(batch({ tasks: [root(1)] }))).rejects.toMatchObject({ code });
    await inSchema(url, "DROP FUNCTION no() CASCADE");
    expect(await store.tasks.get([1])).toEqual([]);
    await store.commit(batch({ tasks: [root(1)] }));
    expect((await store.tasks.where(1))?.in).toBe("ready");
  });

  test("a conflict that should not be is tried again, once, and told", async () => {
    const url = await takeSchema();
    ends.push(() => giveBack(url));
    const warned: string[] = [];
    const { store } = await openPostgresStore({ url, log: (_level, what) => warned.push(what) });
    ends.push(() => store.close());
    await begin(store);
    await inSchema(url, "CREATE SEQUENCE tries");
    await inSchema(
      url,
      `CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
         IF nextval('tries') = 1 THEN RAISE EXCEPTION 'no' USING ERRCODE = '40P01'; END IF; RETURN NEW; END $$`,
    );
    await inSchema(url, "CREATE TRIGGER no BEFORE INSERT ON ready FOR EACH ROW EXECUTE FUNCTION no()");
    await store.commit(batch({ tasks: [root(1)] }));
    expect(warned).toHaveLength(1);
    expect((await store.tasks.where(1))?.in).toBe("ready");
    await inSchema(url, "DROP FUNCTION no() CASCADE; DROP SEQUENCE tries");
  });
});
