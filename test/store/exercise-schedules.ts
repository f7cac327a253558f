// What every store must do with schedules, and with runs that are closed at an instant.
import { describe, expect, test } from "vitest";
import type { Store, Terms } from "../../src/store/contract.ts";
import type { PutSchedule, ScheduleRow, Tick } from "../../src/store/schedules.ts";
import type { Exercise } from "./exercise-store.ts";
import { actsOf, batch, begin, child, claimOf, now, requeueOf, root, settleOf } from "./rows.ts";

const put = (over: Partial<PutSchedule> = {}): PutSchedule => ({
  boot: 1,
  namespace: 1,
  name: "s",
  origin: "api",
  spec: "{}",
  input: "1",
  before: null,
  nextAt: now + 10,
  now,
  ...over,
});

/** A tick of the schedule as it was read, with one run. */
const tickOf = (row: ScheduleRow, task: number, over: Partial<Tick> = {}): Tick => ({
  schedule: row.id,
  rev: row.rev,
  nextAt: row.nextAt as number,
  movedTo: (row.nextAt as number) + 10,
  lastAt: row.nextAt as number,
  runs: [{ key: `k${row.nextAt}`, inputHash: "h", task: root(task) }],
  alone: false,
  skipped: null,
  ...over,
});

const terms = (over: Partial<Terms>): Terms => ({ deadlineAt: null, ttlAt: null, schedule: null, ...over });

