// What every store that several orchestrators share must do beside the rest of the contract: lives, fences between them,
// notices, adoption, sweeps, looks and signals. A driver is done when this passes too.
import { describe, expect, test } from "vitest";
import type { Batch, BatchResult, NewTask, Store } from "../../src/store/contract.ts";
import type { Notice, SharedStore, Signals } from "../../src/store/shared.ts";
import type { Awaitable } from "../../src/store/contract.ts";
import { actsOf, batch, child, claimOf, now, requeueOf, root, settleOf } from "./rows.ts";

/** One store that several processes have open. */
export interface SharedWorld {
  /** Another handle on it, as another process has one. */
  handle(): Awaitable<Store>;
  /** As if that life had not been heard of for longer than its lease. */
  silence(boot: number): Awaitable<void>;
  /** Handles included. */
  close(): Awaitable<void>;
}
export interface SharedExercise {
  /** A new, empty one. */
  open(): Awaitable<SharedWorld>;
}

/** One life, on a handle of its own. */
interface Life {
  readonly boot: number;
  readonly store: Store;
  readonly shared: SharedStore;
  commit(over: Partial<Batch>): Promise<BatchResult>;
  /** What waits for it, and is dealt with by that. */
  notices(): Promise<Notice[]>;
}

const worker = 70_000;

