// Deleting what has had its time: whole, in slices, never what is open, never twice the same id. Every store passes it.
import { describe, expect, test } from "vitest";
import type { NewTask, Store } from "../../src/store/contract.ts";
import type { PruneSlice } from "../../src/store/upkeep.ts";
import { actsOf, batch, child, claimOf, now, requeueOf, root, runningRoot, settleOf } from "../store/rows.ts";

const day = 86_400_000;

export interface PruneExercise {
  /** A new store that has begun. */
  open(): Promise<{
    readonly store: Store;
    /** Rows of every table that has some, without those of the catalogue. */
    rows(): Promise<Record<string, number>>;
    /** A statement beside the store. */
    query(sql: string): Promise<object[]>;
  }>;
  /** The same store again, after its owner closed it. */
  reopen(store: Store): Promise<Store>;
}

type Prune = Partial<Parameters<Store["upkeep"]["prune"]>[0]>;
async function pruneOnce(store: Store, over: Prune = {}): Promise<PruneSlice> {
  return store.upkeep.prune({
    boot: 1,
    now: now + day,
    succeededBefore: now + day,
    failedBefore: now + day,
    idempotencyForMs: 0,
    slice: 500,
    ...over,
  });
}
/** Slices until nothing is left to do. */
async function pruneAll(store: Store, over: Prune = {}): Promise<PruneSlice[]> {
  const slices: PruneSlice[] = [];
  do slices.push(await pruneOnce(store, over));
  while (slices.at(-1)?.more);
  return slices;
}
const sum = (slices: readonly PruneSlice[]) =>
  slices.reduce((n, s) => ({ runs: n.runs + s.runs, tasks: n.tasks + s.tasks }), { runs: 0, tasks: 0 });

/** A run that touches every table: children, steps, emits, a retry, an artifact, a key. */
async function richRun(store: Store, id: number): Promise<NewTask> {
  const t = root(id, { claim: 7, idempotency: { key: `k${id}`, inputHash: "h" } });
  await store.commit(batch({ tasks: [t] }));
  const c = child(id + 1, t, 1, { claim: 7 });
  await store.commit(
    batch({
      acts: [
        actsOf(t, 1, {
          children: [c],
          steps: [{ act: 2, key: "s", askedAfter: 0 }],
          stepResults: [{ act: 2, value: null, ref: "a".repeat(64), error: null }],
          emits: [{ act: 3, key: "e", askedAfter: 0, name: "n", value: "1" }],
          waits: [{ act: 4, kind: "message", key: "w", inputHash: "", askedAfter: 0, name: "go", detail: null, dueAt: null }],
          sends: [{ act: 5, key: "m", inputHash: "", askedAfter: 0, to: null, name: "gone", value: "1" }],
        }),
      ],
    }),
  );
  await store.commit(
    batch({
      requeues: [
        {
          lease: { task: c.id, leaseNo: 1 },
          run: t.id,
          definition: 1,
          isRoot: false,
          lane: 1,
          prio: 1,
          pass: c.pass,
          attempt: 1,
          worker: 7,
          startedAt: now,
          how: "failed",
          error: null,
          spent: { microUsd: 1, inputTokens: 1, outputTokens: 1 },
          next: { to: "ready", attempt: 1, crashes: 0, alone: false },
        },
      ],
    }),
  );
  await store.commit(
    batch({
      claims: [
        { task: c.id, leaseNo: 1, attempt: 1, crashes: 0, alone: false, lane: 1, prio: 1, pass: c.pass, run: c.run, worker: 7 },
      ],
    }),
  );
  // One is taken and stays for its key, one is never taken.
  const messages = [
    { task: t.id, name: "go", value: "1", key: "once" },
    { task: t.id, name: "unread", value: "1", key: null },
  ];
  await store.commit(batch({ messages }));
  await store.commit(batch({ settles: [settleOf(c, 2)] }));
  await store.commit(batch({ settles: [settleOf(t, 1)] }));
  return t;
}

