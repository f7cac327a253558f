// What several lives on one PostgreSQL do for each other: no life here has an orchestrator, so each step is told to happen.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import { createRandom } from "../../src/core/random.ts";
import { bootStore } from "../../src/store/postgres/boot.ts";
import { openCatalogue } from "../../src/store/postgres/catalogue.ts";
import { listenClient, openNotifyLine } from "../../src/store/postgres/hint-lines.ts";
import { migrate } from "../../src/store/postgres/migrate.ts";
import { noticeKinds, writeNotices } from "../../src/store/postgres/notices.ts";
import { Notifier } from "../../src/store/postgres/notifier.ts";
import { openPool } from "../../src/store/postgres/pool.ts";
import { resolveSettings } from "../../src/store/postgres/settings.ts";
import { openShared } from "../../src/store/postgres/shared/open.ts";
import { openOutbox } from "../../src/store/postgres/outbox.ts";
import { openQueue, openTaskReads } from "../../src/store/postgres/task-reads.ts";
import type { SharedStore, Signals } from "../../src/store/shared.ts";
import { blockedBy } from "./blocked.ts";
import { asAdmin, dropSchema, freshUrl } from "./server.ts";

const now = 1_000_000;
/** Of a life that says nothing more, so that none is late unless a test makes it so. */
const bootLeaseMs = 3_600_000;
/** How long who sweeps must have beaten, and the server must have been up. */
const leaseMs = 1_000;
const load = { workers: 1, slots: 4, busy: 2, versions: ["c:1", "s:2"], lanes: [7], names: ["work"] };

/** The parts of a store that lives share, with a pool and lines of its own. */
async function openLife(url: string, lease = leaseMs) {
  const settings = resolveSettings({ url });
  await migrate(settings);
  const db = openPool(settings);
  const from = `t${++opened}`;
  const notifier = new Notifier({ open: () => openNotifyLine(settings), from, clock: systemClock });
  const parts = {
    client: () => listenClient(settings),
    schema: settings.schema,
    from,
    clock: systemClock,
    random: createRandom(1),
  };
  const shared: SharedStore = openShared({ db, notifier, listener: parts, leaseMs: lease, outbox: openOutbox(db, settings) });
  const { boot, nextWorker } = await bootStore(db, { leaseMs: bootLeaseMs, path: "" }, { nonce: from, pid: 1, now });
  const life = {
    db,
    boot,
    nextWorker,
    notifier,
    shared,
    schema: settings.schema,
    catalogue: openCatalogue(db, notifier),
    queue: openQueue(db),
    tasks: openTaskReads(db),
    async close() {
      await notifier.close();
      await db.close();
    },
  };
  open.push(() => life.close());
  return life;
}
type Life = Awaited<ReturnType<typeof openLife>>;

let opened = 0;
let open: (() => Promise<void>)[] = [];
let url: string;
const used: string[] = [];
// The server may have been started for these tests: a lease ago it was not there.
beforeAll(() =>
  asAdmin((client) =>
    client.query("SELECT pg_sleep($1 - extract(epoch FROM clock_timestamp() - pg_postmaster_start_time()))", [leaseMs / 1_000]),
  ),
);
beforeEach(async () => {
  url = await freshUrl("shared");
  used.push(url);
});
afterEach(async () => {
  await Promise.all(open.map((close) => close()));
  open = [];
});
afterAll(async () => {
  for (const u of used) await dropSchema(u);
});

