// Two orchestrators on one store: what becomes of attempts and waits when the store's answers are lost on their way.
import { expect, test } from "vitest";
import type { Fence, ToWorker } from "../../src/protocol/worker.ts";
import type { Store } from "../../src/store/contract.ts";
import type { SharedStore } from "../../src/store/shared.ts";
import { emptyDisk } from "../store/model/disk.ts";
import { openSharedModel, type Sharing } from "../store/model/shared.ts";
import { SignalHub } from "../store/model/signals.ts";
import { card, openWorld, type World } from "./world.ts";

function sharing(): Sharing {
  return {
    disk: emptyDisk(),
    leaseMs: 20_000,
    now: () => 1_700_000_000_000,
    hub: new SignalHub((_, say) => queueMicrotask(say)),
  };
}
/** Its adoptions are done, and what they say is lost so often. */
function losing(store: Store, times: number): Store {
  const shared = store.shared as SharedStore;
  let left = times;
  return {
    ...store,
    shared: {
      ...shared,
      adopt: async (p) => {
        const adopted = await shared.adopt(p);
        if (left-- > 0) throw new Error("the connection is gone");
        return adopted;
      },
    },
  };
}
const hello = {
  t: "hello",
  protocol: 1,
  name: "traveler",
  pid: 1,
  isolation: "remote",
  slots: 2,
  offers: [],
  build: "b",
  definitions: [card("work")],
} as const;

/** A worker that executes that attempt comes to an orchestrator. */
function comes(world: World, fence: Fence, namespace: number | null = null) {
  const sent: ToWorker[] = [];
  const attachment = world.orchestrator.attach({ send: (m) => void sent.push(m), kill: () => {} }, hello, {
    namespace,
    inventory: { worker: "w_before", held: [{ fence, definition: "work", acts: 0, seq: 0, finished: false }] },
  });
  return { sent, attachment, of: <T extends ToWorker["t"]>(t: T) => sent.filter((m) => m.t === t) };
}

test("an attempt is taken over once when the answer to the first try is lost, and its worker is given nothing before", async () => {
  const s = sharing();
  await using a = await openWorld({ store: openSharedModel(s) });
  await using b = await openWorld({ store: losing(openSharedModel(s), 1) });
  const first = a.worker({ slots: 1 });
  const { id } = await a.start("work");
  await a.turn();
  const { fence } = first.assigned[0] as { fence: Fence };
  const traveler = comes(b, fence);
  await b.turn();
  // Nobody else is there for the next one.
  first.die();
  await a.turn();
  await b.start("work");
  await b.turn();
  expect(traveler.of("assign"), "what it brought along may take all its slots").toEqual([]);
  b.clock.advance(500);
  await b.turn();
  expect(traveler.of("adopted")).toMatchObject([{ fence, next: { task: fence.task, leaseNo: 2 } }]);
  expect(traveler.of("cancel")).toEqual([]);
  expect(traveler.of("assign")).toHaveLength(1);
  expect(await b.orchestrator.task(id)).toMatchObject({ state: "running" });
  traveler.attachment.lost("its link was lost", { observed: false });
  await b.turn();
});

test("a worker that is gone again before the answer comes leaves its task to others", async () => {
  const s = sharing();
  await using a = await openWorld({ store: openSharedModel(s) });
  await using b = await openWorld({ store: losing(openSharedModel(s), 1) });
  const first = a.worker({ slots: 1 });
  const { id } = await a.start("work");
  await a.turn();
  const { fence } = first.assigned[0] as { fence: Fence };
  const traveler = comes(b, fence);
  await b.turn();
  first.die();
  await a.turn();
  traveler.attachment.lost("its link was lost", { observed: false });
  await b.turn();
  b.clock.advance(500);
  await b.turn();
  expect(await b.orchestrator.task(id)).toMatchObject({ state: "ready", crashes: 0 });
  const next = b.worker();
  await b.turn();
  expect(next.assigned).toMatchObject([{ fence: { task: fence.task, leaseNo: 3 } }]);
});

test("a worker of another namespace takes over nothing, whatever fence it names", async () => {
  const s = sharing();
  await using a = await openWorld({ store: openSharedModel(s) });
  await using b = await openWorld({ store: openSharedModel(s) });
  const holder = a.worker({ slots: 1 });
  const { id } = await a.start("work");
  await a.turn();
  const { fence } = holder.assigned[0] as { fence: Fence };
  const other = await b.orchestrator.access.internNamespace("other");
  // Of the same orchestrator, and of another one.
  for (const world of [a, b]) {
    const stranger = comes(world, fence, other.id);
    await world.turn();
    expect(stranger.of("adopted")).toEqual([]);
    expect(stranger.of("cancel")).toMatchObject([{ fence }]);
    stranger.attachment.receive({ t: "settle", fence, result: { status: "succeeded", value: "666" }, spent: null });
    stranger.attachment.lost("its link was lost", { observed: false });
    await world.turn();
  }
  holder.succeed(holder.assigned[0] as (typeof holder.assigned)[number], 7);
  await a.turn();
  expect(await a.orchestrator.outcome(id)).toMatchObject({ status: "succeeded", value: "7" });
});