export function exercisePrune(name: string, o: PruneExercise): void {
  describe(name, () => {
    describe("a run that has had its time", () => {
      test("goes with every row of every table", async () => {
        const { store, rows } = await o.open();
        await richRun(store, 1);
        expect(Object.keys(await rows()).toSorted()).toEqual([
          "artifact_use",
          "attempt",
          "emit",
          "event",
          "idempotency",
          "message",
          "outcome",
          "run",
          "run_stage",
          "sent",
          "step",
          "task",
          "wait",
        ]);
        const slices = await pruneAll(store);
        expect(sum(slices)).toEqual({ runs: 1, tasks: 2 });
        expect(slices.flatMap((s) => s.unused)).toEqual(["a".repeat(64)]);
        expect(await rows()).toEqual({});
        await store.close();
      });

      test("goes with the input that it had before it continued as another, and that one keeps its artifact meanwhile", async () => {
        const { store, rows, query } = await o.open();
        const t = await runningRoot(store);
        const input = JSON.stringify({ rest: { $artifact: "d".repeat(64), bytes: 1 } });
        const continued = { ...requeueOf(t, 1, { to: "continued", input, options: null, seen: 0 }), how: "continued" };
        await store.commit(batch({ requeues: [continued] }));
        expect(await query("SELECT hash, run FROM artifact_use")).toEqual([{ hash: "d".repeat(64), run: 1 }]);
        await store.commit(batch({ claims: [claimOf(t, { leaseNo: 1 })] }));
        await store.commit(batch({ settles: [settleOf(t, 2)] }));
        expect(await rows()).toMatchObject({ continued: 1 });
        await pruneAll(store);
        expect(await rows()).toEqual({});
        await store.close();
      });

      test("stays while a run that goes on from it is open, which uses its artifacts too", async () => {
        const { store, rows, query } = await o.open();
        const t = await runningRoot(store);
        await store.commit(batch({ settles: [settleOf(t, 1, { value: null, ref: "e".repeat(64) })] }));
        const next = root(2, { claim: 7, origin: { task: 1, run: 1, how: "repair" } });
        await store.commit(batch({ tasks: [next] }));
        expect(await query("SELECT run FROM artifact_use ORDER BY run")).toEqual([{ run: 1 }, { run: 2 }]);
        expect(sum(await pruneAll(store))).toEqual({ runs: 0, tasks: 0 });
        const purge = async () => store.upkeep.purge({ boot: 1, what: { run: 1 }, slice: 500 });
        await expect(purge()).rejects.toMatchObject({ code: "FLOTILLA_STILL_OPEN" });
        await store.commit(batch({ settles: [settleOf(next, 1)] }));
        const slices = await pruneAll(store);
        expect(sum(slices)).toEqual({ runs: 2, tasks: 2 });
        expect(slices.flatMap((s) => s.unused)).toEqual(["e".repeat(64)]);
        expect(await rows()).toEqual({});
        await store.close();
      });

      test("takes what its schedule and its instants left", async () => {
        const { store, rows } = await o.open();
        const terms = { deadlineAt: now + 60_000, ttlAt: now + 60_000, schedule: 1 };
        const [done, late] = [root(1, { terms }), root(2, { terms })];
        await store.commit(batch({ tasks: [done, late] }));
        await store.commit(batch({ claims: [claimOf(done)] }));
        await store.commit(batch({ settles: [settleOf(done, 1, { expires: true })] }));
        await store.commit(batch({ now: now + 60_000, dueSlice: 10 }));
        expect(await rows()).toMatchObject({ schedule_open: 2 });
        expect(sum(await pruneAll(store))).toEqual({ runs: 2, tasks: 2 });
        expect(await rows()).toEqual({});
        await store.close();
      });

      test("stays while a detached child is open, and goes when that has ended", async () => {
        const { store } = await o.open();
        const t = await runningRoot(store);
        const c = child(2, t, 1, { claim: 7, detached: true });
        await store.commit(batch({ acts: [actsOf(t, 1, { children: [c] })] }));
        await store.commit(batch({ settles: [settleOf(t, 1)] }));
        expect(sum(await pruneAll(store))).toEqual({ runs: 0, tasks: 0 });
        expect(await store.tasks.where(2)).toMatchObject({ in: "running" });
        await store.commit(batch({ settles: [settleOf(c, 1)] }));
        expect(sum(await pruneAll(store))).toEqual({ runs: 1, tasks: 2 });
        await store.close();
      });

      test("stays when a count is wrong and a task is open after all: rows are looked at before any goes", async () => {
        const { store, query } = await o.open();
        const t = await runningRoot(store);
        await store.commit(batch({ acts: [actsOf(t, 1, { children: [child(2, t, 1, { claim: 7, detached: true })] })] }));
        await store.commit(batch({ settles: [settleOf(t, 1)] }));
        await query("UPDATE run_stage SET succeeded = total");
        expect(sum(await pruneAll(store))).toEqual({ runs: 0, tasks: 0 });
        expect(await store.runs.outcome(1)).toMatchObject({ status: "succeeded" });
        await store.close();
      });

      test("is kept by how it ended: failed and canceled longer than succeeded", async () => {
        const { store } = await o.open();
        const [a, b, c, d] = [1, 2, 3, 4].map((id) => root(id, { claim: 7 })) as [NewTask, NewTask, NewTask, NewTask];
        await store.commit(batch({ tasks: [a, b, c, d] }));
        await store.commit(
          batch({ settles: [settleOf(a, 1), settleOf(b, 1, { status: "failed" }), settleOf(c, 1, { status: "partial" })] }),
        );
        await store.commit(batch({ cancels: [{ task: 4, reason: "r" }] }));
        expect(sum(await pruneAll(store, { failedBefore: now }))).toEqual({ runs: 2, tasks: 2 });
        expect((await store.tasks.get([1, 2, 3, 4])).map((t) => t.id)).toEqual([2, 4]);
        expect(sum(await pruneAll(store, { succeededBefore: null }))).toEqual({ runs: 2, tasks: 2 });
        await store.close();
      });

      test("one young run between old ones, as a clock that was wrong leaves it, keeps nothing alive", async () => {
        const { store } = await o.open();
        const tasks = [1, 2, 3].map((id) => root(id, { claim: 7, createdAt: id === 2 ? now + 400 * day : now }));
        await store.commit(batch({ tasks }));
        await store.commit(batch({ settles: tasks.filter((t) => t.id !== 2).map((t) => settleOf(t, 1)) }));
        expect(sum(await pruneAll(store))).toEqual({ runs: 2, tasks: 2 });
        await store.close();
      });
    });

    describe("slices", () => {
      const width = 1_200;
      async function wideRun(store: Store): Promise<void> {
        const t = await runningRoot(store);
        const children = Array.from({ length: width }, (_, i) => child(i + 2, t, i + 1, { claim: 7 }));
        await store.commit(batch({ acts: [actsOf(t, 1, { children })] }));
        await store.commit(batch({ settles: children.map((c) => settleOf(c, 1)) }));
        await store.commit(batch({ settles: [settleOf(t, 1)] }));
      }

      test("a wide run goes in several, none over the size, and its root first", async () => {
        const { store, rows } = await o.open();
        await wideRun(store);
        const slices: PruneSlice[] = [];
        let found = true;
        for (;;) {
          const before = await rows();
          const slice = await pruneOnce(store);
          const after = await rows();
          slices.push(slice);
          // Rows that may be many: tasks with what hangs on them, and events.
          for (const table of ["task", "event"]) expect((before[table] ?? 0) - (after[table] ?? 0)).toBeLessThanOrEqual(501);
          const now = (await store.runs.get(1)) !== null;
          expect(found || !now).toBe(true);
          found = now;
          if (!slice.more) break;
        }
        expect(slices.length).toBeGreaterThan(4);
        expect(sum(slices)).toEqual({ runs: 1, tasks: width + 1 });
        expect(await rows()).toEqual({});
        await store.close();
      });

      test("what an owner left half done when it died, the next one ends, also when nothing else is to be deleted", async () => {
        const { store, rows } = await o.open();
        await wideRun(store);
        for (let i = 0; i < 4; i++) await pruneOnce(store);
        expect(await store.runs.get(1)).toBeNull();
        expect((await rows())["task"]).toBeGreaterThan(0);
        const next = await o.reopen(store);
        const { boot } = await next.boot({ nonce: "m", pid: 1, now });
        await pruneAll(next, { boot, succeededBefore: null, failedBefore: null });
        expect(await rows()).toEqual({});
        await next.close();
      });

      test("many steps of one task are many rows: they too go in slices", async () => {
        const { store, rows } = await o.open();
        const t = await runningRoot(store);
        const steps = Array.from({ length: 1_300 }, (_, i) => ({ act: i + 1, key: `s${i}`, askedAfter: 0 }));
        await store.commit(batch({ acts: [actsOf(t, 1, { steps })] }));
        await store.commit(batch({ settles: [settleOf(t, 1)] }));
        const left: number[] = [];
        do left.push((await rows())["step"] ?? 0);
        while ((await pruneOnce(store)).more);
        expect(left).toEqual([1_300, 800, 300]);
        expect(await rows()).toEqual({});
        await store.close();
      });

      test("thousands of single runs go, and the walk begins anew after the last", async () => {
        const { store, rows } = await o.open();
        const tasks = Array.from({ length: 1_600 }, (_, i) => root(i + 1, { claim: 7 }));
        await store.commit(batch({ tasks }));
        // Every fourth goes on.
        await store.commit(batch({ settles: tasks.filter((t) => t.id % 4 !== 0).map((t) => settleOf(t, 1)) }));
        const slices = await pruneAll(store);
        expect(Math.max(...slices.map((s) => s.tasks))).toBeLessThanOrEqual(500);
        expect(sum(slices)).toEqual({ runs: 1_200, tasks: 1_200 });
        await store.commit(batch({ settles: tasks.filter((t) => t.id % 4 === 0).map((t) => settleOf(t, 1)) }));
        expect(sum(await pruneAll(store))).toEqual({ runs: 400, tasks: 400 });
        expect(await rows()).toEqual({});
        await store.close();
      });

      test("another owner's slice changes nothing", async () => {
        const { store } = await o.open();
        const t = await runningRoot(store);
        await store.commit(batch({ settles: [settleOf(t, 1)] }));
        await expect(pruneOnce(store, { boot: 2 })).rejects.toMatchObject({ code: "FLOTILLA_STORE_LOCKED" });
        expect(await store.runs.outcome(1)).not.toBeNull();
        await store.close();
      });
    });

    test("an attempt that had lost its lease uses no artifact, neither by its result nor by a step", async () => {
      const { store, query } = await o.open();
      const t = await runningRoot(store);
      const ref = "c".repeat(64);
      const r = await store.commit(
        batch({
          acts: [actsOf(t, 9, { stepResults: [{ act: 1, value: null, ref, error: null }] })],
          settles: [settleOf(t, 9, { value: null, ref })],
        }),
      );
      expect([r.fenced, r.fencedActs]).toEqual([[{ task: 1, leaseNo: 9 }], [{ task: 1, leaseNo: 9 }]]);
      expect(await query("SELECT * FROM artifact_use")).toEqual([]);
      await store.commit(batch({ settles: [settleOf(t, 1, { value: null, ref })] }));
      expect(await query("SELECT hash, run FROM artifact_use")).toEqual([{ hash: ref, run: 1 }]);
      await store.close();
    });

    test("a message that names an artifact makes the receiver's run a user of it", async () => {
      const { store, query } = await o.open();
      await runningRoot(store, 1);
      await runningRoot(store, 2);
      const value = (letter: string) => JSON.stringify({ $artifact: letter.repeat(64), bytes: 1 });
      await store.commit(batch({ messages: [{ task: 2, name: "m", value: value("a"), key: null }] }));
      const sends = [{ act: 1, key: "k", inputHash: "", askedAfter: 0, to: { task: 1 }, name: "m", value: value("b") }];
      await store.commit(batch({ acts: [actsOf(root(2), 1, { sends, lastAct: 1 })] }));
      expect(await query("SELECT hash, run FROM artifact_use ORDER BY hash")).toEqual([
        { hash: "a".repeat(64), run: 2 },
        { hash: "b".repeat(64), run: 1 },
      ]);
      await store.close();
    });

    describe("what outlives a run", () => {
      test("its id is not given out again, not even by the next life", async () => {
        const { store, query } = await o.open();
        for (const id of [1, 2, 3]) await runningRoot(store, id);
        await store.commit(batch({ settles: [1, 2, 3].map((id) => settleOf(root(id), 1)) }));
        await pruneAll(store);
        expect(await query("SELECT id FROM task")).toEqual([]);
        const next = await o.reopen(store);
        await next.boot({ nonce: "m", pid: 1, now });
        expect((await next.taskIds(2)).first).toBeGreaterThan(3);
        await next.close();
      });

      const keyed = (id: number) =>
        root(id, { claim: 7, idempotency: { key: "k", inputHash: "h" }, secret: String(id).repeat(26).slice(0, 26) });

      test("a key goes with its run: the same key then starts a new one", async () => {
        const { store } = await o.open();
        await store.commit(batch({ tasks: [keyed(1)] }));
        await store.commit(batch({ settles: [settleOf(root(1), 1)] }));
        expect((await store.commit(batch({ tasks: [keyed(2)] }))).existing.get(0)).toMatchObject({ task: 1 });
        await pruneAll(store);
        expect((await store.commit(batch({ tasks: [keyed(2)] }))).existing.size).toBe(0);
        expect(await store.tasks.where(2)).toMatchObject({ in: "running" });
        await store.close();
      });

      test("a key that is to live longer still names its run, until its time is over", async () => {
        const { store, rows } = await o.open();
        await store.commit(batch({ tasks: [keyed(1)] }));
        await store.commit(batch({ settles: [settleOf(root(1), 1)] }));
        const idempotencyForMs = 3 * day;
        await pruneAll(store, { idempotencyForMs });
        expect(await store.runs.get(1)).toBeNull();
        expect((await store.commit(batch({ tasks: [keyed(2)] }))).existing.get(0)).toEqual({
          task: 1,
          secret: "1".repeat(26),
          inputHash: "h",
        });
        await pruneAll(store, { idempotencyForMs, now: now + 3 * day - 1 });
        expect((await store.commit(batch({ tasks: [keyed(2)] }))).existing.size).toBe(1);
        await pruneAll(store, { idempotencyForMs, now: now + 3 * day });
        expect((await store.commit(batch({ tasks: [keyed(2)] }))).existing.size).toBe(0);
        expect((await rows())["pruned_key"]).toBeUndefined();
        await store.close();
      });
    });
  });
}