/** A task with its parent or without, and no place yet. */
async function insertTask(life: Life, id: number, parent: number | null = null, act: number | null = null): Promise<void> {
  await life.db.run(
    `INSERT INTO task (id, namespace, run, parent, act, key, input_hash, asked_after, secret, definition, lane, prio, pass, depth, input, created_at)
     VALUES ($1, 1, coalesce($2::bigint, $1), $2, $3, 'k', 'h', 0, 's', 1, 1, 1, $1, 0, '{}', $4)`,
    [id, parent, act, now],
  );
}
/** Running under a life, as a claim leaves it. */
async function insertRunning(life: Life, id: number, o: { leaseNo?: number; attempt?: number; armed?: number } = {}) {
  await insertTask(life, id);
  await life.db.run(
    "INSERT INTO running (task, lease_no, top, orchestrator, worker, attempt, crashes, alone, claimed_at) VALUES ($1, $2, $2, $3, 7, $4, 0, 0, $5)",
    [id, o.leaseNo ?? 1, life.boot, o.attempt ?? 1, now],
  );
  if (o.armed !== undefined)
    await life.db.run("INSERT INTO gate (task, remaining, acts, last_seq, armed, started_at) VALUES ($1, 1, 1, 0, $2, $3)", [
      id,
      o.armed,
      now,
    ]);
}
/** So late that others may take it for dead. */
async function fallSilent(life: Life): Promise<void> {
  await life.db.run("UPDATE orchestrator SET expires_at = clock_timestamp() - interval '1 s' WHERE id = $1", [life.boot]);
}
/** Has beaten for a whole lease. */
async function beSteady(life: Life): Promise<void> {
  await life.db.run("UPDATE orchestrator SET beating_since = clock_timestamp() - interval '1 h' WHERE id = $1", [life.boot]);
}
const look = (life: Life, runs: { id: number; cursor: number }[] = []) => life.shared.look({ boot: life.boot, runs, limit: 100 });
async function sweep(life: Life, slice = 100) {
  const swept = await life.shared.sweep({ boot: life.boot, now: now + 1, slice });
  return { ...swept, ready: swept.ready.toSorted((a, b) => a.task - b.task) };
}

describe("lives", () => {
  test("each has numbers of its own, and none takes anything over", async () => {
    const a = await openLife(url);
    await insertRunning(a, 5);
    const b = await openLife(url);
    expect([a.boot, b.boot]).toEqual([1, 2]);
    expect([a.nextWorker, b.nextWorker]).toEqual([2 ** 22 + 1, 2 ** 23 + 1]);
    expect(await b.tasks.where(5)).toMatchObject({ in: "running", leaseNo: 1 });
    expect(await b.shared.lives()).toMatchObject([{ boot: 1 }, { boot: 2 }]);
  });

  test("lives that start at once never have one number", async () => {
    const a = await openLife(url);
    const boots = await Promise.all(
      Array.from({ length: 8 }, (_, i) =>
        bootStore(a.db, { leaseMs: bootLeaseMs, path: "" }, { nonce: "n", pid: i, now, skip: i * 3 }),
      ),
    );
    expect(new Set([a.boot, ...boots.map((b) => b.boot)]).size).toBe(9);
    expect(new Set([a.nextWorker, ...boots.map((b) => b.nextWorker)]).size).toBe(9);
  });

  test("a beat says on the store's clock that it goes on, and what it carries", async () => {
    const a = await openLife(url);
    await fallSilent(a);
    const beat = await a.shared.beat({ boot: a.boot, load, roster: "[]" });
    expect(beat.alive).toBe(true);
    const [life] = await a.shared.lives();
    expect(life).toMatchObject({ boot: 1, ...load });
    expect(Math.abs((life?.expiresAt ?? 0) - beat.now - leaseMs)).toBeLessThan(50);
  });

  test("one whose row is gone is told, and writes nothing", async () => {
    const a = await openLife(url);
    await a.db.run("DELETE FROM orchestrator");
    expect(await a.shared.beat({ boot: a.boot, load, roster: "[]" })).toMatchObject({ alive: false });
    const joined = a.catalogue.joined({ id: 1, boot: a.boot, name: "w", pid: 1, build: "b", now });
    await expect(joined).rejects.toMatchObject({ code: "FLOTILLA_LIFE_OVER" });
    const adopt = a.shared.adopt({ boot: a.boot, now, worker: 1, held: [{ task: 1, boot: 1, leaseNo: 1 }] });
    await expect(adopt).rejects.toMatchObject({ code: "FLOTILLA_LIFE_OVER" });
  });
});