export function exerciseSchedules(name: string, o: Exercise): void {
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
  const read = async (store: Store, which = "s") => (await store.schedules.get({ namespace: 1, name: which })) as ScheduleRow;
  const where = async (store: Store, id: number) => (await store.tasks.where(id))?.in;

  describe(`${name}: schedules`, () => {
    it("of two ticks that were read alike only one is stored", async (store) => {
      await store.schedules.put(put());
      const row = await read(store);
      const first = await store.commit(batch({ ticks: [tickOf(row, 1)] }));
      expect(first.ticked).toEqual([{ taken: true, started: [1], overlapped: false }]);
      expect(first.nextTickAt).toBe(now + 20);
      const second = await store.commit(batch({ ticks: [tickOf(row, 2)] }));
      expect(second.ticked).toEqual([{ taken: false, started: [], overlapped: false }]);
      expect([await where(store, 1), await where(store, 2)]).toEqual(["ready", undefined]);
      expect(await read(store)).toMatchObject({ nextAt: now + 20, lastAt: now + 10, lastRun: { task: 1 } });
    });

    it("a tick of a schedule that was changed, paused or deleted meanwhile is not stored", async (store) => {
      await store.schedules.put(put());
      const row = await read(store);
      expect(await store.schedules.put(put({ before: row, nextAt: "keep" }))).toBe(true);
      const changed = await read(store);
      expect(changed.nextAt).toBe(now + 10);
      expect((await store.commit(batch({ ticks: [tickOf(row, 1)] }))).ticked[0]?.taken).toBe(false);
      await store.schedules.move({ boot: 1, id: row.id, rev: changed.rev, pausedAt: now, nextAt: null, now });
      expect((await store.commit(batch({ ticks: [tickOf(changed, 2)] }))).ticked[0]?.taken).toBe(false);
      await store.schedules.delete({ boot: 1, namespace: 1, name: "s" });
      await store.schedules.put(put());
      expect((await store.commit(batch({ ticks: [tickOf(row, 3)] }))).ticked[0]?.taken).toBe(false);
    });

    it("a key that is taken starts nothing, and the tick moves on", async (store) => {
      await store.schedules.put(put());
      await store.commit(batch({ tasks: [root(1, { idempotency: { key: `k${now + 10}`, inputHash: "h" } })] }));
      const { ticked } = await store.commit(batch({ ticks: [tickOf(await read(store), 2)] }));
      expect(ticked).toEqual([{ taken: true, started: [], overlapped: false }]);
      expect(await read(store)).toMatchObject({ nextAt: now + 20, lastRun: null });
    });

    it("a change that was decided on what has changed since is refused", async (store) => {
      await store.schedules.put(put());
      const row = await read(store);
      expect(await store.schedules.put(put({ before: row, nextAt: now + 30 }))).toBe(true);
      expect(await store.schedules.put(put({ before: row, nextAt: now + 40 }))).toBe(false);
      expect(await store.schedules.put(put({ nextAt: now + 50 }))).toBe(false);
      const move = { boot: 1, id: row.id, rev: row.rev, pausedAt: now, nextAt: null, now };
      expect(await store.schedules.move(move)).toBe(false);
      expect(await read(store)).toMatchObject({ nextAt: now + 30, pausedAt: null });
    });

    it("a change that keeps the pattern keeps the next tick, also when one was dealt with since the read", async (store) => {
      await store.schedules.put(put());
      const before = await read(store);
      await store.commit(batch({ ticks: [tickOf(before, 1)] }));
      expect(await store.schedules.put(put({ before, nextAt: "keep", input: "2" }))).toBe(true);
      expect(await read(store)).toMatchObject({ nextAt: now + 20, lastAt: now + 10, input: "2" });
    });

    it("a change of a paused one leaves it without a tick", async (store) => {
      await store.schedules.put(put());
      const row = await read(store);
      await store.schedules.move({ boot: 1, id: row.id, rev: row.rev, pausedAt: now, nextAt: null, now });
      await store.schedules.put(put({ before: await read(store), nextAt: now + 30, input: "2" }));
      expect(await read(store)).toMatchObject({ nextAt: null, pausedAt: now, input: "2" });
      expect(await store.schedules.nextAt()).toBeNull();
    });

    it("alone: nothing starts beside a run that has no outcome, by a tick or by hand", async (store) => {
      await store.schedules.put(put());
      const { id } = await read(store);
      const byHand = root(1, { claim: 7, terms: terms({ schedule: id }) });
      await store.commit(batch({ tasks: [byHand] }));
      const first = await store.commit(batch({ ticks: [tickOf(await read(store), 2, { alone: true })] }));
      expect(first.ticked).toEqual([{ taken: true, started: [], overlapped: true }]);
      expect(await read(store)).toMatchObject({ skipped: { fromAt: now + 10, toAt: now + 10, why: "overlap" } });
      // A result in the same batch makes room.
      const tick = tickOf(await read(store), 3, { alone: true });
      const second = await store.commit(batch({ settles: [settleOf(byHand, 1)], ticks: [tick] }));
      expect(second.ticked[0]).toMatchObject({ started: [3], overlapped: false });
      const third = await store.commit(batch({ ticks: [tickOf(await read(store), 4, { alone: true })] }));
      expect(third.ticked[0]).toMatchObject({ started: [], overlapped: true });
    });

    it("due gives those whose time has come, the oldest first, and no others", async (store) => {
      for (const [i, at] of [30, 10, 20, 40].entries()) await store.schedules.put(put({ name: `s${i}`, nextAt: now + at }));
      await store.schedules.put(put({ name: "ended", nextAt: null }));
      const due = await store.schedules.due({ now: now + 30, limit: 10 });
      expect(due.map((s) => s.name)).toEqual(["s1", "s2", "s0"]);
      expect(await store.schedules.due({ now: now + 30, limit: 1 })).toHaveLength(1);
      expect(await store.schedules.nextAt()).toBe(now + 10);
    });

    it("an earlier life changes nothing", async (store) => {
      await store.schedules.put(put());
      // Of a store that several share an earlier life goes on: exercise-shared.ts says when one is over.
      if (store.shared) await store.shared.resign({ boot: 1, now });
      await store.boot({ nonce: "later", pid: 2, now });
      const stale = async (work: () => unknown) => Promise.resolve().then(work);
      for (const work of [
        () => store.schedules.put(put({ name: "t" })),
        () => store.schedules.delete({ boot: 1, namespace: 1, name: "s" }),
        () => store.schedules.move({ boot: 1, id: 1, rev: 1, pausedAt: now, nextAt: null, now }),
      ])
        await expect(stale(work)).rejects.toMatchObject({
          code: store.shared ? "FLOTILLA_LIFE_OVER" : "FLOTILLA_STORE_LOCKED",
        });
      expect((await store.schedules.list({ namespace: 1, after: "", limit: 10 })).map((s) => s.name)).toEqual(["s"]);
    });
  });

  describe(`${name}: runs that are closed at an instant`, () => {
    it("a deadline closes a running root, and what is below it by slices", async (store) => {
      const task = root(1, { claim: 7, terms: terms({ deadlineAt: now + 10 }) });
      const children = Array.from({ length: 5 }, (_, i) => child(i + 2, task, i + 1));
      await store.commit(batch({ tasks: [task] }));
      await store.commit(batch({ acts: [actsOf(task, 1, { children })] }));
      const early = await store.commit(batch({ now: now + 9, dueSlice: 10 }));
      expect(early).toMatchObject({ closed: [], nextDueAt: now + 10 });
      const fired = await store.commit(batch({ now: now + 10, dueSlice: 10 }));
      const error = { code: "FLOTILLA_TIMEOUT", details: { after: "deadline" } };
      expect(fired).toMatchObject({ closed: [{ task: 1, status: "failed", was: "running", error }], moreCancels: true });
      expect(fired.nextDueAt).toBeNull();
      expect(await store.runs.outcome(1)).toMatchObject({ status: "failed", error });
      // The attempt that it took the lease from changes nothing any more.
      const late = await store.commit(batch({ now: now + 11, settles: [settleOf(task, 1, { expires: true })], cancelSlice: 3 }));
      expect(late.fenced).toEqual([{ task: 1, leaseNo: 1 }]);
      expect(late.moreCancels).toBe(true);
      await store.commit(batch({ now: now + 12, cancelSlice: 10 }));
      const ends = [];
      for (const c of children) ends.push(await store.runs.outcome(c.id));
      expect(ends.map((e) => e?.status)).toEqual(Array.from({ length: 5 }, () => "canceled"));
      expect(ends[0]?.error).toMatchObject({ details: { by: "the run's deadline has passed" } });
    });

    it("a deadline goes on below after a death between its slices", async (store) => {
      const task = root(1, { claim: 7, terms: terms({ deadlineAt: now + 10 }) });
      await store.commit(batch({ tasks: [task] }));
      await store.commit(batch({ acts: [actsOf(task, 1, { children: [child(2, task, 1)] })] }));
      await store.commit(batch({ now: now + 10, dueSlice: 10 }));
      if (!o.reopen) return;
      const again = await o.reopen(store);
      try {
        expect(await again.boot({ nonce: "m", pid: 1, now })).toMatchObject({ cancelsLeft: true, nextDueAt: null });
        await again.commit(batch({ boot: 2, now: now + 12, cancelSlice: 10 }));
        expect(await again.runs.outcome(2)).toMatchObject({ status: "canceled" });
      } finally {
        await again.close();
      }
    });

    it("a deadline closes a parked root, and a ttl does not: it has begun", async (store) => {
      const task = root(1, { terms: terms({ deadlineAt: now + 20, ttlAt: now + 10 }) });
      await store.commit(batch({ tasks: [task] }));
      await store.commit(batch({ claims: [claimOf(task)] }));
      const children = [child(2, task, 1)];
      await store.commit(batch({ acts: [actsOf(task, 1, { children, armed: true })] }));
      await store.commit(batch({ requeues: [requeueOf(task, 1, { to: "parked", attempt: 0, crashes: 0 })] }));
      expect(await store.commit(batch({ now: now + 10, dueSlice: 10 }))).toMatchObject({ closed: [], nextDueAt: now + 20 });
      const fired = await store.commit(batch({ now: now + 20, dueSlice: 10, cancelSlice: 10 }));
      expect(fired.closed.map((c) => [c.task, c.was, c.status])).toEqual([
        [1, "parked", "failed"],
        [2, "ready", "canceled"],
      ]);
      expect(fired.woken).toEqual([]);
    });

    it("a deadline closes a root that unwinds, running or parked, and tells a workflow below it to unwind", async (store) => {
      for (const [first, rest] of [[10, "runs"] as const, [20, "parks"] as const]) {
        const task = root(first, { claim: 7, terms: terms({ deadlineAt: now + 10 }) });
        const below = child(first + 1, task, 1, { claim: 7 });
        await store.commit(batch({ tasks: [task] }));
        await store.commit(batch({ acts: [actsOf(task, 1, { children: [below], unwinds: true })] }));
        await store.commit(batch({ acts: [actsOf(below, 1, { unwinds: true, armed: true })] }));
        const told = await store.commit(batch({ cancels: [{ task: first, reason: "stop" }] }));
        expect(told).toMatchObject({ closed: [], deliveries: [{ parent: first, act: 0 }] });
        if (rest === "parks") await store.commit(batch({ acts: [actsOf(task, 1, { armed: true, park: true, unwinds: true })] }));
        expect(await where(store, first)).toBe(rest === "parks" ? "parked" : "running");
        const fired = await store.commit(batch({ now: now + 10, dueSlice: 10, cancelSlice: 10 }));
        expect(fired.closed.map((c) => [c.task, c.status, c.error.details])).toEqual([[first, "failed", { after: "deadline" }]]);
        expect(fired.deliveries.map((d) => [d.parent, d.act])).toEqual([[first + 1, 0]]);
        expect(await where(store, first + 1)).toBe("running");
      }
    });

    it("a deadline closes what below it unwinds already: its time to undo is over as well", async (store) => {
      const task = root(1, { claim: 7, terms: terms({ deadlineAt: now + 10 }) });
      const below = child(2, task, 1, { claim: 7 });
      await store.commit(batch({ tasks: [task] }));
      await store.commit(batch({ acts: [actsOf(task, 1, { children: [below], unwinds: true })] }));
      await store.commit(batch({ acts: [actsOf(below, 1, { unwinds: true, armed: true })] }));
      const told = await store.commit(batch({ cancels: [{ task: 1, reason: "stop" }], cancelSlice: 10 }));
      expect(told.deliveries.map((d) => d.parent)).toEqual([1, 2]);
      const fired = await store.commit(batch({ now: now + 10, dueSlice: 10, cancelSlice: 10 }));
      expect(fired.closed.map((c) => [c.task, c.status])).toEqual([
        [1, "failed"],
        [2, "canceled"],
      ]);
    });

    it("a ttl closes what was never begun: in ready and in delayed", async (store) => {
      await store.commit(
        batch({
          tasks: [
            root(1, { terms: terms({ ttlAt: now + 10 }) }),
            root(2, { dueAt: now + 10, terms: terms({ ttlAt: now + 10 }) }),
          ],
        }),
      );
      const fired = await store.commit(batch({ now: now + 10, dueSlice: 10, claims: [claimOf(root(1))] }));
      expect(fired.closed.map((c) => [c.task, c.was])).toEqual([
        [1, "ready"],
        [2, "delayed"],
      ]);
      expect(fired).toMatchObject({ due: [], unclaimed: [{ task: 1 }], nextDueAt: null });
      expect(await store.runs.outcome(2)).toMatchObject({ error: { details: { after: "ttl" } }, attempt: 0 });
    });

    it("a ttl and a deadline that have passed together close a run once, and leave nothing to do", async (store) => {
      await store.commit(batch({ tasks: [root(1, { dueAt: now, terms: terms({ deadlineAt: now + 10, ttlAt: now }) })] }));
      const r = await store.commit(batch({ now: now + 12, dueSlice: 100 }));
      expect(r.closed).toMatchObject([{ task: 1, status: "failed" }]);
      expect([r.moreCancels, r.nextDueAt]).toEqual([false, null]);
    });

    it("a ttl leaves alone what was begun: running, waiting for its next attempt, or ready again", async (store) => {
      const tasks = [1, 2, 3].map((id) => root(id, { terms: terms({ ttlAt: now + 10 }) }));
      await store.commit(batch({ tasks }));
      await store.commit(batch({ claims: tasks.map((t) => claimOf(t)) }));
      const again = { attempt: 1, crashes: 0, alone: false };
      await store.commit(
        batch({
          requeues: [
            requeueOf(tasks[1] as never, 1, { to: "delayed", dueAt: now + 50, ...again }),
            requeueOf(tasks[2] as never, 1, { to: "ready", ...again }),
          ],
        }),
      );
      const fired = await store.commit(batch({ now: now + 10, dueSlice: 10 }));
      expect(fired).toMatchObject({ closed: [], nextDueAt: now + 50 });
      expect(await Promise.all(tasks.map((t) => where(store, t.id)))).toEqual(["running", "delayed", "ready"]);
    });

    it("a run that has ended takes its instants with it; one that was claimed at once has no ttl", async (store) => {
      const both = terms({ deadlineAt: now + 10, ttlAt: now + 20 });
      const tasks = [root(1, { claim: 7, terms: both }), root(2, { terms: both })];
      await store.commit(batch({ tasks }));
      const ended = await store.commit(
        batch({
          settles: [settleOf(tasks[0] as never, 1, { expires: true })],
          cancels: [{ task: 2, reason: "x" }],
          dueSlice: 10,
        }),
      );
      expect(ended.nextDueAt).toBeNull();
      const eager = root(3, { claim: 7, terms: terms({ ttlAt: now + 30 }) });
      expect((await store.commit(batch({ tasks: [eager] }))).closed).toEqual([]);
      expect((await store.commit(batch({ dueSlice: 10 }))).nextDueAt).toBeNull();
    });

    it("only so many at once", async (store) => {
      await store.commit(batch({ tasks: [1, 2, 3].map((id) => root(id, { terms: terms({ ttlAt: now + id }) })) }));
      const fired = await store.commit(batch({ now: now + 10, dueSlice: 2 }));
      expect(fired.closed.map((c) => c.task)).toEqual([1, 2]);
      expect(fired.nextDueAt).toBe(now + 3);
    });
  });
}
