// Several lives on one PostgreSQL: who hears of what another has done, and a storm in which connections and lives end.
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { createRandom, type Random } from "../../src/core/random.ts";
import type { Batch, BatchResult, Claim, NewTask, Settlement, Store } from "../../src/store/contract.ts";
import { openPostgresStore } from "../../src/store/postgres/open.ts";
import { brokenRule } from "./invariants.ts";
import { asAdmin } from "./server.ts";
import { blocked, holdRun } from "./steps.ts";
import { dropSchemas, giveBack, inSchema, takeSchema } from "./stores.ts";
import { actsOf, batch, child, claimOf, now, root, settleOf } from "../store/rows.ts";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});
afterAll(dropSchemas);

interface Life {
  readonly store: Store;
  readonly boot: number;
  commit(over: Partial<Batch>): Promise<BatchResult>;
  notices(): Promise<readonly unknown[]>;
}

async function lives(count: number): Promise<{ url: string; all: Life[] }> {
  const url = await takeSchema();
  ends.push(() => giveBack(url));
  const all: Life[] = [];
  for (let i = 0; i < count; i++) {
    const { store } = await openPostgresStore({ url });
    ends.push(() => store.close());
    const { boot } = await store.boot({ nonce: `n${i}`, pid: i, now });
    if (i === 0)
      await store.catalogue.defineAll({
        boot,
        definitions: [{ id: 1, namespace: 0, name: "work", card: "null" }],
        lanes: [{ id: 1, definition: 1, needs: [], build: "" }],
      });
    all.push({
      store,
      boot,
      commit: async (over) => store.commit(batch({ boot, ...over })),
      notices: async () => (await store.shared?.look({ boot, runs: [], limit: 100 }))?.notices ?? [],
    });
  }
  return { url, all };
}

/** A parent that the first life holds, and a child that the second one does. */
async function apart() {
  const { url, all } = await lives(2);
  const [a, b] = all as [Life, Life];
  const parent = root(1, { claim: 7 });
  const kid = child(2, parent, 1);
  await a.commit({ tasks: [parent] });
  await a.commit({ acts: [actsOf(parent, 1, { children: [kid], armed: true, seen: 0 })] });
  await b.commit({ claims: [claimOf(kid, { worker: 8 })] });
  return { url, a, b, parent, kid };
}