describe("look", () => {
  test("depth is the sum of what all lives have put in and taken out, with the ends of each lane", async () => {
    const [a, b] = [await openLife(url), await openLife(url)];
    for (const [id, prio, pass] of [
      [11, 1, 40],
      [12, 0, 90],
      [13, 2, 7],
    ]) {
      await insertTask(a, id as number);
      await a.db.run(
        "INSERT INTO ready (lane, prio, pass, task, lease_no, attempt, crashes, alone, since) VALUES (1, $2, $3, $1, 0, 0, 0, 0, 0)",
        [id, prio, pass],
      );
    }
    for (const [lane, boot, tasks] of [
      [1, a.boot, 5],
      [1, b.boot, -2],
      [2, a.boot, 4],
      [2, b.boot, -4],
      [-1, a.boot, 3],
      [-2, 0, 2],
    ])
      await a.db.run("INSERT INTO lane_depth (lane, boot, tasks) VALUES ($1, $2, $3)", [lane, boot, tasks]);
    const seen = await look(b);
    expect([...seen.depth]).toEqual([[1, { ready: 3, firstPass: 7, lastPass: 90 }]]);
    expect(seen).toMatchObject({ delayed: 3, parked: 2, cancelsLeft: false, nextDueAt: null, nextTickAt: null, moved: [] });
    // Claim order: by priority, then place.
    expect((await b.queue.peek({ lanes: [1, 9], limit: 2 })).map((r) => r.task)).toEqual([12, 11]);
  });

  test("runs that moved on, ended or vanished are named, and no others", async () => {
    const a = await openLife(url);
    for (const id of [1, 2, 3]) await insertTask(a, id);
    await a.db.run("INSERT INTO run (id, cursor) VALUES (1, 5), (2, 5)");
    await a.db.run("INSERT INTO outcome (task, lease_no, status, attempt, finished_at) VALUES (3, 1, 0, 1, 0)");
    const runs = [
      { id: 1, cursor: 4 },
      { id: 2, cursor: 5 },
      { id: 3, cursor: 0 },
      { id: 4, cursor: 0 },
    ];
    expect((await look(a, runs)).moved.toSorted((x, y) => x - y)).toEqual([1, 3, 4]);
  });

  test("the catalogue moves when there is something new in it", async () => {
    const [a, b] = [await openLife(url), await openLife(url)];
    const at = (await look(b)).catalogue;
    const definitions = [{ id: 1, namespace: 1, name: "work", card: '{"v":1}' }];
    const lanes = [{ id: 4, definition: 1, needs: ["gpu"], build: "" }];
    await a.catalogue.defineAll({ boot: a.boot, definitions, lanes });
    expect((await look(b)).catalogue).toBe(at + 1);
    await b.catalogue.defineAll({ boot: b.boot, definitions, lanes });
    // A name that somebody asks for takes no card away.
    await b.catalogue.defineAll({ boot: b.boot, definitions: [{ id: 1, namespace: 1, name: "work", card: "null" }], lanes: [] });
    expect((await look(b)).catalogue).toBe(at + 1);
    expect(await b.catalogue.read()).toEqual({ definitions, lanes });
  });

  test("lives that define the same names in another order do not wait for each other in a circle", async () => {
    const [a, b] = [await openLife(url), await openLife(url)];
    const definitions = Array.from({ length: 50 }, (_, i) => ({ id: i + 1, namespace: 1, name: `d${i}`, card: `{"n":${i}}` }));
    await Promise.all([
      a.catalogue.defineAll({ boot: a.boot, definitions, lanes: [] }),
      b.catalogue.defineAll({ boot: b.boot, definitions: definitions.toReversed(), lanes: [] }),
    ]);
    expect((await a.catalogue.read()).definitions).toHaveLength(50);
  });
});

