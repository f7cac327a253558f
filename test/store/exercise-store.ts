// What every store must do, by noun. A driver is done when this passes; a case is skipped only with a written reason.
import { describe, expect, test } from "vitest";
import { bounds } from "../../src/core/bounds.ts";
import type { ActBatch, NewTask, Store } from "../../src/store/contract.ts";
import { FlotillaError } from "../../src/core/error.ts";
import { actsOf, batch, begin, child, claimOf, now, requeueOf, root, runningRoot, settleOf } from "./rows.ts";

export interface Exercise {
  /** A new, empty store. */
  open(): Promise<Store> | Store;
  /** The same store again, after its owner died without closing it. Null: it keeps nothing. */
  reopen: ((store: Store) => Promise<Store> | Store) | null;
}

export function exerciseStore(name: string, o: Exercise): void {
  const it = (title: string, body: (store: Store) => Promise<void>) =>
    test(title, async () => {
      const store = await o.open();
      try {
        await begin(store);
        await body(store);
      } finally {
        await store.close();
      }
    });
  const where = async (store: Store, id: number) => (await store.tasks.where(id))?.in;

  describe(`${name}: tasks`, () => {
    it("a submitted task is ready, and nowhere else", async (store) => {
      await store.commit(batch({ tasks: [root(1)] }));
      expect(await where(store, 1)).toBe("ready");
      expect(await store.queue.peek({ lanes: [1], limit: 10 })).toMatchObject([{ task: 1, leaseNo: 0, attempt: 0 }]);
      expect(await store.tasks.get([1])).toMatchObject([{ id: 1, input: '{"n":1}', parent: null, detached: false }]);
    });

    it("an eager task is running and never was ready", async (store) => {
      await runningRoot(store);
      expect(await store.tasks.where(1)).toMatchObject({ in: "running", leaseNo: 1, attempt: 1, worker: 7 });
      expect(await store.queue.peek({ lanes: [1], limit: 10 })).toEqual([]);
    });

    it("a batch of many rows stores each of them", async (store) => {
      const tasks = Array.from({ length: 500 }, (_, i) => root(i + 1));
      await store.commit(batch({ tasks }));
      const heads = await store.queue.peek({ lanes: [1], limit: 1_000 });
      expect(heads.map((h) => h.task)).toEqual(tasks.map((t) => t.id));
    });

    it("claim order is priority, then place, then age", async (store) => {
      await store.commit(
        batch({
          tasks: [
            root(1, { prio: 2, pass: 1 }),
            root(2, { prio: 1, pass: 9 }),
            root(3, { prio: 1, pass: 3 }),
            root(4, { prio: 0, pass: 50 }),
          ],
        }),
      );
      expect((await store.queue.peek({ lanes: [1], limit: 10 })).map((h) => h.task)).toEqual([4, 3, 2, 1]);
    });

    it("a delayed task becomes ready when its time has come, not before", async (store) => {
      await store.commit(batch({ tasks: [root(1, { dueAt: now + 10 })] }));
      const early = await store.commit(batch({ now: now + 9, dueSlice: 100 }));
      expect(early.due).toEqual([]);
      expect(early.nextDueAt).toBe(now + 10);
      const late = await store.commit(batch({ now: now + 10, dueSlice: 100 }));
      expect(late.due).toMatchObject([{ task: 1, lane: 1 }]);
      expect(late.nextDueAt).toBeNull();
      expect(await where(store, 1)).toBe("ready");
    });

    it("a refused child has its outcome at once, in its parent's order", async (store) => {
      const parent = await runningRoot(store);
      const refused = new FlotillaError("FLOTILLA_UNKNOWN_DEFINITION", { name: "nobody", known: [] }).toJSON();
      const r = await store.commit(batch({ acts: [actsOf(parent, 1, { children: [child(2, parent, 1, { refused })] })] }));
      expect(r.deliveries).toMatchObject([
        { parent: 1, seq: 1, act: 1, status: "failed", error: { code: "FLOTILLA_UNKNOWN_DEFINITION" } },
      ]);
      expect(await where(store, 2)).toBe("outcome");
      expect((await store.tasks.children(1)).unsettled).toBe(0);
    });
  });

  describe(`${name}: leases`, () => {
    it("a claim moves a ready task to running with the next lease number", async (store) => {
      const t = root(1);
      await store.commit(batch({ tasks: [t] }));
      await store.commit(batch({ claims: [claimOf(t)] }));
      expect(await store.tasks.where(1)).toMatchObject({ in: "running", leaseNo: 1, attempt: 1 });
    });

    it("a claim of a row that is gone takes nothing", async (store) => {
      const t = root(1);
      await store.commit(batch({ tasks: [t] }));
      await store.commit(batch({ cancels: [{ task: 1, reason: "test" }] }));
      const r = await store.commit(batch({ claims: [claimOf(t)] }));
      expect(r.unclaimed).toEqual([{ task: 1, leaseNo: 0 }]);
      expect(await where(store, 1)).toBe("outcome");
    });

    it("only the holder of the lease settles; the other changes nothing", async (store) => {
      const t = await runningRoot(store);
      const r = await store.commit(batch({ settles: [settleOf(t, 2)] }));
      expect(r.fenced).toEqual([{ task: 1, leaseNo: 2 }]);
      expect(await where(store, 1)).toBe("running");
      await store.commit(batch({ settles: [settleOf(t, 1)] }));
      const again = await store.commit(batch({ settles: [settleOf(t, 1, { value: '"other"' })] }));
      expect(again.fenced).toHaveLength(1);
      expect((await store.runs.outcome(1))?.value).toBe('"v1"');
    });

    it("two ends of one attempt in one batch: the first counts", async (store) => {
      const t = await runningRoot(store);
      const r = await store.commit(
        batch({ settles: [settleOf(t, 1)], requeues: [requeueOf(t, 1, { to: "ready", attempt: 0, crashes: 0, alone: false })] }),
      );
      expect(r.fenced).toEqual([{ task: 1, leaseNo: 1 }]);
      expect(await where(store, 1)).toBe("outcome");
      expect(await store.tasks.attempts(1)).toEqual([]);
    });

    it("a retry keeps the lease number and leaves a row of its attempt", async (store) => {
      const t = await runningRoot(store);
      const error = new FlotillaError("FLOTILLA_TIMEOUT", { after: "timeout" }).toJSON();
      await store.commit(
        batch({
          requeues: [
            requeueOf(t, 1, { to: "delayed", dueAt: now + 5, attempt: 1, crashes: 0, alone: false }, { how: "timeout", error }),
          ],
        }),
      );
      expect(await store.tasks.where(1)).toMatchObject({ in: "delayed", leaseNo: 1, attempt: 1, dueAt: now + 5 });
      expect(await store.tasks.attempts(1)).toMatchObject([
        { leaseNo: 1, attempt: 1, how: "timeout", error: { code: "FLOTILLA_TIMEOUT" } },
      ]);
      await store.commit(batch({ now: now + 5, dueSlice: 10 }));
      const [head] = await store.queue.peek({ lanes: [1], limit: 1 });
      await store.commit(batch({ claims: [claimOf(t, { leaseNo: head?.leaseNo ?? -1, attempt: head?.attempt ?? -1 })] }));
      expect(await store.tasks.where(1)).toMatchObject({ in: "running", leaseNo: 2, attempt: 2 });
    });

    it("a held task waits with its reason until it is released", async (store) => {
      const t = await runningRoot(store);
      await store.commit(
        batch({
          requeues: [requeueOf(t, 1, { to: "held", reason: "HISTORY_MISMATCH", attempt: 0, crashes: 0 }, { how: "mismatch" })],
        }),
      );
      expect(await store.tasks.where(1)).toMatchObject({ in: "held", reason: "HISTORY_MISMATCH" });
      expect(await store.catalogue.release({ boot: 1, now })).toMatchObject([{ task: 1, leaseNo: 1, lane: 1 }]);
      expect(await where(store, 1)).toBe("ready");
    });

    it("crashes and the order to run alone travel with the task", async (store) => {
      const t = await runningRoot(store);
      await store.commit(batch({ requeues: [requeueOf(t, 1, { to: "ready", attempt: 0, crashes: 2, alone: true })] }));
      expect(await store.queue.peek({ lanes: [1], limit: 1 })).toMatchObject([{ crashes: 2, alone: true, leaseNo: 1 }]);
    });
  });

  describe(`${name}: gates and journals`, () => {
    it("settled children get consecutive places in their parent's order", async (store) => {
      const parent = await runningRoot(store);
      const kids = [2, 3, 4].map((id, i) => child(id, parent, i + 1, { claim: 7 }));
      await store.commit(batch({ acts: [actsOf(parent, 1, { children: kids, armed: true })] }));
      expect(await store.tasks.where(1)).toMatchObject({ in: "running", armed: true, remaining: 3 });
      const first = await store.commit(batch({ settles: [settleOf(kids[2] as never, 1)] }));
      const rest = await store.commit(
        batch({ settles: [settleOf(kids[0] as never, 1), settleOf(kids[1] as never, 1, { status: "failed", value: null })] }),
      );
      expect(first.deliveries.map((d) => [d.seq, d.act])).toEqual([[1, 3]]);
      expect(rest.deliveries.map((d) => [d.seq, d.act, d.status])).toEqual([
        [2, 1, "succeeded"],
        [3, 2, "failed"],
      ]);
      const journal = await store.tasks.journal(1);
      expect(journal).toMatchObject({ acts: 3, lastSeq: 3 });
      expect(journal?.entries.map((e) => [e.act, e.kind, e.key, e.seq])).toEqual([
        [1, "child", "k1", 2],
        [2, "child", "k2", 3],
        [3, "child", "k3", 1],
      ]);
      const settled = await store.tasks.settled({ task: 1, acts: [3, 1, 2, 9] });
      expect([3, 1, 2].map((act) => [settled.get(act)?.seq, act, settled.get(act)?.value])).toEqual([
        [1, 3, '"v4"'],
        [2, 1, '"v2"'],
        [3, 2, null],
      ]);
      expect(settled.size).toBe(3);
    });

    it("steps are in doubt until their result is stored", async (store) => {
      const t = await runningRoot(store);
      await store.commit(batch({ acts: [actsOf(t, 1, { steps: [{ act: 1, key: "mail", askedAfter: 0 }] })] }));
      expect((await store.tasks.journal(1))?.entries).toMatchObject([{ act: 1, kind: "step", key: "mail", seq: null }]);
      const r = await store.commit(
        batch({ acts: [actsOf(t, 1, { stepResults: [{ act: 1, value: "42", ref: null, error: null }] })] }),
      );
      expect(r.deliveries).toMatchObject([{ parent: 1, seq: 1, act: 1, status: "succeeded", value: "42" }]);
      expect((await store.tasks.settled({ task: 1, acts: [1] })).get(1)).toMatchObject({ seq: 1, act: 1, value: "42" });
    });

    it("an emit is an event of its run and an entry of its task's journal", async (store) => {
      const t = await runningRoot(store);
      const r = await store.commit(
        batch({ acts: [actsOf(t, 1, { emits: [{ act: 1, key: "emit:x", askedAfter: 0, name: "found", value: '{"a":1}' }] })] }),
      );
      expect(r.events).toMatchObject([{ run: 1, cursor: 1, type: "emit", task: 1, act: 1 }]);
      expect(await store.events.emit({ task: 1, act: 1 })).toMatchObject({ name: "found", value: '{"a":1}' });
      expect((await store.tasks.journal(1))?.entries).toMatchObject([{ act: 1, kind: "emit", key: "emit:x" }]);
    });

    it("acts of an attempt that lost its lease store nothing", async (store) => {
      const t = await runningRoot(store);
      const r = await store.commit(
        batch({
          acts: [
            actsOf(t, 9, { children: [child(2, t, 1)], emits: [{ act: 2, key: "e", askedAfter: 0, name: "n", value: "1" }] }),
          ],
        }),
      );
      expect(r.fencedActs).toEqual([{ task: 1, leaseNo: 9 }]);
      expect(await store.tasks.get([2])).toEqual([]);
      expect(await store.tasks.journal(1)).toBeNull();
      expect(await store.events.after({ run: 1, cursor: 0, limit: 10 })).toEqual([]);
    });

    it("a detached child neither holds its parent's gate nor is delivered to it", async (store) => {
      const parent = await runningRoot(store);
      const free = child(2, parent, 1, { detached: true, claim: 7 });
      await store.commit(batch({ acts: [actsOf(parent, 1, { children: [free] })] }));
      expect((await store.tasks.children(1)).unsettled).toBe(0);
      await store.commit(batch({ settles: [settleOf(parent, 1)], cancelSlice: 100 }));
      expect(await where(store, 2)).toBe("running");
      const r = await store.commit(batch({ settles: [settleOf(free, 1)] }));
      expect(r.deliveries).toEqual([]);
    });
  });

  describe(`${name}: plans`, () => {
    it("the latest emits of a name, in the order of their acts", async (store) => {
      const t = await runningRoot(store);
      const emits = [1, 2, 3, 4].map((act) => ({
        act,
        key: `e${act}`,
        askedAfter: 0,
        name: act === 3 ? "other" : "plan",
        value: `${act}`,
      }));
      await store.commit(batch({ acts: [actsOf(t, 1, { emits })] }));
      expect(await store.plans.rows({ task: 1, name: "plan", limit: 2 })).toEqual([
        { act: 2, value: "2" },
        { act: 4, value: "4" },
      ]);
      expect(await store.plans.rows({ task: 1, name: "none", limit: 2 })).toEqual([]);
    });

    it("what became of the nodes of a scope, and of no other", async (store) => {
      const parent = await runningRoot(store);
      const keys = ["plan>a", "plan>m>x", "plan>m>y", "plan>m>z", "plan>b.c", "plan#2>a", "plan", "plan2>a", "o"];
      const children = keys.map((key, i) => child(i + 2, parent, i + 2, { key, claim: 7 }));
      await store.commit(batch({ acts: [actsOf(parent, 1, { children })] }));
      const settle = (i: number, status: "succeeded" | "failed") => settleOf(children[i] as (typeof children)[0], 1, { status });
      await store.commit(batch({ settles: [settle(0, "succeeded"), settle(2, "succeeded"), settle(3, "failed")] }));
      const tally = async (after: number, scope: string) =>
        (await store.plans.tally({ parent: 1, after, scope }))
          .map((t) => [t.node, t.status, t.tasks, t.act])
          .toSorted((a, b) => Number(a[3]) - Number(b[3]));
      expect(await tally(1, "plan>")).toEqual([
        ["a", "succeeded", 1, 2],
        ["m", null, 1, 3],
        ["m", "succeeded", 1, 4],
        ["m", "failed", 1, 5],
        ["b.c", null, 1, 6],
      ]);
      expect(await tally(1, "plan#2>")).toEqual([["a", null, 1, 7]]);
      expect(await tally(5, "plan>")).toEqual([["b.c", null, 1, 6]]);
    });
  });

  describe(`${name}: cancel`, () => {
    it("closes a task wherever it is, and never twice", async (store) => {
      const tasks = [root(1), root(2, { dueAt: now + 1_000 }), root(3, { claim: 7 }), root(4, { claim: 7 })];
      await store.commit(batch({ tasks }));
      await store.commit(batch({ settles: [settleOf(tasks[3] as never, 1)] }));
      const r = await store.commit(batch({ cancels: tasks.map((t) => ({ task: t.id, reason: "stop" })) }));
      expect(r.closed.map((c) => [c.task, c.was])).toEqual([
        [1, "ready"],
        [2, "delayed"],
        [3, "running"],
      ]);
      for (const id of [1, 2, 3]) expect((await store.runs.outcome(id))?.status).toBe("canceled");
      expect((await store.runs.outcome(4))?.status).toBe("succeeded");
      const late = await store.commit(batch({ settles: [settleOf(tasks[2] as never, 1)] }));
      expect(late.fenced).toEqual([{ task: 3, leaseNo: 1 }]);
    });

    it("reaches every descendant in slices, and survives between them", async (store) => {
      const parent = await runningRoot(store);
      const kids = Array.from({ length: 25 }, (_, i) => child(10 + i, parent, i + 1, i < 5 ? { claim: 7 } : {}));
      await store.commit(batch({ acts: [actsOf(parent, 1, { children: kids })] }));
      const middle = kids[0] as (typeof kids)[number];
      const grandchildren = Array.from({ length: 7 }, (_, i) => child(100 + i, middle, i + 1, { run: 1, path: `1.${i + 1}` }));
      await store.commit(batch({ acts: [actsOf(middle, 1, { children: grandchildren })] }));
      let r = await store.commit(batch({ cancels: [{ task: 1, reason: "stop" }], cancelSlice: 10 }));
      let closed = r.closed.length;
      expect(r.moreCancels).toBe(true);
      let slices = 1;
      while (r.moreCancels) {
        r = await store.commit(batch({ cancelSlice: 10 }));
        closed += r.closed.length;
        expect(r.closed.length).toBeLessThanOrEqual(10);
        slices += 1;
      }
      expect(closed).toBe(1 + 25 + 7);
      expect(slices).toBeLessThanOrEqual(6);
      for (const t of [...kids, ...grandchildren]) expect((await store.runs.outcome(t.id))?.status).toBe("canceled");
    });

    it("an ended parent takes its children with it", async (store) => {
      const parent = await runningRoot(store);
      await store.commit(
        batch({ acts: [actsOf(parent, 1, { children: [child(2, parent, 1), child(3, parent, 2, { claim: 7 })] })] }),
      );
      const r = await store.commit(batch({ settles: [settleOf(parent, 1)], cancelSlice: 100 }));
      expect(r.closed.map((c) => [c.task, c.was])).toEqual([
        [2, "ready"],
        [3, "running"],
      ]);
      expect(r.deliveries).toEqual([]);
    });

    it("a fenced attempt cancels nobody", async (store) => {
      const parent = await runningRoot(store);
      await store.commit(batch({ acts: [actsOf(parent, 1, { children: [child(2, parent, 1)] })] }));
      const r = await store.commit(batch({ acts: [actsOf(parent, 9, { cancels: [{ act: 1, reason: "too late" }] })] }));
      expect(r.closed).toEqual([]);
      expect(await where(store, 2)).toBe("ready");
    });

    it("a child that its parent cancels is delivered as canceled", async (store) => {
      const parent = await runningRoot(store);
      const r = await store.commit(
        batch({
          acts: [actsOf(parent, 1, { children: [child(2, parent, 1)], cancels: [{ act: 1, reason: "lost the race" }] })],
        }),
      );
      expect(r.deliveries).toMatchObject([{ parent: 1, seq: 1, act: 1, status: "canceled" }]);
      expect((await store.tasks.children(1)).unsettled).toBe(0);
    });
  });

  describe(`${name}: runs and events`, () => {
    it("stage counts are exact at every moment", async (store) => {
      const parent = await runningRoot(store);
      const kids = [2, 3, 4, 5].map((id, i) => child(id, parent, i + 1, { claim: 7 }));
      await store.commit(batch({ acts: [actsOf(parent, 1, { children: kids })] }));
      const [a, b, c, d] = kids as [never, never, never, never];
      await store.commit(
        batch({
          settles: [settleOf(a, 1), settleOf(b, 1, { status: "failed", value: null })],
          requeues: [requeueOf(c, 1, { to: "ready", attempt: 1, crashes: 0, alone: false })],
          cancels: [{ task: 5, reason: "x" }],
        }),
      );
      void d;
      expect((await store.runs.get(1))?.stages).toEqual([
        { definition: 1, total: 4, succeeded: 1, failed: 1, canceled: 1, quarantined: 0, retried: 1 },
      ]);
    });

    it("cursors count from 1 without a gap, and a reader continues after any of them", async (store) => {
      const parent = await runningRoot(store);
      const kids = [2, 3, 4].map((id, i) => child(id, parent, i + 1, { claim: 7 }));
      await store.commit(batch({ acts: [actsOf(parent, 1, { children: kids })] }));
      for (const k of kids) await store.commit(batch({ settles: [settleOf(k, 1)] }));
      const all = await store.events.after({ run: 1, cursor: 0, limit: 10 });
      expect(all.map((e) => e.cursor)).toEqual([1, 2, 3]);
      expect(await store.events.after({ run: 1, cursor: 2, limit: 10 })).toEqual(all.slice(2));
    });

    it("money of every attempt is in the run's sum, also of those that failed", async (store) => {
      const parent = await runningRoot(store);
      const kid = child(2, parent, 1, { claim: 7 });
      const spent = { microUsd: 5, inputTokens: 10, outputTokens: 1 };
      await store.commit(batch({ acts: [actsOf(parent, 1, { children: [kid] })] }));
      await store.commit(
        batch({ requeues: [requeueOf(kid, 1, { to: "ready", attempt: 1, crashes: 0, alone: false }, { spent })] }),
      );
      await store.commit(batch({ claims: [claimOf(kid, { leaseNo: 1, attempt: 1 })] }));
      await store.commit(batch({ settles: [settleOf(kid, 2, { spent })] }));
      expect((await store.runs.get(1))?.spent).toEqual({ microUsd: 10, inputTokens: 20, outputTokens: 2 });
    });

    it("lists runs newest first, by state, page by page", async (store) => {
      const tasks = [1, 2, 3, 4].map((id) => root(id, { claim: 7 }));
      await store.commit(batch({ tasks }));
      await store.commit(
        batch({ settles: [settleOf(tasks[0] as never, 1), settleOf(tasks[2] as never, 1, { status: "failed" })] }),
      );
      const list = async (status: string | null, before: number | null = null) =>
        (await store.runs.list({ namespace: 1, definition: null, status, before, limit: 2 })).map((r) => r.task.id);
      expect(await list(null)).toEqual([4, 3]);
      expect(await list(null, 3)).toEqual([2, 1]);
      expect(await list("running")).toEqual([4, 2]);
      expect(await list("failed")).toEqual([3]);
    });

    it("lists the tasks of a run with where each of them is", async (store) => {
      const parent = await runningRoot(store);
      const kids = [child(2, parent, 1), child(3, parent, 2, { claim: 7 }), child(4, parent, 3, { claim: 7 })];
      await store.commit(batch({ tasks: [root(9)], acts: [actsOf(parent, 1, { children: kids })] }));
      await store.commit(batch({ settles: [settleOf(kids[2] as never, 1)] }));
      await store.commit(batch({ acts: [actsOf(parent, 1, { armed: true })] }));
      const list = async (state: string | null) =>
        (await store.tasks.list({ run: 1, definition: null, state, after: 0, limit: 10 })).rows.map((r) => [
          r.task.id,
          r.where?.in,
        ]);
      expect(await list(null)).toEqual([
        [1, "running"],
        [2, "ready"],
        [3, "running"],
        [4, "outcome"],
      ]);
      expect(await list("ready")).toEqual([[2, "ready"]]);
      expect(await list("running")).toEqual([[3, "running"]]);
      expect(await list("waiting")).toEqual([[1, "running"]]);
      expect(await list("succeeded")).toEqual([[4, "outcome"]]);
    });
  });

  describe(`${name}: idempotency`, () => {
    const keyed = (id: number, inputHash = "h") => root(id, { idempotency: { key: "k", inputHash } });

    it("the second start with a key gets the first one's run", async (store) => {
      await store.commit(batch({ tasks: [keyed(1)] }));
      const r = await store.commit(batch({ tasks: [keyed(2), root(3)] }));
      expect(r.existing.get(0)).toEqual({ task: 1, secret: "s".repeat(26), inputHash: "h" });
      expect(await store.tasks.get([2, 3])).toMatchObject([{ id: 3 }]);
    });

    it("also within one batch", async (store) => {
      const r = await store.commit(batch({ tasks: [keyed(1), keyed(2)] }));
      expect(r.existing.get(1)).toMatchObject({ task: 1, inputHash: "h" });
      expect(await store.tasks.get([1, 2])).toMatchObject([{ id: 1 }]);
    });
  });

  const waitOf = (act: number, over: Partial<ActBatch["waits"][number]> = {}): ActBatch["waits"][number] => ({
    act,
    kind: "timer",
    key: `w${act}`,
    inputHash: "h",
    askedAfter: 0,
    name: null,
    detail: null,
    dueAt: null,
    ...over,
  });

  describe(`${name}: waits`, () => {
    it("a timer ends at its time, once, in its task's order", async (store) => {
      const t = await runningRoot(store);
      const waits = [waitOf(1, { dueAt: now + 20 }), waitOf(2, { dueAt: now + 10 })];
      await store.commit(batch({ acts: [actsOf(t, 1, { waits, armed: true })] }));
      expect(await store.tasks.waits({ task: 1, limit: 10 })).toMatchObject([{ act: 1 }, { act: 2, dueAt: now + 10 }]);
      const early = await store.commit(batch({ now: now + 9, dueSlice: 10 }));
      expect([early.deliveries, early.nextDueAt]).toEqual([[], now + 10]);
      const due = await store.commit(batch({ now: now + 30, dueSlice: 10 }));
      expect(due.deliveries.map((d) => [d.seq, d.act, d.status, d.value, d.at])).toEqual([
        [1, 2, "succeeded", "null", now + 30],
        [2, 1, "succeeded", "null", now + 30],
      ]);
      expect(due.nextDueAt).toBe(null);
      expect((await store.commit(batch({ now: now + 40, dueSlice: 10 }))).deliveries).toEqual([]);
      expect((await store.tasks.journal(1))?.entries.map((e) => [e.act, e.kind, e.seq])).toEqual([
        [1, "timer", 2],
        [2, "timer", 1],
      ]);
      expect((await store.tasks.settled({ task: 1, acts: [1, 2] })).get(2)).toMatchObject({ seq: 1, status: "succeeded" });
    });

    it("a message goes to the oldest wait for it, or lies in the box until there is one", async (store) => {
      const t = await runningRoot(store);
      const say = (value: string, key: string | null = null) => ({ task: 1, name: "m", value, key });
      const boxed = await store.commit(batch({ messages: [say('"a"'), say('"b"', "k"), say('"again"', "k")] }));
      expect([boxed.deliveries, [...boxed.unsent]]).toEqual([[], [[2, "duplicate"]]]);
      const wait = (act: number) => waitOf(act, { kind: "message", name: "m" });
      const r = await store.commit(batch({ acts: [actsOf(t, 1, { waits: [wait(1), wait(2), wait(3)] })] }));
      expect(r.deliveries.map((d) => [d.seq, d.act, d.value])).toEqual([
        [1, 1, '"a"'],
        [2, 2, '"b"'],
      ]);
      // A key stays used when its message is taken.
      expect([...(await store.commit(batch({ messages: [say('"late"', "k")] }))).unsent]).toEqual([[0, "duplicate"]]);
      const late = await store.commit(batch({ messages: [say('"c"')] }));
      expect(late.deliveries.map((d) => [d.seq, d.act, d.value])).toEqual([[3, 3, '"c"']]);
      await store.commit(batch({ settles: [settleOf(t, 1)] }));
      expect([...(await store.commit(batch({ messages: [say('"d"')] }))).unsent]).toEqual([[0, "ended"]]);
    });

    it("a message that its wait's code has left, or that an execution did not see, is the next wait's", async (store) => {
      const t = await runningRoot(store);
      const wait = (act: number) => waitOf(act, { kind: "message", name: "m" });
      await store.commit(batch({ acts: [actsOf(t, 1, { waits: [wait(1)] })] }));
      const say = (value: string) => ({ task: 1, name: "m", value, key: null });
      await store.commit(batch({ messages: [say('"a"'), say('"b"')] }));
      const left = { cancels: [{ act: 1, reason: "lost a race" }] };
      await store.commit(batch({ acts: [actsOf(t, 1, left), actsOf(t, 1, left)] }));
      expect((await store.tasks.settled({ task: 1, acts: [1] })).get(1)).toMatchObject({ seq: 1, status: "succeeded" });
      expect(await store.tasks.asked(1)).toMatchObject([{ act: 1, status: "canceled" }]);
      const next = await store.commit(batch({ acts: [actsOf(t, 1, { waits: [wait(2), wait(3), wait(4)] })] }));
      expect(next.deliveries.map((d) => [d.act, d.value])).toEqual([
        [2, '"a"'],
        [3, '"b"'],
      ]);
      await store.commit(batch({ messages: [say('"c"')] }));
      await store.commit(batch({ requeues: [requeueOf(t, 1, { to: "continued", input: "{}", options: null, seen: 2 })] }));
      await store.commit(batch({ claims: [claimOf(t, { leaseNo: 1 })] }));
      const later = await store.commit(batch({ acts: [actsOf(t, 2, { waits: [wait(5), wait(6), wait(7)] })] }));
      expect(later.deliveries.map((d) => [d.act, d.value])).toEqual([
        [5, '"b"'],
        [6, '"c"'],
      ]);
    });

    it("what waits for a message expires, and a box has an end", async (store) => {
      const t = await runningRoot(store);
      const waits = [waitOf(1, { kind: "message", name: "m", dueAt: now + 5 })];
      await store.commit(batch({ acts: [actsOf(t, 1, { waits })] }));
      const r = await store.commit(batch({ now: now + 5, dueSlice: 1 }));
      expect(r.deliveries).toMatchObject([{ seq: 1, act: 1, status: "failed", error: { code: "FLOTILLA_TIMEOUT" } }]);
      const many = Array.from({ length: bounds.messagesPerTask + 1 }, () => ({ task: 1, name: "m", value: "1", key: null }));
      expect([...(await store.commit(batch({ messages: many }))).unsent]).toEqual([[bounds.messagesPerTask, "full"]]);
    });

    it("a task sends to its child and to others, and a receiver that is not there takes nothing", async (store) => {
      const t = await runningRoot(store);
      const kid = child(2, t, 1, { claim: 7 });
      const to = (target: { act: number } | { task: number } | null, act: number) => ({
        act,
        key: `s${act}`,
        inputHash: "h",
        askedAfter: 0,
        to: target,
        name: "m",
        value: String(act),
      });
      await store.commit(
        batch({ acts: [actsOf(t, 1, { children: [kid], sends: [to({ act: 1 }, 2), to({ task: 1 }, 3), to(null, 4)] })] }),
      );
      expect((await store.tasks.journal(1))?.entries.map((e) => e.kind)).toEqual(["child", "send", "send", "send"]);
      const take = async (task: NewTask) =>
        (
          await store.commit(batch({ acts: [actsOf(task, 1, { waits: [waitOf(9, { kind: "message", name: "m" })] })] }))
        ).deliveries.map((d) => d.value);
      expect(await take(kid)).toEqual(["2"]);
      expect(await take(t)).toEqual(["3"]);
    });

    it("the first answer of an approval counts; unanswered, its expiry does", async (store) => {
      const t = await runningRoot(store);
      const expiry = { status: "failed", value: null, error: { code: "FLOTILLA_REJECTED", message: "late" } };
      const detail = JSON.stringify({ title: "go?", expiry });
      const ask = (act: number) => waitOf(act, { kind: "approval", detail, dueAt: now + 5 });
      const asked = await store.commit(batch({ acts: [actsOf(t, 1, { waits: [ask(1), ask(2)] })] }));
      expect(asked.events).toMatchObject([
        { type: "approval", task: 1, act: 1 },
        { type: "approval", task: 1, act: 2 },
      ]);
      const page = await store.tasks.approvals({ namespace: 1, after: null, limit: 1 });
      expect(page).toMatchObject([{ task: 1, act: 1 }]);
      expect(await store.tasks.approvals({ namespace: 1, after: page[0] ?? null, limit: 9 })).toMatchObject([{ act: 2 }]);
      const answer = (act: number, value: string) => ({ task: 1, act, value, error: null });
      const r = await store.commit(batch({ answers: [answer(1, '"yes"'), answer(1, '"no"'), answer(7, '"?"')] }));
      expect(r.deliveries).toMatchObject([{ seq: 1, act: 1, value: '"yes"' }]);
      expect([...r.unanswered]).toEqual([1, 2]);
      const late = await store.commit(batch({ now: now + 9, dueSlice: 10 }));
      expect(late.deliveries).toMatchObject([{ seq: 2, act: 2, status: "failed", error: { message: "late" } }]);
      expect(await store.tasks.approvals({ namespace: 1, after: null, limit: 9 })).toEqual([]);
    });

    it("waits that the code stops are canceled; those of a task that ends are gone", async (store) => {
      const t = await runningRoot(store);
      const waits = [waitOf(1, { dueAt: now + 5 }), waitOf(2, { dueAt: now + 5 })];
      const r = await store.commit(batch({ acts: [actsOf(t, 1, { waits, cancels: [{ act: 1, reason: "lost" }] })] }));
      expect(r.deliveries).toMatchObject([{ seq: 1, act: 1, status: "canceled" }]);
      await store.commit(batch({ settles: [settleOf(t, 1)] }));
      const due = await store.commit(batch({ now: now + 5, dueSlice: 10 }));
      expect([due.deliveries, due.nextDueAt]).toEqual([[], null]);
    });
  });

  describe(`${name}: parked`, () => {
    it("idle and parked only when its code has seen all that has settled, also in the same batch", async (store) => {
      const t = await runningRoot(store);
      const waits = [waitOf(1, { dueAt: now + 5 })];
      const stopped = actsOf(t, 1, { waits, cancels: [{ act: 1, reason: "lost" }], armed: true, seen: 0 });
      const r = await store.commit(batch({ acts: [stopped, actsOf(t, 1, { armed: true, seen: 0, park: true })] }));
      expect(r.deliveries).toMatchObject([{ seq: 1, act: 1 }]);
      expect(r.parked).toEqual([]);
      expect(await store.tasks.where(1)).toMatchObject({ in: "running", armed: false });
      await store.commit(batch({ acts: [actsOf(t, 1, { armed: true, seen: 1, park: true })] }));
      expect(await store.tasks.where(1)).toMatchObject({ in: "parked" });
    });

    it("an idle task is parked, and ready again when something settles for it", async (store) => {
      const t = await runningRoot(store);
      const kids = [child(2, t, 1, { claim: 7 }), child(3, t, 2, { claim: 7 })];
      await store.commit(batch({ acts: [actsOf(t, 1, { children: kids, armed: true })] }));
      const parked = await store.commit(batch({ acts: [actsOf(t, 1, { armed: true, park: true })] }));
      expect(parked.parked).toEqual([1]);
      expect(await store.tasks.where(1)).toMatchObject({ in: "parked", leaseNo: 1, attempt: 0, remaining: 2 });
      const r = await store.commit(batch({ settles: kids.map((k) => settleOf(k, 1)) }));
      expect(r.woken).toMatchObject([{ task: 1, leaseNo: 1, attempt: 0 }]);
      expect(await where(store, 1)).toBe("ready");
      // The lease went with it: what it still says changes nothing.
      const late = await store.commit(batch({ settles: [settleOf(t, 1)] }));
      expect(late.fenced).toEqual([{ task: 1, leaseNo: 1 }]);
      await store.commit(batch({ claims: [claimOf(t, { leaseNo: 1 })] }));
      expect(await store.tasks.where(1)).toMatchObject({ in: "running", leaseNo: 2, attempt: 1 });
    });

    it("one for whom something settles in the same batch is ready at once", async (store) => {
      const t = await runningRoot(store);
      const kid = child(2, t, 1, { claim: 7 });
      await store.commit(batch({ acts: [actsOf(t, 1, { children: [kid], armed: true })] }));
      const r = await store.commit(batch({ acts: [actsOf(t, 1, { armed: true, park: true })], settles: [settleOf(kid, 1)] }));
      expect([r.parked, r.woken.map((w) => w.task)]).toEqual([[1], [1]]);
      expect(await where(store, 1)).toBe("ready");
    });

    it("a message that lies ready keeps its task in memory", async (store) => {
      const t = await runningRoot(store);
      await store.commit(batch({ messages: [{ task: 1, name: "m", value: "1", key: null }] }));
      const waits = [waitOf(1, { kind: "message", name: "m" })];
      const r = await store.commit(batch({ acts: [actsOf(t, 1, { waits, armed: true, park: true })] }));
      expect([r.parked, r.deliveries.length]).toEqual([[], 1]);
      expect(await where(store, 1)).toBe("running");
    });

    it("a lost attempt is parked when it was idle, and ready when something had settled", async (store) => {
      const t = await runningRoot(store);
      const kid = child(2, t, 1, { claim: 7 });
      await store.commit(batch({ acts: [actsOf(t, 1, { children: [kid], armed: true })] }));
      const next = { to: "parked", attempt: 0, crashes: 0 } as const;
      expect((await store.commit(batch({ requeues: [requeueOf(t, 1, next)] }))).woken).toEqual([]);
      expect(await where(store, 1)).toBe("parked");
      expect((await store.commit(batch({ wakes: [1, 1] }))).woken).toMatchObject([{ task: 1 }]);
      await store.commit(batch({ claims: [claimOf(t, { leaseNo: 1 })] }));
      await store.commit(batch({ acts: [actsOf(t, 2, { armed: true })] }));
      const both = await store.commit(batch({ settles: [settleOf(kid, 1)], requeues: [requeueOf(t, 2, next)] }));
      expect(both.woken).toMatchObject([{ task: 1, leaseNo: 2 }]);
      expect(await where(store, 1)).toBe("ready");
    });
  });

  describe(`${name}: unwinding`, () => {
    it("a workflow is told of its cancel, and its children are closed, but not those of a shield", async (store) => {
      const t = await runningRoot(store);
      const kids = [child(2, t, 1, { claim: 7 }), child(3, t, 2, { claim: 7, shielded: true })];
      await store.commit(batch({ acts: [actsOf(t, 1, { children: kids, unwinds: true, armed: true })] }));
      const r = await store.commit(batch({ cancels: [{ task: 1, reason: "stop" }], cancelSlice: 100 }));
      expect(r.deliveries.map((d) => [d.parent, d.seq, d.act, d.status])).toEqual([
        [1, 1, 0, "canceled"],
        [1, 2, 1, "canceled"],
      ]);
      expect(r.closed.map((c) => c.task)).toEqual([2]);
      expect(await where(store, 1)).toBe("running");
      expect((await store.tasks.journal(1))?.cancel).toMatchObject({ seq: 1, reason: "stop" });
      // What its shield asks from now on is not closed either.
      const late = child(4, t, 3, { claim: 7, shielded: true });
      await store.commit(batch({ acts: [actsOf(t, 1, { children: [late] })], cancelSlice: 100 }));
      expect(await where(store, 4)).toBe("running");
      // Asked only that it be told, nothing more happens to it.
      const again = await store.commit(batch({ cancels: [{ task: 1, reason: "in bulk", once: true }], cancelSlice: 100 }));
      expect([again.closed, again.deliveries]).toEqual([[], []]);
      expect((await store.tasks.journal(1))?.cancel).toMatchObject({ reason: "stop" });
      // Told a second time, it is closed, shield or not.
      const forced = await store.commit(batch({ cancels: [{ task: 1, reason: "now" }], cancelSlice: 100 }));
      expect(forced.closed.map((c) => c.task).toSorted((a, b) => a - b)).toEqual([1, 3, 4]);
    });

    /** A root, its child and what the child's shield asked: the root and the child have been told of a cancel. */
    async function toldFamily(store: Store) {
      const t = await runningRoot(store);
      const kid = child(2, t, 1, { claim: 7 });
      const cleanup = child(3, kid, 1, { claim: 7, shielded: true });
      await store.commit(batch({ acts: [actsOf(t, 1, { children: [kid], unwinds: true, armed: true })] }));
      await store.commit(batch({ acts: [actsOf(kid, 1, { waits: [waitOf(2)], children: [cleanup], unwinds: true })] }));
      const told = await store.commit(batch({ cancels: [{ task: 1, reason: "stop" }], cancelSlice: 100 }));
      return { t, told };
    }
    const closedBy = async (store: Store, reason: string) => {
      const r = await store.commit(batch({ cancels: [{ task: 1, reason }], cancelSlice: 100 }));
      return r.closed.map((c) => c.task).toSorted((a, b) => a - b);
    };

    it("a child that was told unwinds although its parent asks again and ends", async (store) => {
      const { t, told } = await toldFamily(store);
      expect(told.deliveries.map((d) => [d.parent, d.act])).toEqual([
        [1, 0],
        [2, 0],
      ]);
      const cancels = [{ act: 1, reason: "once more" }];
      const asked = await store.commit(batch({ acts: [actsOf(t, 1, { cancels, unwinds: true })], cancelSlice: 100 }));
      expect(asked.closed).toEqual([]);
      const settles = [settleOf(t, 1, { status: "canceled", hasGate: true })];
      expect((await store.commit(batch({ settles, cancelSlice: 100 }))).closed).toEqual([]);
      expect([await where(store, 2), await where(store, 3)]).toEqual(["running", "running"]);
      // A person who does not want to wait for it says so to the run, also when that is closed.
      expect(await closedBy(store, "now")).toEqual([2, 3]);
    });

    it("a person's second cancel closes all that unwinds", async (store) => {
      await toldFamily(store);
      expect(await closedBy(store, "now")).toEqual([1, 2, 3]);
    });

    it("one that asks to be parked in the batch that tells it of something is not parked", async (store) => {
      for (const by of ["cancel", "message"] as const) {
        const first = by === "cancel" ? 1 : 11;
        const t = await runningRoot(store, first);
        const kid = child(first + 1, t, 1, { claim: 7 });
        await store.commit(batch({ acts: [actsOf(t, 1, { children: [kid], unwinds: true, armed: true })] }));
        await store.commit(
          batch({ acts: [actsOf(kid, 1, { waits: [waitOf(1, { kind: "message", name: "m", dueAt: null })], unwinds: true })] }),
        );
        const cancels = by === "cancel" ? [{ act: 1, reason: "no" }] : [];
        const sends =
          by === "message" ? [{ act: 2, key: "s", inputHash: "h", askedAfter: 0, to: { act: 1 }, name: "m", value: "1" }] : [];
        const parent = actsOf(t, 1, { cancels, sends, unwinds: true });
        const parks = actsOf(kid, 1, { unwinds: true, armed: true, seen: 0, park: true });
        const r = await store.commit(batch({ acts: [parent, parks] }));
        expect(r.deliveries).toMatchObject([{ parent: kid.id, seq: 1 }]);
        expect(r.parked).toEqual([]);
        expect(await where(store, kid.id)).toBe("running");
      }
    });

    it("a parked workflow comes back to unwind", async (store) => {
      const t = await runningRoot(store);
      const waits = [waitOf(1)];
      await store.commit(batch({ acts: [actsOf(t, 1, { waits, unwinds: true, armed: true, park: true })] }));
      const r = await store.commit(batch({ cancels: [{ task: 1, reason: "stop" }], cancelSlice: 100 }));
      expect(r.woken).toMatchObject([{ task: 1 }]);
      expect(await where(store, 1)).toBe("ready");
    });
  });

  describe(`${name}: continued`, () => {
    it("the next execution has an empty journal, and nothing of the last one reaches it", async (store) => {
      const t = await runningRoot(store);
      const kids = [child(2, t, 1, { claim: 7 }), child(3, t, 2, { claim: 7 })];
      const steps = [{ act: 3, key: "s", askedAfter: 0 }];
      await store.commit(batch({ acts: [actsOf(t, 1, { children: kids, steps, waits: [waitOf(4, { dueAt: now + 1 })] })] }));
      const another = { to: "continued", input: '{"n":2}', options: '{"asRef":true}', seen: 0 } as const;
      const again = requeueOf(t, 1, another, { how: "continued" });
      const r = await store.commit(batch({ requeues: [again], settles: [settleOf(kids[0] as never, 1)] }));
      expect(r.woken).toMatchObject([{ task: 1, leaseNo: 1, attempt: 0 }]);
      expect(await store.tasks.get([1])).toMatchObject([{ input: '{"n":2}', options: '{"asRef":true}' }]);
      expect(await store.tasks.journal(1)).toMatchObject({ acts: 4, lastSeq: 1, baseSeq: 1, entries: [] });
      await store.commit(batch({ claims: [claimOf(t, { leaseNo: 1 })] }));
      const next = child(5, t, 5, { claim: 7 });
      await store.commit(batch({ acts: [actsOf(t, 2, { children: [next], armed: true })] }));
      // The old child that is canceled now takes no place; the timer is gone.
      const old = await store.commit(batch({ now: now + 9, cancelSlice: 100, dueSlice: 100 }));
      expect(old.closed.map((c) => c.task)).toEqual([3]);
      expect(old.deliveries).toEqual([]);
      const both = await store.commit(batch({ settles: [settleOf(next, 1)] }));
      expect(both.deliveries.map((d) => [d.seq, d.act])).toEqual([[2, 5]]);
      expect(await store.tasks.children(1)).toMatchObject({ unsettled: 0 });
    });
  });

  describe(`${name}: continued and canceled`, () => {
    it("a cancel that an execution did not learn of is told to the next one", async (store) => {
      const t = await runningRoot(store);
      await store.commit(batch({ acts: [actsOf(t, 1, { waits: [waitOf(1)], unwinds: true })] }));
      await store.commit(batch({ cancels: [{ task: 1, reason: "stop" }] }));
      const next = { to: "continued", input: "{}", options: null, seen: 0 } as const;
      await store.commit(batch({ requeues: [requeueOf(t, 1, next)] }));
      expect(await store.tasks.journal(1)).toMatchObject({ baseSeq: 1, lastSeq: 2, cancel: { seq: 2, reason: "stop" } });
    });
  });

  describe(`${name}: lives`, () => {
    it("a batch is stored whole or not at all", async (store) => {
      await store.commit(batch({ tasks: [root(1)] }));
      // The same id again: the second insert must take the first one down with it.
      await expect((async () => store.commit(batch({ tasks: [root(2), root(1)] })))()).rejects.toThrow();
      expect(await store.tasks.get([2])).toEqual([]);
      await store.commit(batch({ tasks: [root(2)] }));
      expect(await where(store, 2)).toBe("ready");
    });

    test.skipIf(o.reopen === null)(
      "a new life puts what was running back, with its lease number and without a charge",
      async () => {
        const before = await o.open();
        await begin(before);
        const parent = await runningRoot(before);
        const kids = [child(2, parent, 1, { claim: 7 }), child(3, parent, 2)];
        await before.commit(batch({ acts: [actsOf(parent, 1, { children: kids, armed: true })] }));
        const store = await (o.reopen as NonNullable<Exercise["reopen"]>)(before);
        try {
          const boot = await store.boot({ nonce: "m", pid: 2, now: now + 1 });
          expect(boot).toMatchObject({ boot: 2, recovered: 1, parked: 1 });
          expect(boot.depth.get(1)?.ready).toBe(2);
          expect((await store.taskIds(1)).first).toBeGreaterThanOrEqual(4);
          // The parent was idle: it waits in nobody's memory.
          expect(await store.tasks.where(1)).toMatchObject({ in: "parked", leaseNo: 1, attempt: 0, remaining: 2 });
          expect(await store.queue.peek({ lanes: [1], limit: 10 })).toMatchObject([
            { task: 2, leaseNo: 1, attempt: 0, crashes: 0 },
            { task: 3, leaseNo: 0 },
          ]);
          expect(await store.tasks.journal(1)).toMatchObject({ acts: 2 });
          // The old owner may still be alive, with its lock lost: whatever it commits is refused.
          const { catalogue } = store;
          const late = [
            async () => store.commit(batch({ boot: 1, settles: [settleOf(parent, 1)] })),
            async () =>
              catalogue.defineAll({ boot: 1, definitions: [{ id: 2, namespace: 1, name: "other", card: "null" }], lanes: [] }),
            async () => catalogue.joined({ id: 9, boot: 1, name: "w", pid: 1, build: "b", now }),
            async () => catalogue.left({ id: 7, boot: 1, how: "died", now }),
            async () => catalogue.release({ boot: 1, now }),
          ];
          for (const write of late) await expect(write()).rejects.toMatchObject({ code: "FLOTILLA_STORE_LOCKED" });
        } finally {
          await store.close();
        }
      },
    );
  });
}
