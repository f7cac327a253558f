// What a store keeps of builds, and where a task is that its code has bound to a lane: the same for every driver.
import { describe, expect, test } from "vitest";
import { drainKeptMs } from "../../src/store/builds.ts";
import type { Store } from "../../src/store/contract.ts";
import type { Exercise } from "./exercise-store.ts";
import { actsOf, batch, claimOf, now, requeueOf, root } from "./rows.ts";

const lanes = [
  { id: 1, definition: 1, needs: [], build: "" },
  { id: 2, definition: 1, needs: [], build: "c:one" },
  { id: 3, definition: 1, needs: [], build: "c:two" },
];

async function begin(store: Store): Promise<void> {
  await store.boot({ nonce: "n", pid: 1, now });
  await store.catalogue.defineAll({ boot: 1, definitions: [{ id: 1, namespace: 1, name: "flow", card: "{}" }], lanes });
}

const ready = async (store: Store) => (await store.queue.peek({ lanes: [1, 2, 3], limit: 10 })).map((r) => [r.lane, r.task]);
const step = { act: 1, key: "step:1", askedAfter: 0 };

export function exerciseBuilds(name: string, o: Exercise): void {
  const opened = (what: string, body: (store: Store) => Promise<void>) =>
    test(what, async () => {
      const store = await o.open();
      try {
        await begin(store);
        await body(store);
      } finally {
        await store.close();
      }
    });

  describe(`${name}: builds`, () => {
    opened("a task is in the lane that its first act has bound it to, wherever it is put back", async (store) => {
      const task = root(1, { claim: 7 });
      await store.commit(batch({ tasks: [task] }));
      await store.commit(batch({ acts: [actsOf(task, 1, { steps: [step], pin: 2 })] }));
      expect(await store.tasks.get([1])).toMatchObject([{ lane: 2 }]);
      const bound = { ...task, lane: 2 };
      await store.commit(
        batch({ requeues: [requeueOf(bound, 1, { to: "ready", attempt: 0, crashes: 0, alone: false }, { how: "lost" })] }),
      );
      expect(await ready(store)).toEqual([[2, 1]]);
      expect(await store.tasks.where(1)).toMatchObject({ in: "ready", leaseNo: 1 });
      await store.commit(batch({ claims: [claimOf(bound, { leaseNo: 1, worker: 8 })] }));
      await store.commit(batch({ acts: [actsOf(task, 2, { armed: true, park: true, lastAct: 1, seen: 0 })] }));
      expect((await store.commit(batch({ wakes: [1] }))).woken).toMatchObject([{ task: 1, lane: 2 }]);
      expect(await ready(store)).toEqual([[2, 1]]);
      const { closed } = await store.commit(batch({ cancels: [{ task: 1, reason: "enough" }], cancelSlice: 10 }));
      expect(closed).toMatchObject([{ task: 1, lane: 2, was: "ready" }]);
      expect(await ready(store)).toEqual([]);
    });

    opened("a fenced act binds nothing", async (store) => {
      const task = root(1, { claim: 7 });
      await store.commit(batch({ tasks: [task] }));
      const { fencedActs } = await store.commit(batch({ acts: [actsOf(task, 9, { steps: [step], pin: 2 })] }));
      expect(fencedActs).toHaveLength(1);
      expect(await store.tasks.get([1])).toMatchObject([{ lane: 1 }]);
    });

    opened("an attempt's end says where the task is from then on, when it is asked to", async (store) => {
      const tasks = [root(1, { claim: 7 }), root(2, { claim: 7 })];
      await store.commit(batch({ tasks }));
      await store.commit(batch({ acts: tasks.map((t) => actsOf(t, 1, { steps: [step], pin: 2 })) }));
      const again = { to: "continued", input: '{"again":true}', options: null, seen: 0 } as const;
      const result = await store.commit(
        batch({
          requeues: tasks.map((t, i) => requeueOf({ ...t, lane: i === 0 ? 1 : 2 }, 1, again, i === 0 ? { pin: true } : {})),
        }),
      );
      expect(result.woken.map((r) => [r.lane, r.task]).toSorted((a, b) => (a[1] ?? 0) - (b[1] ?? 0))).toEqual([
        [1, 1],
        [2, 2],
      ]);
      expect((await store.tasks.get([1, 2])).toSorted((a, b) => a.id - b.id)).toMatchObject([{ lane: 1 }, { lane: 2 }]);
    });

    opened("builds are kept in the order in which they came, whatever the clock says", async (store) => {
      const join = (id: number, build: string, at: number) =>
        store.catalogue.joined({ id, boot: 1, name: `w${id}`, pid: 1, build, now: at });
      await join(1, "b1", now);
      await join(2, "b2", now - 5_000);
      await join(3, "b1", now + 5_000);
      const { builds } = await store.builds.read();
      expect(builds.toSorted((a, b) => a.since - b.since)).toEqual([
        { name: "b1", since: now },
        { name: "b2", since: now + 1 },
      ]);
    });

    opened("drains are kept: a build's until it is resumed, a worker's for a day", async (store) => {
      const drain = (kind: "build" | "worker", of: string, park: boolean, at: number) =>
        store.builds.drain({ boot: 1, drain: { kind, name: of, park, at } });
      const drains = async () =>
        (await store.builds.read()).drains.toSorted((a, b) => (a.kind + a.name < b.kind + b.name ? -1 : 1));
      await drain("build", "b1", false, now);
      await drain("worker", "b1", true, now);
      await drain("build", "b1", true, now + 1);
      expect(await drains()).toEqual([
        { kind: "build", name: "b1", park: true, at: now + 1 },
        { kind: "worker", name: "b1", park: true, at: now },
      ]);
      await drain("worker", "w2", false, now + drainKeptMs + 1);
      expect((await drains()).map((d) => d.name)).toEqual(["b1", "w2"]);
      expect(await store.builds.resume({ boot: 1, build: "b1" })).toBe(true);
      expect(await store.builds.resume({ boot: 1, build: "b1" })).toBe(false);
      expect(await store.builds.resume({ boot: 1, build: "w2" })).toBe(false);
      expect((await drains()).map((d) => d.name)).toEqual(["w2"]);
    });

    opened("what is unfinished in a lane is found in every place", async (store) => {
      const task = root(1, { lane: 2, claim: 7 });
      const unfinished = () => store.builds.unfinished([2, 3]);
      expect(await unfinished()).toBe(false);
      await store.commit(batch({ tasks: [task, root(2)] }));
      expect(await unfinished()).toBe(true);
      const standing = { attempt: 0, crashes: 0 };
      const moves = [
        { to: "ready", ...standing, alone: false },
        { to: "held", ...standing, reason: "VALUE_MISSING" },
        { to: "delayed", ...standing, alone: false, dueAt: now + 1 },
      ] as const;
      for (const [i, next] of moves.entries()) {
        await store.commit(batch({ requeues: [requeueOf(task, i + 1, next, { how: "lost" })] }));
        expect(await store.tasks.where(1)).toMatchObject({ in: next.to });
        expect(await unfinished()).toBe(true);
        if (next.to === "held") await store.catalogue.release({ boot: 1, now });
        if (next.to === "delayed") await store.commit(batch({ now: now + 1, dueSlice: 10 }));
        await store.commit(batch({ claims: [claimOf(task, { leaseNo: i + 1, worker: 7 })] }));
      }
      await store.commit(batch({ acts: [actsOf(task, 4, { armed: true, park: true, lastAct: 1, seen: 0 })] }));
      expect(await store.tasks.where(1)).toMatchObject({ in: "parked" });
      expect(await unfinished()).toBe(true);
      await store.commit(batch({ cancels: [{ task: 1, reason: "enough" }], cancelSlice: 10 }));
      expect(await unfinished()).toBe(false);
      expect(await store.builds.unfinished([])).toBe(false);
    });
  });
}