describe("notices", () => {
  const delivery = (boot: number, task: number, seq: number, act: number) =>
    ({ boot, kind: noticeKinds.delivery, task, leaseNo: null, seq, act, detail: null }) as const;

  test("a delivery comes with what has settled: a child, a step, a wait, a cancel", async () => {
    const [a, b] = [await openLife(url), await openLife(url)];
    await insertRunning(b, 1, { armed: 1 });
    await insertTask(a, 2, 1, 1);
    await a.db.run(
      "INSERT INTO outcome (task, lease_no, status, attempt, seq, finished_at, value) VALUES (2, 1, 0, 1, 1, 50, $1)",
      ['{"a":"\uFFFF"}'],
    );
    await a.db.run(
      `INSERT INTO step (task, act, key, asked_after, lease_no, begun_at, seq, ended_at, error) VALUES (1, 2, 's', 0, 1, 0, 2, 51, '{"code":"X"}')`,
    );
    await a.db.run(
      `INSERT INTO wait (task, act, kind, key, input_hash, asked_after, begun_at, ended_at, seq, status, value) VALUES (1, 3, 2, 'w', '', 0, 0, 52, 3, 0, '"v"')`,
    );
    await a.db.run("UPDATE gate SET cancel_seq = 4, cancel_reason = $1, cancel_at = 53 WHERE task = 1", ["stop\0it"]);
    await writeNotices(
      a.db,
      [1, 2, 3].map((n) => delivery(b.boot, 1, n, n)),
    );
    await writeNotices(a.db, [delivery(b.boot, 1, 4, 0)]);
    const { notices } = await look(b);
    expect(notices.map((n) => n.kind === "delivery" && n.delivery)).toMatchObject([
      { parent: 1, seq: 1, act: 1, status: "succeeded", value: '{"a":"\uFFFF"}', at: 50 },
      { parent: 1, seq: 2, act: 2, status: "failed", error: { code: "X" }, at: 51 },
      { parent: 1, seq: 3, act: 3, status: "succeeded", value: '"v"', at: 52 },
      {
        parent: 1,
        seq: 4,
        act: 0,
        status: "canceled",
        error: { code: "FLOTILLA_CANCELED", details: { by: "stop\0it" } },
        at: 53,
      },
    ]);
    expect((await look(a)).notices).toEqual([]);
    await b.shared.noticed({ boot: b.boot, ids: notices.slice(0, 3).map((n) => n.id) });
    expect((await look(b)).notices.map((n) => n.id)).toEqual([notices[3]?.id]);
  });

  test("one about something that is gone fills no look, and one for a life that ended is not written", async () => {
    const a = await openLife(url);
    await insertRunning(a, 1);
    expect(await writeNotices(a.db, [delivery(a.boot, 1, 9, 9), delivery(99, 1, 9, 9)])).toEqual([a.boot]);
    // It took all the room there was: that nothing was found does not mean that nothing waits.
    const p = { boot: a.boot, runs: [], limit: 1 };
    expect(await a.shared.look(p)).toMatchObject({ notices: [], moreNotices: true });
    expect(await a.shared.look(p)).toMatchObject({ notices: [], moreNotices: false });
    expect(await a.db.rows("SELECT * FROM notice")).toEqual([]);
  });

  test("a question goes to the life that holds the task, and its answer comes back", async () => {
    const [a, b] = [await openLife(url), await openLife(url)];
    await insertRunning(b, 1);
    expect(await a.shared.ask({ task: 1, from: a.boot, request: 3, name: "progress" })).toBe(true);
    const [question] = (await look(b)).notices;
    expect(question).toMatchObject({ kind: "question", task: 1, from: a.boot, request: 3, name: "progress" });
    await b.shared.answer({ to: a.boot, request: 3, value: "0.5", error: null });
    expect((await look(a)).notices).toMatchObject([{ kind: "answer", request: 3, value: "0.5", error: null }]);
    expect(await a.shared.ask({ task: 2, from: a.boot, request: 4, name: "progress" })).toBe(false);
  });
});