describe("what one life does to another's task", () => {
  test("a child that settles elsewhere is told to the life that holds its parent", async () => {
    const { a, b, kid } = await apart();
    const r = await b.commit({ settles: [settleOf(kid, 1, { hasGate: false })] });
    expect(r.deliveries).toMatchObject([{ parent: 1, seq: 1, act: 1 }]);
    expect(await a.notices()).toMatchObject([
      { kind: "delivery", delivery: { parent: 1, seq: 1, act: 1, status: "succeeded", value: '"v2"' } },
    ]);
    expect(await b.notices()).toEqual([]);
  });

  test("a task that is closed elsewhere is told to the life that holds it, and what it settles is fenced", async () => {
    const { a, b, parent } = await apart();
    await b.commit({ cancels: [{ task: 1, reason: "enough" }] });
    expect(await a.notices()).toMatchObject([{ kind: "closed", task: 1, leaseNo: 1, status: "canceled", reason: "enough" }]);
    expect((await a.commit({ settles: [settleOf(parent, 1)] })).fenced).toHaveLength(1);
    // Its child is the second life's own: the result of the batch says so.
    const r = await b.commit({ cancelSlice: 10 });
    expect(r.closed).toMatchObject([{ task: 2, was: "running" }]);
    expect(await b.notices()).toEqual([]);
  });

  test("a workflow that is canceled elsewhere is told to unwind", async () => {
    const { a, b, parent } = await apart();
    await a.commit({ acts: [actsOf(parent, 1, { unwinds: true })] });
    const flow = root(3, { claim: 7 });
    await a.commit({ tasks: [flow] });
    await a.commit({ acts: [actsOf(flow, 1, { unwinds: true, steps: [{ act: 1, key: "s", askedAfter: 0 }] })] });
    await b.commit({ cancels: [{ task: 3, reason: "enough" }] });
    expect(await a.notices()).toMatchObject([{ kind: "delivery", delivery: { parent: 3, act: 0, status: "canceled" } }]);
  });

  test.each(["the child settles first", "the parent is parked first"])(
    "parking and settling at once, %s: it is not forgotten",
    async (order) => {
      const { url, a, b, parent, kid } = await apart();
      const lock = await holdRun(url, 1);
      const settle = () => b.commit({ settles: [settleOf(kid, 1, { hasGate: false })] });
      const park = () => a.commit({ acts: [actsOf(parent, 1, { armed: true, seen: 0, park: true })] });
      const both = order.startsWith("the child") ? [settle, park] : [park, settle];
      const first = (both[0] as typeof settle)();
      await blocked(url, 1);
      const second = (both[1] as typeof settle)();
      await blocked(url, 2);
      await lock.release();
      await Promise.all([first, second]);
      const { woken } = await second;
      const told = (await a.notices()).length;
      const there = (await a.store.tasks.where(1))?.in;
      // It was not idle any more when it asked to be parked; or it was, and came back.
      expect({ there, told, woken: woken.length }).toEqual(
        order.startsWith("the child") ? { there: "running", told: 1, woken: 0 } : { there: "ready", told: 0, woken: 1 },
      );
      expect(await brokenRule(url)).toBeNull();
    },
  );

  test("a task that comes while one who names it waits for his locks is found, and its run locked", async () => {
    const { url, a, b, parent } = await apart();
    const other = root(10, { claim: 8 });
    await b.commit({ tasks: [other] });
    const lock = await holdRun(url, 10);
    const named = b.commit({
      settles: [settleOf(other, 1)],
      cancels: [{ task: 11, reason: "enough" }],
      messages: [{ task: 11, name: "m", value: "1", key: null }],
      wakes: [11],
    });
    await blocked(url, 1);
    // Its run is not among those whose locks the other will get.
    await a.commit({ acts: [actsOf(parent, 1, { children: [child(11, parent, 2)], armed: true })] });
    await lock.release();
    expect(await named).toMatchObject({ closed: [{ task: 11, was: "ready" }], fenced: [], unsent: new Map([[0, "ended"]]) });
    expect(await brokenRule(url)).toBeNull();
  });

  test("keys that two ask for in another order are each given once, and nobody waits in a circle", async () => {
    const { all } = await lives(2);
    const key = (id: number, name: string) => root(id, { idempotency: { key: name, inputHash: "h" } });
    const [a, b] = all as [Life, Life];
    for (let i = 1; i <= 20; i++) {
      const base = i * 10;
      const [one, other] = [`x${i}`, `y${i}`];
      const [r, s] = await Promise.all([
        a.commit({ tasks: [key(base, one), key(base + 1, other)] }),
        b.commit({ tasks: [key(base + 2, other), key(base + 3, one)] }),
      ]);
      expect(r.existing.size + s.existing.size).toBe(2);
    }
  });

  test("a life that is swept while it waits for a lock is left until it has committed", async () => {
    const { url, a, b, parent } = await apart();
    const lock = await holdRun(url, 1);
    const settled = a.commit({ settles: [settleOf(parent, 1)] });
    await blocked(url, 1);
    await asAdmin((client) =>
      client.query(
        `UPDATE ${new URL(url).searchParams.get("schema")}.orchestrator SET expires_at = 'epoch', beating_since = 'epoch' WHERE id = $1`,
        [a.boot],
      ),
    );
    expect((await b.store.shared?.sweep({ boot: b.boot, now, slice: 10 }))?.lives).toEqual([]);
    await lock.release();
    expect((await settled).fenced).toEqual([]);
  });
});

const long = process.env["FLOTILLA_LONG"] === "1";

/** A small orchestrator: claims what is ready, runs what it holds a step further, tries again what was not stored. */
class Stormy {
  #boot = 0;
  readonly #held = new Map<number, { task: NewTask; leaseNo: number; acts: number; attempt: number }>();
  readonly store: Store;
  readonly #random: Random;
  readonly #born: Map<number, NewTask>;
  #ids: { next: number; end: number } = { next: 0, end: 0 };
  lost = 0;
  over = 0;

  constructor(store: Store, random: Random, born: Map<number, NewTask>) {
    this.store = store;
    this.#random = random;
    this.#born = born;
  }

