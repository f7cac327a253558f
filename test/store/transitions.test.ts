// Whatever happens to tasks, in whatever order: none takes a step that the table in core/task.ts does not have.
import fc from "fast-check";
import { expect, test } from "vitest";
import { closedStates, transitions, type TaskState } from "../../src/core/task.ts";
import { stateOf } from "../../src/orchestrator/queries.ts";
import type { NewTask, Store, Whereabouts } from "../../src/store/contract.ts";
import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import { openModelStore } from "./model/open.ts";
import { actsOf, batch, begin, child, claimOf, now, requeueOf, root, settleOf } from "./rows.ts";

type Op =
  | "claim"
  | "succeed"
  | "fail"
  | "ready"
  | "delay"
  | "hold"
  | "due"
  | "expire"
  | "release"
  | "cancel"
  | "wait"
  | "wake"
  | "ask"
  | "stale";
const ops: readonly Op[] = [
  "claim",
  "succeed",
  "fail",
  "ready",
  "delay",
  "hold",
  "due",
  "expire",
  "release",
  "cancel",
  "wait",
  "wake",
  "ask",
  "stale",
];

/** Does it, as far as the task is where the op needs it. */
async function act(store: Store, t: NewTask, op: Op, where: Whereabouts, fresh: () => number): Promise<NewTask | undefined> {
  const lease = where.in === "outcome" ? 0 : where.leaseNo;
  switch (op) {
    case "claim":
      if (where.in === "ready") await store.commit(batch({ claims: [claimOf(t, { leaseNo: lease, attempt: where.attempt })] }));
      return undefined;
    case "succeed":
    case "fail":
      await store.commit(
        batch({ settles: [settleOf(t, lease, { status: op === "fail" ? "failed" : "succeeded" })], cancelSlice: 100 }),
      );
      return undefined;
    case "stale":
      await store.commit(
        batch({
          settles: [settleOf(t, lease + 1)],
          requeues: [requeueOf(t, lease - 1, { to: "ready", attempt: 0, crashes: 0, alone: false })],
        }),
      );
      return undefined;
    case "ready":
      await store.commit(batch({ requeues: [requeueOf(t, lease, { to: "ready", attempt: 0, crashes: 1, alone: false })] }));
      return undefined;
    case "delay":
      await store.commit(
        batch({ requeues: [requeueOf(t, lease, { to: "delayed", dueAt: now + 5, attempt: 1, crashes: 0, alone: false })] }),
      );
      return undefined;
    case "hold":
      await store.commit(
        batch({ requeues: [requeueOf(t, lease, { to: "held", reason: "HISTORY_MISMATCH", attempt: 0, crashes: 0 })] }),
      );
      return undefined;
    case "due":
      await store.commit(batch({ now: now + 10, dueSlice: 100 }));
      return undefined;
    case "expire":
      await store.commit(batch({ now: now + 20, dueSlice: 100, cancelSlice: 100 }));
      return undefined;
    case "release":
      await store.catalogue.release({ boot: 1, now });
      return undefined;
    case "cancel":
      await store.commit(batch({ cancels: [{ task: t.id, reason: "x" }], cancelSlice: 100 }));
      return undefined;
    case "wait":
    case "wake":
      await store.commit(batch({ acts: [actsOf(t, lease, { armed: op === "wait" })] }));
      return undefined;
    case "ask": {
      if (where.in !== "running" || t.parent !== null) return undefined;
      const id = fresh();
      const kid = child(id, t, id);
      await store.commit(batch({ acts: [actsOf(t, lease, { children: [kid] })] }));
      return kid;
    }
  }
}

const openers = [
  { store: "sqlite", open: () => openSqliteStore({ path: ":memory:" }) },
  { store: "model", open: () => openModelStore() },
];
test.each(openers)("$store: no task leaves the table of states, and an outcome never changes", async ({ open }) => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.nat(5), fc.constantFrom(...ops)), { maxLength: 40 }), async (steps) => {
      const store = open();
      await begin(store);
      const tasks: NewTask[] = [
        root(1),
        root(2, { claim: 7 }),
        root(3, { dueAt: now + 5 }),
        root(4, { terms: { deadlineAt: now + 20, ttlAt: null, schedule: null } }),
        root(5, { dueAt: now + 5, terms: { deadlineAt: null, ttlAt: now + 15, schedule: null } }),
      ];
      await store.commit(batch({ tasks }));
      let next = 6;
      const states = new Map<number, TaskState>();
      const look = async () => {
        for (const t of tasks) {
          const where = await store.tasks.where(t.id);
          expect(where).not.toBeNull();
          const state = stateOf(where);
          const before = states.get(t.id);
          const step = before === undefined || before === state || transitions[before].includes(state);
          expect(step ? "" : `${before} -> ${state}`).toBe("");
          states.set(t.id, state);
        }
      };
      await look();
      for (const [n, op] of steps) {
        const t = tasks[n % tasks.length] as NewTask;
        const kid = await act(store, t, op, (await store.tasks.where(t.id)) as Whereabouts, () => next++);
        if (kid) tasks.push(kid);
        await look();
      }
      const closed = (id: number) => (closedStates as readonly string[]).includes(states.get(id) as string);
      const orphans = tasks.filter((t) => t.parent !== null && closed(t.parent) && !closed(t.id));
      expect(orphans).toEqual([]);
      await store.close();
    }),
    { numRuns: 150 },
  );
});