/** Two on one store; `sweptByA` ends the life of the other one, which has not heard of it yet. */
async function silenced(wrap: (store: Store) => Store = (store) => store) {
  const s = sharing();
  let now = s.now();
  const shared = { ...s, now: () => now };
  const a = await openWorld({ store: openSharedModel(shared) });
  const b = await openWorld({ store: wrap(openSharedModel(shared)) });
  return {
    a,
    b,
    lives: async () => (await (a.store.shared as SharedStore).lives()).length,
    async sweptByA() {
      now += s.leaseMs + 1;
      a.clock.advance(2_500);
      await a.turn();
    },
    async [Symbol.asyncDispose]() {
      await b[Symbol.asyncDispose]();
      await a[Symbol.asyncDispose]();
    },
  };
}

test("one that was taken for dead, and has begun anew, is still told at once what others do", async () => {
  await using w = await silenced();
  const worker = w.b.worker();
  await w.b.turn();
  await w.sweptByA();
  await expect(w.b.start("work")).rejects.toMatchObject({ code: "FLOTILLA_LIFE_OVER" });
  w.b.clock.advance(1_000);
  await w.b.turn();
  const { id } = await w.b.start("work");
  await w.b.turn();
  expect(worker.assigned).toHaveLength(1);
  await w.a.orchestrator.cancel(id, "enough");
  await w.b.turn();
  // Its clock stands still: no look was due.
  expect(worker.of("cancel")).toHaveLength(1);
});

test("what a late answer says of a life that is over ends no later one", async () => {
  const gate = Promise.withResolvers<void>();
  let held = false;
  const late = (store: Store): Store => {
    const shared = store.shared as SharedStore;
    const beat: SharedStore["beat"] = async (p) => {
      const said = await shared.beat(p);
      if (!said.alive) {
        held = true;
        await gate.promise;
      }
      return said;
    };
    return { ...store, shared: { ...shared, beat } };
  };
  await using w = await silenced(late);
  const worker = w.b.worker();
  await w.b.turn();
  await w.sweptByA();
  w.b.clock.advance(9_000);
  await w.b.turn();
  expect(held).toBe(true);
  await expect(w.b.start("work")).rejects.toMatchObject({ code: "FLOTILLA_LIFE_OVER" });
  w.b.clock.advance(1_000);
  await w.b.turn();
  await w.b.start("work");
  await w.b.turn();
  gate.resolve();
  await w.b.turn();
  expect(await w.lives()).toBe(2);
  expect(worker.of("cancel")).toEqual([]);
});

test("a question about a workflow that was parked reaches it at whichever orchestrator it goes on", async () => {
  const s = sharing();
  await using a = await openWorld({ store: openSharedModel(s) });
  await using b = await openWorld({ store: openSharedModel(s) });
  // Nobody at `a` has its code.
  const worker = b.worker({ definitions: [card("flow", { kind: "workflow" })] });
  const { id } = await b.start("flow");
  await b.turn();
  const { fence } = worker.assigned[0] as { fence: Fence };
  const asked = { key: "m", inputHash: "h", askedAfter: 0 };
  worker.say({
    t: "acts",
    fence,
    acts: [
      { kind: "message", act: 1, name: "go", timeoutMs: null, ...asked },
      { kind: "wait", seen: 0, park: true },
    ],
  });
  await b.turn();
  expect(worker.of("parked")).toHaveLength(1);
  const answer = a.orchestrator.query(id, "progress");
  await a.turn();
  await b.turn();
  expect(worker.assigned).toHaveLength(2);
  a.clock.advance(400);
  await a.turn();
  await b.turn();
  const question = worker.of("query")[0] as Extract<ToWorker, { t: "query" }>;
  worker.say({ t: "answer", fence: question.fence, request: question.request, value: '"half"', error: null });
  await b.turn();
  await a.turn();
  expect(await answer).toBe('"half"');
  expect(worker.of("query")).toHaveLength(1);
});

test("an end that cannot be read when it is told of is told when it can be", async () => {
  const s = sharing();
  await using a = await openWorld({ store: openSharedModel(s) });
  const plain = openSharedModel(s);
  let broken = 0;
  const outcome: Store["runs"]["outcome"] = async (id) => {
    if (broken-- > 0) throw new Error("the connection is gone");
    return plain.runs.outcome(id);
  };
  await using b = await openWorld({ store: { ...plain, runs: { ...plain.runs, outcome } } });
  const worker = a.worker();
  const { id } = await a.start("work");
  await a.turn();
  const end = b.orchestrator.outcome(id);
  await b.turn();
  broken = 1;
  worker.succeed(worker.assigned[0] as (typeof worker.assigned)[number], 7);
  await a.turn();
  await b.turn();
  expect(broken).toBeLessThanOrEqual(0);
  b.clock.advance(400);
  await b.turn();
  expect(await end).toMatchObject({ status: "succeeded", value: "7" });
});