describe("adopt", () => {
  test("a worker's attempt goes on under a new lease, and the life that had it is told", async () => {
    const [a, b] = [await openLife(url), await openLife(url)];
    await insertRunning(a, 1, { leaseNo: 2, attempt: 2 });
    await insertRunning(a, 2);
    const held = [
      { task: 1, boot: a.boot, leaseNo: 2 },
      { task: 2, boot: a.boot, leaseNo: 7 },
      { task: 3, boot: a.boot, leaseNo: 1 },
    ];
    const adopted = await b.shared.adopt({ boot: b.boot, now: now + 5, worker: 77, held });
    expect(adopted).toMatchObject([
      { held: held[0], leaseNo: 3, attempt: 2, crashes: 0, alone: false, claimedAt: now, task: { id: 1, lane: 1 } },
    ]);
    expect(await a.tasks.where(1)).toMatchObject({ in: "running", leaseNo: 3, worker: 77 });
    expect((await look(a)).notices).toMatchObject([{ kind: "closed", task: 1, leaseNo: 2, status: "moved" }]);
    // Asked again by the same worker, because the answer was lost, it says the same; another one finds nothing.
    expect(await b.shared.adopt({ boot: b.boot, now, worker: 77, held })).toEqual(adopted);
    expect(await b.shared.adopt({ boot: b.boot, now, worker: 78, held })).toEqual([]);
    expect(await a.tasks.where(1)).toMatchObject({ in: "running", leaseNo: 3, worker: 77 });
  });

  test("two lives to which it turns at once: one of them has it", async () => {
    const [a, b, c] = [await openLife(url), await openLife(url), await openLife(url)];
    await insertRunning(a, 1);
    const held = [{ task: 1, boot: a.boot, leaseNo: 1 }];
    const both = await Promise.all([b, c].map(async (life) => life.shared.adopt({ boot: life.boot, now, worker: 9, held })));
    expect(both.flat()).toHaveLength(1);
    expect(await a.tasks.where(1)).toMatchObject({ in: "running", leaseNo: 2 });
  });

  test("what waited for the old life goes on to the new one", async () => {
    const [a, b] = [await openLife(url), await openLife(url)];
    await insertRunning(a, 1);
    await a.db.run(
      "INSERT INTO step (task, act, key, asked_after, lease_no, begun_at, seq, ended_at, value) VALUES (1, 1, 's', 0, 1, 0, 1, 5, '1')",
    );
    await writeNotices(a.db, [
      { boot: a.boot, kind: noticeKinds.delivery, task: 1, leaseNo: null, seq: 1, act: 1, detail: null },
    ]);
    await b.shared.adopt({ boot: b.boot, now, worker: 9, held: [{ task: 1, boot: a.boot, leaseNo: 1 }] });
    expect((await look(b)).notices).toMatchObject([{ kind: "delivery", delivery: { parent: 1, seq: 1, value: "1" } }]);
  });

  test("of a life that is swept already, only what was not given back", async () => {
    const [a, b] = [await openLife(url), await openLife(url)];
    await insertRunning(a, 1);
    await insertRunning(a, 2);
    await a.shared.resign({ boot: a.boot, now });
    const held = [1, 2].map((task) => ({ task, boot: a.boot, leaseNo: 1 }));
    expect(await b.shared.adopt({ boot: b.boot, now, worker: 9, held })).toEqual([]);
  });
});