export function exerciseShared(name: string, o: SharedExercise): void {
  interface Scene {
    readonly world: SharedWorld;
    readonly a: Life;
    readonly b: Life;
    live(): Promise<Life>;
  }
  const it = (title: string, body: (s: Scene) => Promise<void>) =>
    test(title, async () => {
      const world = await o.open();
      try {
        const live = () => beginLife(world);
        const a = await live();
        await a.store.catalogue.defineAll({
          boot: a.boot,
          definitions: [{ id: 1, namespace: 1, name: "work", card: "null" }],
          lanes: [{ id: 1, definition: 1, needs: [], build: "" }],
        });
        await body({ world, a, b: await live(), live });
      } finally {
        await world.close();
      }
    });
  const where = async (life: Life, id: number) => await life.store.tasks.where(id);
  const running = async (life: Life, id: number, over: Partial<NewTask> = {}): Promise<NewTask> => {
    const task = root(id, { claim: worker, ...over });
    await life.commit({ tasks: [task] });
    return task;
  };
  /** A task of `parent`'s, asked for by `of` and running at `at`. */
  const childAt = async (of: Life, at: Life, parent: NewTask, id: number, act: number, over = {}): Promise<NewTask> => {
    const c = child(id, parent, act);
    await of.commit({ acts: [actsOf(parent, 1, { children: [c], ...over })] });
    const r = await at.commit({ claims: [claimOf(c, { worker })] });
    expect(r.unclaimed).toEqual([]);
    return c;
  };
  const sweep = async (life: Life, slice = 100) => await life.shared.sweep({ boot: life.boot, now, slice });
  const over = { code: "FLOTILLA_LIFE_OVER" };

  describe(`${name}: lives`, () => {
    it("a life that begins takes nothing from one that goes on", async ({ a, live }) => {
      const t = await running(a, 1);
      const store = await live();
      expect(store.boot).not.toBe(a.boot);
      expect(await where(store, 1)).toMatchObject({ in: "running", leaseNo: 1 });
      expect((await a.commit({ settles: [settleOf(t, 1)] })).fenced).toEqual([]);
    });

    it("each is told with what it has, and how busy it says it is", async ({ a, b }) => {
      await a.shared.beat({
        boot: a.boot,
        load: { workers: 2, slots: 9, busy: 3, versions: ["c:1", "+c:1"], lanes: [7], names: ["work"] },
        roster: "[1]",
      });
      const lives = await b.shared.lives();
      expect(lives.map((l) => l.boot).toSorted((x, y) => x - y)).toEqual([a.boot, b.boot].toSorted((x, y) => x - y));
      expect(lives.find((l) => l.boot === a.boot)).toMatchObject({
        workers: 2,
        slots: 9,
        busy: 3,
        versions: ["c:1", "+c:1"],
        lanes: [7],
        names: ["work"],
        pid: 1,
      });
      expect(await b.shared.rosters()).toEqual([{ boot: a.boot, roster: "[1]" }]);
      const { now: at } = await a.shared.beat({
        boot: a.boot,
        load: { workers: 2, slots: 9, busy: 3, versions: ["c:1", "+c:1"], lanes: [7], names: ["work"] },
        roster: "[1]",
      });
      const after = (await b.shared.lives()).find((l) => l.boot === a.boot);
      expect(after?.expiresAt).toBeGreaterThan(at);
      expect(after?.expiresAt).toBeLessThanOrEqual(at + a.shared.leaseMs + 5_000);
    });

    it("one that was swept writes nothing any more, and is told so", async ({ world, a, b }) => {
      const t = await running(a, 1);
      await world.silence(a.boot);
      expect((await sweep(b)).lives).toEqual([a.boot]);
      expect(
        (
          await a.shared.beat({
            boot: a.boot,
            load: { workers: 0, slots: 0, busy: 0, versions: [], lanes: [], names: [] },
            roster: "[]",
          })
        ).alive,
      ).toBe(false);
      await expect(a.commit({ settles: [settleOf(t, 1)], tasks: [root(2)] })).rejects.toMatchObject(over);
      expect(await where(b, 2)).toBeNull();
      expect(await where(b, 1)).toMatchObject({ in: "ready" });
      const late = { boot: a.boot, definitions: [{ id: 9, namespace: 1, name: "late", card: "null" }], lanes: [] };
      await expect((async () => a.store.catalogue.defineAll(late))()).rejects.toMatchObject(over);
      const held = [{ task: 1, boot: a.boot, leaseNo: 1 }];
      await expect((async () => a.shared.adopt({ boot: a.boot, now, worker, held }))()).rejects.toMatchObject(over);
      expect((await b.shared.lives()).map((l) => l.boot)).toEqual([b.boot]);
    });

    it("one that was silent, and speaks before anybody swept it, goes on", async ({ world, a, b }) => {
      const t = await running(a, 1);
      await world.silence(a.boot);
      expect((await a.commit({ tasks: [root(2)] })).existing.size).toBe(0);
      expect(
        (
          await a.shared.beat({
            boot: a.boot,
            load: { workers: 0, slots: 0, busy: 0, versions: [], lanes: [], names: [] },
            roster: "[]",
          })
        ).alive,
      ).toBe(true);
      expect((await sweep(b)).lives).toEqual([]);
      expect((await a.commit({ settles: [settleOf(t, 1)] })).fenced).toEqual([]);
    });

    it("one that ends by itself gives back at once what it was running", async ({ a, b }) => {
      await running(a, 1);
      await running(b, 2);
      await a.shared.resign({ boot: a.boot, now });
      expect(await where(b, 1)).toMatchObject({ in: "ready", leaseNo: 1, attempt: 0 });
      expect(await where(b, 2)).toMatchObject({ in: "running" });
      expect((await b.shared.lives()).map((l) => l.boot)).toEqual([b.boot]);
      expect((await sweep(b)).ready).toEqual([]);
    });
  });

  describe(`${name}: fences between lives`, () => {
    it("another life's settle, requeue or acts for an attempt change nothing, whatever their lease number", async ({ a, b }) => {
      const t = await running(a, 1);
      const next = { to: "ready", attempt: 0, crashes: 0, alone: false } as const;
      expect((await b.commit({ settles: [settleOf(t, 1)] })).fenced).toEqual([{ task: 1, leaseNo: 1 }]);
      expect((await b.commit({ requeues: [requeueOf(t, 1, next)] })).fenced).toEqual([{ task: 1, leaseNo: 1 }]);
      const acts = await b.commit({ acts: [actsOf(t, 1, { children: [child(2, t, 1)] })] });
      expect(acts.fencedActs).toEqual([{ task: 1, leaseNo: 1 }]);
      expect(await where(a, 2)).toBeNull();
      expect(await where(a, 1)).toMatchObject({ in: "running", leaseNo: 1 });
      expect((await a.commit({ settles: [settleOf(t, 1)] })).fenced).toEqual([]);
    });

    it("of two lives that claim one task, one has it", async ({ a, b }) => {
      const t = root(1);
      await a.commit({ tasks: [t] });
      expect((await b.commit({ claims: [claimOf(t)] })).unclaimed).toEqual([]);
      expect((await a.commit({ claims: [claimOf(t)] })).unclaimed).toEqual([{ task: 1, leaseNo: 0 }]);
      expect((await b.commit({ settles: [settleOf(t, 1)] })).fenced).toEqual([]);
    });

    it("an idempotency key is one run, whoever is asked", async ({ a, b }) => {
      const keyed = (id: number) => root(id, { idempotency: { key: "k", inputHash: "h" }, secret: `${id}`.repeat(26) });
      await a.commit({ tasks: [keyed(1)] });
      const r = await b.commit({ tasks: [keyed(2)] });
      expect([...r.existing]).toEqual([[0, { task: 1, secret: "1".repeat(26), inputHash: "h" }]]);
      expect(await where(a, 2)).toBeNull();
    });

    it("a tick of a schedule is one run, whoever sees that it is due", async ({ a, b }) => {
      const put = {
        namespace: 1,
        name: "s",
        origin: "api",
        spec: "{}",
        input: "1",
        before: null,
        nextAt: now + 10,
        now,
      } as const;
      await a.store.schedules.put({ boot: a.boot, ...put });
      const [row] = await b.store.schedules.due({ now: now + 10, limit: 10 });
      const tick = (task: number) => ({
        schedule: row?.id as number,
        rev: row?.rev as number,
        nextAt: now + 10,
        movedTo: now + 20,
        lastAt: now + 10,
        runs: [{ key: "tick", inputHash: "h", task: root(task) }],
        alone: false,
        skipped: null,
      });
      expect((await b.commit({ ticks: [tick(1)] })).ticked).toMatchObject([{ taken: true, started: [1] }]);
      expect((await a.commit({ ticks: [tick(2)] })).ticked).toMatchObject([{ taken: false, started: [] }]);
      expect(await where(a, 2)).toBeNull();
    });

    it("no task id is given out twice", async ({ a, b }) => {
      const seen = new Set<number>();
      for (const life of [a, b, a, b, b]) {
        const { first, count } = await life.store.taskIds(100);
        expect(count).toBeGreaterThanOrEqual(1);
        for (let id = first; id < first + count; id++) {
          expect(seen.has(id)).toBe(false);
          seen.add(id);
        }
      }
    });
  });

  describe(`${name}: notices`, () => {
    it("what settles elsewhere for a task is told to the life that holds it, in order, until it is dealt with", async ({
      a,
      b,
    }) => {
      const t = await running(a, 1);
      const one = await childAt(a, b, t, 2, 1);
      const two = await childAt(a, b, t, 3, 2);
      await b.commit({ settles: [settleOf(two, 1)] });
      await b.commit({ settles: [settleOf(one, 1)] });
      const first = await a.shared.look({ boot: a.boot, runs: [], limit: 10 });
      const told = [
        { kind: "delivery", delivery: { parent: 1, seq: 1, act: 2, status: "succeeded", value: '"v3"', ref: null, error: null } },
        { kind: "delivery", delivery: { parent: 1, seq: 2, act: 1, status: "succeeded", value: '"v2"', ref: null, error: null } },
      ];
      expect(first.notices).toMatchObject(told);
      expect((await a.shared.look({ boot: a.boot, runs: [], limit: 10 })).notices).toMatchObject(told);
      expect((await a.shared.look({ boot: a.boot, runs: [], limit: 1 })).notices).toMatchObject(told.slice(0, 1));
      await a.shared.noticed({ boot: a.boot, ids: [(first.notices[0] as Notice).id] });
      expect(await a.notices()).toMatchObject(told.slice(1));
      expect(await a.notices()).toEqual([]);
      expect(await b.notices()).toEqual([]);
    });

    it("what the holder stores itself it is not told of by a notice", async ({ a, b }) => {
      const t = await running(a, 1);
      const c = await childAt(a, a, t, 2, 1);
      expect((await a.commit({ settles: [settleOf(c, 1)] })).deliveries).toMatchObject([{ parent: 1, seq: 1, act: 1 }]);
      expect([await a.notices(), await b.notices()]).toEqual([[], []]);
    });

    it("a task that nobody holds is woken, and no notice is written", async ({ a, b }) => {
      const t = await running(a, 1);
      const c = await childAt(a, b, t, 2, 1, { armed: true, seen: 0, park: true });
      expect(await where(b, 1)).toMatchObject({ in: "parked" });
      expect((await b.commit({ settles: [settleOf(c, 1)] })).woken).toMatchObject([{ task: 1 }]);
      expect([await a.notices(), await b.notices()]).toEqual([[], []]);
    });

    it("a wait that ends, a message and an answer from elsewhere reach the holder", async ({ a, b }) => {
      const t = await running(a, 1);
      const wait = { key: "k", inputHash: "h", askedAfter: 0, detail: null, dueAt: null };
      const detail = JSON.stringify({ expiry: { status: "failed", value: null, error: null } });
      const waits = [
        { ...wait, act: 1, kind: "message", name: "m" },
        { ...wait, act: 2, kind: "timer", name: null, dueAt: now + 5 },
        { ...wait, act: 3, kind: "approval", name: null, detail },
      ] as const;
      await a.commit({ acts: [actsOf(t, 1, { waits: waits.map((w, i) => ({ ...w, key: `k${i}` })) })] });
      await b.commit({ messages: [{ task: 1, name: "m", value: '"hi"', key: null }] });
      await b.commit({ now: now + 5, dueSlice: 10 });
      await b.commit({ answers: [{ task: 1, act: 3, value: '"yes"', error: null }] });
      expect(await a.notices()).toMatchObject([
        { kind: "delivery", delivery: { parent: 1, seq: 1, act: 1, value: '"hi"' } },
        { kind: "delivery", delivery: { parent: 1, seq: 2, act: 2, status: "succeeded" } },
        { kind: "delivery", delivery: { parent: 1, seq: 3, act: 3, value: '"yes"' } },
      ]);
    });

    it("a running task that is closed elsewhere is told to its holder; a workflow that has begun is told of its cancel", async ({
      a,
      b,
    }) => {
      const agent = await running(a, 1);
      const flow = await running(a, 2);
      await a.commit({ acts: [actsOf(flow, 1, { children: [child(3, flow, 1)], unwinds: true })] });
      const r = await b.commit({ cancels: [1, 2].map((task) => ({ task, reason: "enough" })) });
      expect(r.closed).toMatchObject([{ task: 1, status: "canceled", was: "running", leaseNo: 1 }]);
      const notices = await a.notices();
      expect(notices.find((n) => n.kind === "closed")).toMatchObject({
        task: 1,
        leaseNo: 1,
        status: "canceled",
        reason: "enough",
        error: { code: "FLOTILLA_CANCELED" },
      });
      expect(notices.find((n) => n.kind === "delivery")).toMatchObject({
        delivery: { parent: 2, seq: 1, act: 0, status: "canceled", error: { code: "FLOTILLA_CANCELED" } },
      });
      expect(notices).toHaveLength(2);
      expect((await a.commit({ settles: [settleOf(agent, 1)] })).fenced).toEqual([{ task: 1, leaseNo: 1 }]);
    });

    it("a deadline that another life sees closes a task here", async ({ a, b }) => {
      await running(a, 1, { terms: { deadlineAt: now + 5, ttlAt: null, schedule: null } });
      await b.commit({ now: now + 5, dueSlice: 10 });
      expect(await a.notices()).toMatchObject([
        { kind: "closed", task: 1, leaseNo: 1, status: "failed", error: { code: "FLOTILLA_TIMEOUT" } },
      ]);
    });

    it("a question about a task goes to its holder, and the answer comes back", async ({ a, b }) => {
      await running(a, 1);
      const question = { task: 1, from: b.boot, request: 7, name: "state" };
      expect(await b.shared.ask(question)).toBe(true);
      expect(await a.notices()).toMatchObject([{ kind: "question", ...question }]);
      await a.shared.answer({ to: b.boot, request: 7, value: "42", error: null });
      expect(await b.notices()).toMatchObject([{ kind: "answer", request: 7, value: "42", error: null }]);
      await a.commit({ tasks: [root(2)] });
      expect(await b.shared.ask({ ...question, task: 2 })).toBe(false);
      expect(await b.shared.ask({ ...question, task: 99 })).toBe(false);
    });
  });

  describe(`${name}: adoption`, () => {
    const held = (boot: number, task: number, leaseNo = 1) => ({ task, boot, leaseNo });

    it("an attempt goes on under a new lease of whom its worker came to, and the old holder is told", async ({ a, b }) => {
      const t = await running(a, 1);
      const adopted = await b.shared.adopt({ boot: b.boot, now, worker: 80_000, held: [held(a.boot, 1)] });
      expect(adopted).toMatchObject([
        {
          held: held(a.boot, 1),
          leaseNo: 2,
          attempt: 1,
          crashes: 0,
          alone: false,
          claimedAt: now,
          task: { id: 1, input: t.input },
        },
      ]);
      expect(await where(a, 1)).toMatchObject({ in: "running", leaseNo: 2, attempt: 1, worker: 80_000 });
      expect(await a.notices()).toMatchObject([{ kind: "closed", task: 1, leaseNo: 1, status: "moved" }]);
      expect((await a.commit({ settles: [settleOf(t, 1)] })).fenced).toHaveLength(1);
      expect((await a.commit({ settles: [settleOf(t, 2)] })).fenced).toHaveLength(1);
      expect((await b.commit({ settles: [settleOf(t, 2)] })).fenced).toEqual([]);
    });

    it("asked again by the same worker it says the same, asked by another it does not", async ({ a, b }) => {
      await running(a, 1);
      const adopt = async (by: number) => await b.shared.adopt({ boot: b.boot, now, worker: by, held: [held(a.boot, 1)] });
      const first = await adopt(80_000);
      expect(first).toHaveLength(1);
      expect(await adopt(80_000)).toEqual(first);
      expect(await adopt(80_001)).toEqual([]);
      expect(await where(b, 1)).toMatchObject({ in: "running", leaseNo: 2, worker: 80_000 });
      expect(await a.notices()).toHaveLength(1);
    });

    it("what is told from then on goes to the new holder; what was asked stays", async ({ a, b }) => {
      const t = await running(a, 1);
      const c = await childAt(a, a, t, 2, 1);
      await b.shared.adopt({ boot: b.boot, now, worker: 80_000, held: [held(a.boot, 1)] });
      await a.notices();
      expect((await b.store.tasks.journal(1))?.entries).toMatchObject([{ act: 1, kind: "child", seq: null }]);
      await a.commit({ settles: [settleOf(c, 1)] });
      expect(await b.notices()).toMatchObject([{ kind: "delivery", delivery: { parent: 1, seq: 1, act: 1 } }]);
      expect(await a.notices()).toEqual([]);
    });

    it("an idle one stays idle", async ({ a, b }) => {
      const t = await running(a, 1);
      await a.commit({ acts: [actsOf(t, 1, { children: [child(2, t, 1)], armed: true })] });
      expect(await where(b, 1)).toMatchObject({ in: "running", armed: true });
      await b.shared.adopt({ boot: b.boot, now, worker: 80_000, held: [held(a.boot, 1)] });
      expect(await where(b, 1)).toMatchObject({ in: "running", armed: true, leaseNo: 2, remaining: 1 });
    });

    it("also of a life that has fallen silent; it is not swept with the rest", async ({ world, a, b }) => {
      await running(a, 1);
      await running(a, 2);
      await world.silence(a.boot);
      await b.shared.adopt({ boot: b.boot, now, worker: 80_000, held: [held(a.boot, 1)] });
      expect((await sweep(b)).ready.map((r) => r.task)).toEqual([2]);
      expect(await where(b, 1)).toMatchObject({ in: "running", leaseNo: 2 });
    });

    it("what has ended, was swept or is under another lease is left out", async ({ world, a, b, live }) => {
      const ended = await running(a, 1);
      await a.commit({ settles: [settleOf(ended, 1)] });
      await running(a, 2);
      await running(a, 3);
      const c = await live();
      await running(c, 4);
      await world.silence(c.boot);
      await sweep(a);
      const fences = [held(a.boot, 1), held(a.boot, 2, 2), held(b.boot, 3), held(c.boot, 4), held(a.boot, 99)];
      expect(await b.shared.adopt({ boot: b.boot, now, worker: 80_000, held: fences })).toEqual([]);
      expect(await where(b, 2)).toMatchObject({ in: "running", leaseNo: 1 });
      expect(await where(b, 3)).toMatchObject({ in: "running", leaseNo: 1 });
      expect(await a.notices()).toEqual([]);
    });

    it("of two that are offered one attempt, one has it", async ({ a, b, live }) => {
      await running(a, 1);
      const c = await live();
      const [x, y] = await Promise.all(
        [b, c].map(async (l) => await l.shared.adopt({ boot: l.boot, now, worker: 80_000 + l.boot, held: [held(a.boot, 1)] })),
      );
      expect((x?.length ?? 0) + (y?.length ?? 0)).toBe(1);
      expect(await where(b, 1)).toMatchObject({ in: "running", leaseNo: 2 });
    });
  });

  describe(`${name}: sweeps`, () => {
    it("what a silent life was running is ready again, uncharged; what was idle is parked", async ({ world, a, b }) => {
      const t = await running(a, 1);
      const flow = await running(a, 2);
      await a.commit({ acts: [actsOf(flow, 1, { children: [child(3, flow, 1)], armed: true })] });
      await running(b, 4);
      await world.silence(a.boot);
      const swept = await sweep(b);
      expect(swept).toMatchObject({ lives: [a.boot], parked: 1, more: false });
      expect(swept.ready).toMatchObject([{ task: 1, lane: 1, prio: t.prio, pass: t.pass, leaseNo: 1, attempt: 0, crashes: 0 }]);
      expect(await where(b, 1)).toMatchObject({ in: "ready", leaseNo: 1, attempt: 0 });
      expect(await where(b, 2)).toMatchObject({ in: "parked", leaseNo: 1, attempt: 0, remaining: 1 });
      expect(await where(b, 4)).toMatchObject({ in: "running" });
      expect(await sweep(b)).toMatchObject({ lives: [], ready: [], parked: 0, more: false });
      const c = claimOf(child(3, flow, 1));
      await b.commit({ claims: [c] });
      expect((await b.commit({ settles: [settleOf(child(3, flow, 1), 1)] })).woken).toMatchObject([{ task: 2, leaseNo: 1 }]);
    });

    it("nobody sweeps a life that beats, nor itself", async ({ world, a, b }) => {
      await running(a, 1);
      await running(b, 2);
      expect(await sweep(b)).toMatchObject({ lives: [], ready: [] });
      await world.silence(b.boot);
      expect(await sweep(b)).toMatchObject({ lives: [], ready: [] });
      expect(await where(b, 2)).toMatchObject({ in: "running" });
    });

    it("in slices, until nothing is left", async ({ world, a, b }) => {
      for (let id = 1; id <= 5; id++) await running(a, id);
      await world.silence(a.boot);
      const slices = [];
      for (let i = 0; i < 5; i++) {
        const swept = await sweep(b, 2);
        slices.push(swept.ready.length + swept.parked);
        if (!swept.more) break;
      }
      expect(slices.reduce((x, y) => x + y, 0)).toBe(5);
      expect(Math.max(...slices)).toBeLessThanOrEqual(2);
      for (let id = 1; id <= 5; id++) expect(await where(b, id)).toMatchObject({ in: "ready" });
    });

    it("two sweeps of one life give its tasks back once", async ({ world, a, b, live }) => {
      const c = await live();
      for (let id = 1; id <= 4; id++) await running(a, id);
      await world.silence(a.boot);
      const both = await Promise.all([sweep(b), sweep(c)]);
      const ready = both.flatMap((s) => s.ready.map((r) => r.task));
      const rest = (await sweep(b)).ready.map((r) => r.task);
      expect([...ready, ...rest].toSorted((x, y) => x - y)).toEqual([1, 2, 3, 4]);
      expect((await b.shared.look({ boot: b.boot, runs: [], limit: 1 })).depth.get(1)?.ready).toBe(4);
    });

    it("the swept task's next lease is a new one", async ({ world, a, b }) => {
      const t = await running(a, 1);
      await world.silence(a.boot);
      await sweep(b);
      expect((await b.commit({ claims: [claimOf(t, { leaseNo: 1, attempt: 0 })] })).unclaimed).toEqual([]);
      expect(await where(b, 1)).toMatchObject({ in: "running", leaseNo: 2, attempt: 1 });
    });
  });

  describe(`${name}: looks`, () => {
    const look = async (life: Life, runs: { id: number; cursor: number }[] = []) =>
      await life.shared.look({ boot: life.boot, runs, limit: 10 });

    it("depths are exact, whoever put tasks in or took them out", async ({ world, a, b }) => {
      const [one, two, three] = [root(1), root(2), root(3)];
      await a.commit({ tasks: [one, two] });
      await b.commit({ tasks: [three, root(4, { dueAt: now + 50 })] });
      expect((await look(b)).depth.get(1)).toEqual({ ready: 3, firstPass: 1, lastPass: 3 });
      await b.commit({ claims: [claimOf(one)] });
      await a.commit({ cancels: [{ task: 2, reason: "enough" }] });
      const found = await look(a);
      expect(found.depth.get(1)).toEqual({ ready: 1, firstPass: 3, lastPass: 3 });
      expect(found).toMatchObject({ delayed: 1, parked: 0, nextDueAt: now + 50 });
      await a.commit({ now: now + 50, dueSlice: 10 });
      expect((await look(b)).depth.get(1)?.ready).toBe(2);
      await world.silence(b.boot);
      await sweep(a);
      expect(await look(a)).toMatchObject({ delayed: 0, nextDueAt: null });
      expect((await look(a)).depth.get(1)).toEqual({ ready: 3, firstPass: 1, lastPass: 4 });
      await a.shared.resign({ boot: a.boot, now });
    });

    it("an empty lane is not told", async ({ a, b }) => {
      const t = root(1);
      await a.commit({ tasks: [t] });
      await b.commit({ claims: [claimOf(t)] });
      expect((await look(a)).depth.size).toBe(0);
    });

    it("parked workflows are counted", async ({ a, b }) => {
      const t = await running(a, 1);
      await a.commit({ acts: [actsOf(t, 1, { children: [child(2, t, 1)], armed: true, park: true })] });
      expect((await look(b)).parked).toBe(1);
      await b.commit({ wakes: [1] });
      expect((await look(a)).parked).toBe(0);
    });

    it("the catalogue's number moves when a definition, a lane, a build or a drain has come, and only then", async ({ a, b }) => {
      const before = (await look(b)).catalogue;
      await a.commit({ tasks: [root(1)] });
      expect((await look(b)).catalogue).toBe(before);
      const lanes = [{ id: 2, definition: 1, needs: ["gpu"], build: "" }];
      await a.store.catalogue.defineAll({ boot: a.boot, definitions: [], lanes });
      expect((await look(b)).catalogue).toBeGreaterThan(before);
      const lane = (await look(b)).catalogue;
      const join = (id: number, build: string) => a.store.catalogue.joined({ id, boot: a.boot, name: "w", pid: 1, build, now });
      await join(901, "new");
      const build = (await look(b)).catalogue;
      expect(build).toBeGreaterThan(lane);
      await join(902, "new");
      expect((await look(b)).catalogue).toBe(build);
      await a.store.builds.drain({ boot: a.boot, drain: { kind: "build", name: "new", park: false, at: now } });
      const drained = (await look(b)).catalogue;
      expect(drained).toBeGreaterThan(build);
      await a.store.builds.resume({ boot: a.boot, build: "new" });
      expect((await look(b)).catalogue).toBeGreaterThan(drained);
      expect((await b.store.catalogue.read()).lanes.map((l) => l.id).toSorted((x, y) => x - y)).toEqual([1, 2]);
    });

    it("of the runs asked about, those that moved on or ended are named", async ({ a, b }) => {
      const [one, two, three] = [await running(a, 1), await running(a, 2), await running(a, 3)];
      const emit = { act: 1, key: "k", askedAfter: 0, name: "e", value: "1" };
      await a.commit({ acts: [actsOf(one, 1, { emits: [emit] })], settles: [settleOf(two, 1)] });
      const waits = [one, two, three].map((t) => ({ id: t.id, cursor: Number.MAX_SAFE_INTEGER }));
      expect((await look(b, waits)).moved).toEqual([2]);
      expect(
        (
          await look(b, [
            { id: 1, cursor: 0 },
            { id: 3, cursor: 0 },
          ])
        ).moved,
      ).toEqual([1]);
      expect((await look(b, [{ id: 1, cursor: 1 }])).moved).toEqual([]);
    });

    it("what the clock will bring, and cancels that are left, are told", async ({ a, b }) => {
      const put = {
        namespace: 1,
        name: "s",
        origin: "api",
        spec: "{}",
        input: "1",
        before: null,
        nextAt: now + 10,
        now,
      } as const;
      await a.store.schedules.put({ boot: a.boot, ...put });
      const t = await running(a, 1, { terms: { deadlineAt: now + 7, ttlAt: null, schedule: null } });
      await a.commit({ acts: [actsOf(t, 1, { children: [child(2, t, 1)] })] });
      expect(await look(b)).toMatchObject({ nextDueAt: now + 7, nextTickAt: now + 10, cancelsLeft: false });
      await a.commit({ settles: [settleOf(t, 1, { expires: true })] });
      expect(await look(b)).toMatchObject({ nextDueAt: null, cancelsLeft: true });
      await b.commit({ cancelSlice: 10 });
      expect(await where(a, 2)).toMatchObject({ in: "outcome" });
      expect((await look(a)).cancelsLeft).toBe(false);
    });
  });

  describe(`${name}: signals`, () => {
    /** The first of each kind that a life hears. */
    const hear = async (life: Life) => {
      const of = <T>() => Promise.withResolvers<T>();
      const heard = { lanes: of<readonly number[]>(), notices: of<true>(), runs: of<readonly number[]>(), catalogue: of<true>() };
      const to: Signals = {
        lanes: (ids) => heard.lanes.resolve(ids),
        notices: () => heard.notices.resolve(true),
        runs: (ids) => heard.runs.resolve(ids),
        catalogue: () => heard.catalogue.resolve(true),
        missed: () => {},
      };
      const listening = await life.shared.listen({ boot: life.boot, to });
      return { heard, listening };
    };

    it("ready tasks, notices, runs that move on and definitions are told as they come", async ({ a, b }) => {
      const { heard, listening } = await hear(a);
      const t = await running(a, 1);
      const c = await childAt(a, b, t, 2, 1);
      await b.commit({ tasks: [root(3)] });
      expect(await heard.lanes.promise).toEqual([1]);
      await b.commit({ settles: [settleOf(c, 1)] });
      expect(await heard.notices.promise).toBe(true);
      expect(await heard.runs.promise).toEqual([1]);
      await b.store.catalogue.defineAll({
        boot: b.boot,
        definitions: [{ id: 5, namespace: 1, name: "new", card: "null" }],
        lanes: [],
      });
      expect(await heard.catalogue.promise).toBe(true);
      await listening.close();
    });

    it("a run that ends elsewhere, and what a sweep has put back, are told", async ({ world, a, b, live }) => {
      const { heard, listening } = await hear(a);
      const c = await live();
      const [t] = [await running(b, 1), await running(c, 2)];
      await b.commit({ settles: [settleOf(t, 1)] });
      expect(await heard.runs.promise).toEqual([1]);
      await world.silence(c.boot);
      await sweep(b);
      expect(await heard.lanes.promise).toEqual([1]);
      await listening.close();
    });
  });
}

async function beginLife(world: SharedWorld): Promise<Life> {
  const store = await world.handle();
  const { shared } = store;
  if (!shared) throw new Error("a store that several orchestrators share says so");
  const { boot, recovered } = await store.boot({ nonce: `n${Math.random()}`, pid: 1, now });
  expect(recovered).toBe(0);
  return {
    boot,
    store,
    shared,
    commit: async (over) => await store.commit(batch({ boot, ...over })),
    async notices() {
      const { notices } = await shared.look({ boot, runs: [], limit: 1_000 });
      await shared.noticed({ boot, ids: notices.map((n) => n.id) });
      return [...notices];
    },
  };
}