  get boot(): number {
    return this.#boot;
  }
  #n(below: number): number {
    return Math.floor(this.#random() * below);
  }
  async #stubborn<T>(work: () => T | Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await work();
      } catch (e) {
        if ((e as { code?: string }).code !== "FLOTILLA_STORE_UNREACHABLE") throw e;
        this.lost += 1;
      }
    }
  }
  async begin(): Promise<void> {
    this.#held.clear();
    this.#boot = (await this.#stubborn(() => this.store.boot({ nonce: "n", pid: 1, now }))).boot;
  }
  async #id(): Promise<number> {
    if (this.#ids.next === this.#ids.end) {
      const { first, count } = await this.#stubborn(() => this.store.taskIds(1));
      this.#ids = { next: first, end: first + count };
    }
    return this.#ids.next++;
  }

  /** One batch. `closing`: nothing new begins, and whoever is done ends. */
  async step(closing: boolean): Promise<void> {
    const peeked = await this.#stubborn(() => this.store.queue.peek({ lanes: [1], limit: 8 }));
    const claims: Claim[] = peeked.map((r) => {
      const task = this.#born.get(r.task) as NewTask;
      return claimOf(task, { leaseNo: r.leaseNo, attempt: r.attempt, crashes: r.crashes, worker: this.#boot });
    });
    const tasks: NewTask[] = [];
    if (!closing)
      for (let i = this.#n(3); i > 0; i--)
        tasks.push(this.#birth(root(await this.#id(), { claim: this.#n(2) === 0 ? this.#boot : null })));
    const settles: Settlement[] = [];
    const parts: Pick<Batch, "acts" | "requeues"> = { acts: [], requeues: [] };
    for (const held of this.#held.values()) await this.#further(held, closing, parts, settles);
    const anyone = [...this.#born.keys()];
    const cancels =
      !closing && this.#n(6) === 0 && anyone.length > 0
        ? [{ task: anyone[this.#n(anyone.length)] as number, reason: "storm" }]
        : [];
    // Ten times as many as a batch takes away, so that nothing is left for long.
    const b = batch({ boot: this.#boot, ...parts, settles, tasks, claims, cancels, cancelSlice: 20, dueSlice: 20 });
    try {
      const r = await this.#stubborn(() => this.store.commit(b));
      this.#learn(b, r);
    } catch (e) {
      if ((e as { code?: string }).code !== "FLOTILLA_LIFE_OVER") throw e;
      this.over += 1;
      await this.begin();
    }
  }

  #birth(t: NewTask): NewTask {
    this.#born.set(t.id, t);
    return t;
  }

  async #further(
    held: { task: NewTask; leaseNo: number; acts: number; attempt: number },
    closing: boolean,
    parts: { acts: Batch["acts"]; requeues: Batch["requeues"] },
    settles: Settlement[],
  ): Promise<void> {
    const { task, leaseNo } = held;
    const what = this.#n(closing ? 4 : 10);
    if (what < 4) {
      const hasGate = true;
      settles.push(settleOf(task, leaseNo, { hasGate, attempt: held.attempt }));
      this.#held.delete(task.id);
    } else if (what < 7 && task.depth < 2) {
      const journal = await this.#stubborn(() => this.store.tasks.journal(task.id));
      let act = journal?.acts ?? 0;
      const children: NewTask[] = [];
      for (let i = 1 + this.#n(3); i > 0; i--)
        children.push(
          this.#birth(
            child(await this.#id(), task, ++act, { depth: task.depth + 1, claim: this.#n(3) === 0 ? this.#boot : null }),
          ),
        );
      const park = this.#n(2) === 0;
      (parts.acts as Batch["acts"][number][]).push(
        actsOf(task, leaseNo, { children, armed: true, seen: journal?.lastSeq ?? 0, park, unwinds: task.depth === 1 }),
      );
    } else if (what === 7) {
      const next =
        this.#n(2) === 0
          ? ({ to: "ready", attempt: held.attempt, crashes: 0, alone: false } as const)
          : ({ to: "delayed", dueAt: now, attempt: held.attempt, crashes: 0, alone: false } as const);
      (parts.requeues as Batch["requeues"][number][]).push({
        lease: { task: task.id, leaseNo },
        run: task.run,
        definition: 1,
        isRoot: task.parent === null,
        lane: 1,
        prio: 1,
        pass: task.pass,
        attempt: held.attempt,
        worker: this.#boot,
        startedAt: now,
        how: "failed",
        error: null,
        spent: null,
        next,
      });
      this.#held.delete(task.id);
    }
  }

  #learn(b: Batch, r: BatchResult): void {
    const fenced = new Set([...r.fencedActs, ...r.fenced].map((l) => l.task));
    const not = new Set(r.unclaimed.map((l) => l.task));
    const hold = (task: NewTask, leaseNo: number, attempt: number) =>
      this.#held.set(task.id, { task, leaseNo, acts: 0, attempt });
    for (const t of b.tasks) if (t.claim !== null) hold(t, 1, 1);
    for (const a of b.acts) if (!fenced.has(a.lease.task)) for (const c of a.children) if (c.claim !== null) hold(c, 1, 1);
    for (const c of b.claims) if (!not.has(c.task)) hold(this.#born.get(c.task) as NewTask, c.leaseNo + 1, c.attempt + 1);
    for (const l of [...fenced, ...r.parked, ...r.closed.map((c) => c.task)]) this.#held.delete(l);
  }
}

test(
  "a storm of ended connections and ended lives loses nothing and does nothing twice",
  { timeout: long ? 600_000 : 120_000 },
  async () => {
    const base = await takeSchema();
    ends.push(() => giveBack(base));
    // So that only these connections are ended, of all on this server.
    const name = `storm${process.pid}`;
    const url = `${base}&application_name=${name}`;
    const random = createRandom(Number(process.env["FLOTILLA_STORM_SEED"] ?? 1));
    const born = new Map<number, NewTask>();
    const crowd: Stormy[] = [];
    for (let i = 0; i < 3; i++) {
      const { store } = await openPostgresStore({ url });
      ends.push(() => store.close());
      const life = new Stormy(store, createRandom(i + 1), born);
      await life.begin();
      crowd.push(life);
    }
    await crowd[0]?.store.catalogue.defineAll({
      boot: crowd[0].boot,
      definitions: [{ id: 1, namespace: 0, name: "work", card: "null" }],
      lanes: [{ id: 1, definition: 1, needs: [], build: "" }],
    });
    const steps = long ? 400 : 40;
    const working = new Set(crowd);
    let ended = 0;
    const weather = (async () => {
      while (working.size > 0) {
        // Now and then, so that most of what is tried is done.
        await inSchema(base, "SELECT pg_sleep($1)", [random() / 50]);
        const gone = await inSchema(
          base,
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1 AND state <> 'idle' AND query LIKE $2
         ORDER BY random() LIMIT 1`,
          [name, ["%enter(%", "COMMIT", "WITH%", "%last_batch%"][Math.floor(random() * 4)]],
        );
        ended += gone.length;
        if (random() < 0.02) {
          const [victim, other] = [crowd[Math.floor(random() * 3)] as Stormy, crowd[0] as Stormy];
          try {
            await other.store.shared?.resign({ boot: victim.boot, now });
          } catch (e) {
            if ((e as { code?: string }).code !== "FLOTILLA_STORE_UNREACHABLE") throw e;
          }
        }
      }
    })();
    await Promise.all(
      crowd.map(async (life) => {
        try {
          for (let i = 0; i < steps; i++) await life.step(false);
        } finally {
          working.delete(life);
        }
      }),
    );
    await weather;
    expect(await brokenRule(base)).toBeNull();
    expect(ended).toBeGreaterThan(0);
    // Calm again: everything comes to an end, so nothing was stranded.
    const last = crowd[0] as Stormy;
    for (const life of crowd.slice(1)) await last.store.shared?.resign({ boot: life.boot, now });
    await last.store.shared?.resign({ boot: last.boot, now });
    await last.begin();
    const open = async () => {
      let n = 0;
      for (const t of await last.store.tasks.get([...born.keys()]))
        if ((await last.store.tasks.where(t.id))?.in !== "outcome") n += 1;
      return n;
    };
    for (let i = 0; i < 2_000 && (i % 50 !== 49 || (await open()) > 0); i++) await last.step(true);
    expect(await open()).toBe(0);
    expect(await brokenRule(base)).toBeNull();
  },
);