describe("sweep and resign", () => {
  test("what a silent life was running is ready for all, without a charge; idle workflows are parked", async () => {
    const [a, b] = [await openLife(url), await openLife(url)];
    await a.catalogue.joined({ id: 7, boot: a.boot, name: "w", pid: 1, build: "b", now });
    await insertRunning(a, 1, { leaseNo: 3, attempt: 2 });
    await insertRunning(a, 2, { armed: 1 });
    await insertRunning(a, 3, { armed: 0 });
    await insertRunning(b, 4);
    await a.db.run("INSERT INTO lane_depth (lane, boot, tasks) VALUES (1, $1, -3), (1, $2, 4), (-2, $1, 1)", [a.boot, b.boot]);
    await fallSilent(a);
    await beSteady(b);
    const swept = await sweep(b);
    expect(swept).toMatchObject({ lives: [a.boot], parked: 1, more: false });
    expect(swept.ready.map((r) => [r.task, r.leaseNo, r.attempt, r.crashes])).toEqual([
      [1, 3, 1, 0],
      [3, 1, 0, 0],
    ]);
    expect(await b.tasks.where(2)).toMatchObject({ in: "parked", leaseNo: 1, attempt: 0, remaining: 1 });
    expect(await b.tasks.where(4)).toMatchObject({ in: "running", leaseNo: 1 });
    expect(await b.tasks.attempts(1)).toMatchObject([{ leaseNo: 3, attempt: 2, how: "orchestrator ended", endedAt: now + 1 }]);
    const seen = await look(b);
    expect([...seen.depth]).toMatchObject([[1, { ready: 3 }]]);
    expect(seen.parked).toBe(2);
    expect(await b.db.rows("SELECT lane, boot, tasks FROM lane_depth WHERE boot NOT IN ($1) ORDER BY lane", [b.boot])).toEqual([
      { lane: -2, boot: 0, tasks: 2 },
      { lane: 1, boot: 0, tasks: -1 },
    ]);
    expect(await b.db.row("SELECT left_how FROM worker WHERE id = 7")).toEqual({ left_how: "orchestrator ended" });
    expect(await b.db.rows("SELECT * FROM swept")).toEqual([]);
    expect(await a.shared.beat({ boot: a.boot, load, roster: "[]" })).toMatchObject({ alive: false });
    expect(await sweep(b)).toEqual({ lives: [], ready: [], parked: 0, completed: [], more: false });
  });

  test("nobody who was late himself a lease ago takes others for dead", async () => {
    const [a, b] = [await openLife(url), await openLife(url)];
    await insertRunning(a, 1);
    await fallSilent(a);
    expect(await sweep(b)).toMatchObject({ lives: [], ready: [] });
    await beSteady(b);
    await fallSilent(b);
    // Both are late: the database was away.
    expect(await sweep(b)).toMatchObject({ lives: [], ready: [] });
    await b.shared.beat({ boot: b.boot, load, roster: "[]" });
    expect(await sweep(b)).toMatchObject({ lives: [], ready: [] });
    expect(await b.tasks.where(1)).toMatchObject({ in: "running" });
  });

  test("nobody is swept until the database has been up for a lease", async () => {
    const a = await openLife(url);
    // Longer than any server was up.
    const b = await openLife(url, 1_000_000_000_000);
    await fallSilent(a);
    await b.db.run("UPDATE orchestrator SET beating_since = '-infinity' WHERE id = $1", [b.boot]);
    expect(await sweep(b)).toMatchObject({ lives: [] });
    const c = await openLife(url);
    await beSteady(c);
    expect(await sweep(c)).toMatchObject({ lives: [a.boot] });
  });

  test("a life that commits at this instant is left for the next time", async () => {
    const [a, b] = [await openLife(url), await openLife(url)];
    await fallSilent(a);
    await beSteady(b);
    await a.db.transaction(async (tx) => {
      await tx.row("SELECT 1 FROM orchestrator WHERE id = $1 FOR KEY SHARE", [a.boot]);
      expect(await sweep(b)).toMatchObject({ lives: [] });
    });
    expect(await sweep(b)).toMatchObject({ lives: [a.boot] });
  });

  test("in slices, and another life goes on where the first has stopped", async () => {
    const [a, b, c] = [await openLife(url), await openLife(url), await openLife(url)];
    for (let id = 1; id <= 5; id++) await insertRunning(a, id);
    await fallSilent(a);
    await beSteady(b);
    expect(await sweep(b, 2)).toMatchObject({ lives: [a.boot], ready: [{ task: 1 }, { task: 2 }], more: true });
    expect(await sweep(c, 2)).toMatchObject({ lives: [], ready: [{ task: 3 }, { task: 4 }], more: true });
    expect(await sweep(b, 2)).toMatchObject({ ready: [{ task: 5 }], more: false });
    expect([...(await look(c)).depth]).toMatchObject([[1, { ready: 5 }]]);
  });

  test("two that sweep at once give each task back once", async () => {
    const [a, b, c] = [await openLife(url), await openLife(url), await openLife(url)];
    for (let id = 1; id <= 20; id++) await insertRunning(a, id);
    await fallSilent(a);
    await beSteady(b);
    await beSteady(c);
    const found: number[] = [];
    for (let round = 0; round < 8; round++)
      for (const swept of await Promise.all([sweep(b, 6), sweep(c, 6)])) found.push(...swept.ready.map((r) => r.task));
    expect(found.toSorted((x, y) => x - y)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    expect(await b.db.rows("SELECT * FROM running")).toEqual([]);
  });

  test("a task with another attempt that lives goes back only when that one is gone too", async () => {
    const [a, b, c] = [await openLife(url), await openLife(url), await openLife(url)];
    await insertRunning(a, 1);
    await a.db.run("UPDATE running SET top = 2");
    await a.db.run(
      "INSERT INTO running (task, lease_no, top, orchestrator, worker, attempt, crashes, alone, claimed_at) VALUES (1, 2, 2, $1, 8, 1, 0, 0, $2)",
      [b.boot, now],
    );
    await a.shared.resign({ boot: a.boot, now });
    expect(await c.tasks.where(1)).toMatchObject({ in: "running", leaseNo: 2 });
    await b.shared.resign({ boot: b.boot, now });
    expect(await c.tasks.where(1)).toMatchObject({ in: "ready", leaseNo: 2, attempt: 0 });
    expect(await c.queue.peek({ lanes: [1], limit: 10 })).toHaveLength(1);
  });

  test("a sweep waits for whoever changes the run, and finds what is true then", async () => {
    const [a, b] = [await openLife(url), await openLife(url)];
    await insertRunning(a, 1);
    await fallSilent(a);
    await beSteady(b);
    await b.db.run("DELETE FROM orchestrator WHERE id = $1", [a.boot]);
    await b.db.run("INSERT INTO swept (boot, at) VALUES ($1, 0)", [a.boot]);
    let swept: Promise<unknown> | undefined;
    await a.db.transaction(async (tx) => {
      await tx.row("SELECT id FROM task WHERE id = 1 FOR NO KEY UPDATE");
      swept = Promise.resolve(sweep(b));
      await blockedBy((await tx.row<{ pid: number }>("SELECT pg_backend_pid() AS pid"))?.pid ?? 0);
      await tx.run("DELETE FROM running WHERE task = 1");
      await tx.run("INSERT INTO outcome (task, lease_no, status, attempt, finished_at) VALUES (1, 1, 0, 1, 0)");
    });
    expect(await swept).toMatchObject({ ready: [], parked: 0, more: false });
    expect(await b.tasks.where(1)).toMatchObject({ in: "outcome" });
  });

  test("who resigns leaves nothing behind, and is not there any more", async () => {
    const [a, b] = [await openLife(url), await openLife(url)];
    for (let id = 1; id <= 3; id++) await insertRunning(a, id);
    await a.shared.resign({ boot: a.boot, now });
    expect((await b.queue.peek({ lanes: [1], limit: 9 })).map((r) => r.task)).toEqual([1, 2, 3]);
    expect(await b.shared.lives()).toMatchObject([{ boot: b.boot }]);
    expect(await b.db.rows("SELECT * FROM swept")).toEqual([]);
    await a.shared.resign({ boot: a.boot, now });
  });
});

describe("listen", () => {
  /** What a life has heard, one after the other. */
  function ears() {
    const heard: string[] = [];
    const waiting: (() => void)[] = [];
    const hear = (what: string) => {
      heard.push(what);
      for (const wake of waiting.splice(0)) wake();
    };
    const to: Signals = {
      lanes: (ids) => hear(`lanes ${ids.join()}`),
      notices: () => hear("notices"),
      runs: (ids) => hear(`runs ${ids.join()}`),
      catalogue: () => hear("catalogue"),
      missed: () => hear("missed"),
    };
    const next = () => new Promise<void>((resolve) => waiting.push(resolve));
    const until = async (what: string) => {
      while (!heard.includes(what)) await next();
    };
    const first = async () => {
      if (heard.length === 0) await next();
    };
    return { heard, to, until, first };
  }

  test("others hear what a life says, each what is meant for it; it does not hear itself", async () => {
    const [a, b] = [await openLife(url), await openLife(url)];
    const [atA, atB] = [ears(), ears()];
    const closers = [await a.shared.listen({ boot: a.boot, to: atA.to }), await b.shared.listen({ boot: b.boot, to: atB.to })];
    a.notifier.note({ lanes: [4, 5], boots: [b.boot], runs: [9], catalogue: true });
    await atB.until("runs 9");
    expect(atB.heard).toEqual(["catalogue", "notices", "lanes 4,5", "runs 9"]);
    a.notifier.note({ boots: [a.boot], lanes: [6] });
    await atB.until("lanes 6");
    expect(atB.heard).not.toContain("missed");
    b.notifier.note({ lanes: [7] });
    await atA.until("lanes 7");
    expect(atA.heard).toEqual(["lanes 7"]);
    for (const closer of closers) await closer.close();
  });

  test("more than a payload holds comes in several, and far more as one word", async () => {
    const [a, b] = [await openLife(url), await openLife(url)];
    const at = ears();
    const closer = await b.shared.listen({ boot: b.boot, to: at.to });
    const ids = (n: number) => Array.from({ length: n }, (_, i) => 9_000_000_000_000_000 + i);
    a.notifier.note({ runs: ids(900) });
    await at.first();
    // Said after all of the above.
    a.notifier.note({ lanes: [1] });
    await at.until("lanes 1");
    const runs = at.heard.filter((h) => h.startsWith("runs ")).flatMap((h) => h.slice(5).split(","));
    expect(new Set(runs)).toEqual(new Set(ids(900).map(String)));
    expect(at.heard).not.toContain("missed");
    a.notifier.note({ runs: ids(10_000) });
    await at.until("missed");
    await closer.close();
  });

  test("a LISTEN connection that is cut is made again, and says that something may have been missed", async () => {
    const [a, b] = [await openLife(url), await openLife(url)];
    const at = ears();
    const closer = await b.shared.listen({ boot: b.boot, to: at.to });
    const { rows } = await asAdmin((client) =>
      client.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'flotilla listen'"),
    );
    expect(rows.length).toBeGreaterThan(0);
    await at.until("missed");
    a.notifier.note({ lanes: [8] });
    await at.until("lanes 8");
    await closer.close();
  });

  test("a NOTIFY connection that is cut is made again; what was lost meanwhile is said as one word", async () => {
    const [a, b] = [await openLife(url), await openLife(url)];
    const at = ears();
    const closer = await b.shared.listen({ boot: b.boot, to: at.to });
    a.notifier.note({ lanes: [1] });
    await at.until("lanes 1");
    await asAdmin((client) =>
      client.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'flotilla notify'"),
    );
    a.notifier.note({ lanes: [2] });
    await at.until("missed");
    a.notifier.note({ lanes: [3] });
    await at.until("lanes 3");
    await closer.close();
  });
});
