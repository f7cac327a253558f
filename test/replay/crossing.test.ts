// What a worker says while the opposite is on its way to it.
import { expect, test } from "vitest";
import type { Assignment, Delivery } from "../../src/protocol/worker.ts";
import { card, openWorld, type TestWorker, type World } from "../orchestrator/world.ts";

const flow = card("flow", { kind: "workflow" });
const work = card("work");

async function begun(world: World): Promise<{ worker: TestWorker; run: string; task: Assignment }> {
  const worker = world.worker({ definitions: [flow, work] });
  const { id } = await world.start("flow");
  await world.turn();
  return { worker, run: id, task: worker.assigned[0] as Assignment };
}
const timer = (act: number, askedAfter = 0) => ({
  kind: "timer" as const,
  act,
  key: `t${act}`,
  inputHash: "h",
  askedAfter,
  until: { delayMs: 1_000 },
});
/** All that an attempt was told had settled, its assignment's first page included. */
const toldTo = (worker: TestWorker, task: Assignment): Delivery[] => [
  ...task.deliveries,
  ...worker
    .of("deliver")
    .filter((m) => m.fence.leaseNo === task.fence.leaseNo && m.fence.task === task.fence.task)
    .flatMap((m) => m.deliveries),
];

test("a cancel that meets continueAs is learned by the next execution", async () => {
  await using world = await openWorld();
  const { worker, run, task } = await begun(world);
  worker.say({ t: "acts", fence: task.fence, acts: [timer(1), { kind: "wait", seen: 0 }] });
  await world.turn();
  await world.orchestrator.cancel(run, "enough");
  await world.turn();
  // Its code had said this before the cancel reached it.
  worker.say({ t: "settle", fence: task.fence, result: { status: "continued", input: "2", seen: 0 }, spent: null });
  await world.turn();
  const next = worker.assigned.at(-1) as Assignment;
  expect(next).toMatchObject({ input: "2", journal: [] });
  expect(toldTo(worker, next)).toMatchObject([{ act: 0, status: "canceled", seq: (next.baseSeq ?? 0) + 1 }]);
});

// Not so yet: the wait that took it dies with its execution, and nobody ever gets the message.
test("a message that meets continueAs is for the next execution", async () => {
  await using world = await openWorld();
  const { worker, run, task } = await begun(world);
  const asked = { kind: "message" as const, act: 1, key: "m", inputHash: "h", askedAfter: 0, name: "note", timeoutMs: null };
  worker.say({ t: "acts", fence: task.fence, acts: [asked, { kind: "wait", seen: 0 }] });
  await world.turn();
  await world.orchestrator.send(run, { name: "note", value: "7" });
  // Its code had said this before the message reached it.
  worker.say({ t: "settle", fence: task.fence, result: { status: "continued", input: "2", seen: 0 }, spent: null });
  await world.turn();
  const next = worker.assigned.at(-1) as Assignment;
  worker.say({
    t: "acts",
    fence: next.fence,
    acts: [
      { ...asked, act: 2, askedAfter: next.baseSeq ?? 0 },
      { kind: "wait", seen: next.baseSeq ?? 0 },
    ],
  });
  await world.turn();
  expect(toldTo(worker, next)).toMatchObject([{ act: 2, value: "7" }]);
});

test("a child that was refused and that nobody awaits does not keep its parent from coming back", async () => {
  await using world = await openWorld();
  const { worker, task } = await begun(world);
  const child = { kind: "child" as const, act: 1, key: "c", inputHash: "h", askedAfter: 0, definition: "nobody", input: "{}" };
  worker.say({
    t: "acts",
    fence: task.fence,
    acts: [{ ...child, ifNoWorker: "fail", detached: true }, timer(2), { kind: "wait", seen: 0 }],
  });
  await world.turn();
  worker.attachment.lost("gone", { observed: false });
  const other = world.worker({ definitions: [flow, work] });
  await world.turn();
  world.clock.advance(1_000);
  await world.turn();
  const again = other.assigned.at(-1);
  expect(again?.journal.map((row) => row.act)).toEqual([1, 2]);
  expect(toldTo(other, again as Assignment).map((d) => d.act)).toContain(2);
});

test("a question that meets a task leaving memory is answered by its next attempt", async () => {
  await using world = await openWorld();
  const { worker, run, task } = await begun(world);
  worker.say({ t: "acts", fence: task.fence, acts: [timer(1), { kind: "wait", seen: 0 }] });
  await world.turn();
  worker.say({ t: "acts", fence: task.fence, acts: [{ kind: "wait", seen: 0, park: true }] });
  const answer = world.orchestrator.query(run, "state");
  await world.turn();
  expect(worker.of("parked")).toHaveLength(1);
  const again = worker.assigned.at(-1) as Assignment;
  expect(again.fence.leaseNo).toBe(2);
  const question = worker.of("query").at(-1);
  worker.say({ t: "answer", fence: again.fence, request: question?.request as number, value: '"here"', error: null });
  expect(await answer).toBe('"here"');
});

test("what settles in the batch that parks a task brings it back", async () => {
  await using world = await openWorld();
  const { worker, run, task } = await begun(world);
  const asked = { kind: "message" as const, act: 1, key: "m", inputHash: "h", askedAfter: 0, name: "note", timeoutMs: null };
  worker.say({ t: "acts", fence: task.fence, acts: [asked, { kind: "wait", seen: 0 }] });
  await world.turn();
  worker.say({ t: "acts", fence: task.fence, acts: [{ kind: "wait", seen: 0, park: true }] });
  await world.orchestrator.send(run, { name: "note", value: "7" });
  await world.turn();
  const again = worker.assigned.at(-1) as Assignment;
  expect(toldTo(worker, again)).toMatchObject([{ act: 1, value: "7" }]);
});

test("a task is not parked over what settled earlier in the same batch: its own cancel of a wait", async () => {
  await using world = await openWorld();
  const { worker, task } = await begun(world);
  worker.say({ t: "acts", fence: task.fence, acts: [timer(1), timer(2), { kind: "wait", seen: 0 }] });
  await world.turn();
  worker.say({ t: "acts", fence: task.fence, acts: [{ kind: "cancel", act: 2, reason: "enough" }] });
  worker.say({
    t: "acts",
    fence: task.fence,
    acts: [
      { kind: "wait", seen: 0 },
      { kind: "wait", seen: 0, park: true },
    ],
  });
  await world.turn();
  expect(toldTo(worker, worker.assigned.at(-1) as Assignment)).toMatchObject([{ seq: 1, act: 2, status: "canceled" }]);
});

/** A task waits for a message and for its child; in one batch the child sends it and the task says that it is idle. */
async function metByMessage(world: World, o: { park: boolean }): Promise<{ worker: TestWorker; task: Assignment }> {
  const { worker, task } = await begun(world);
  const asked = { kind: "message" as const, act: 1, key: "m", inputHash: "h", askedAfter: 0, name: "note", timeoutMs: null };
  const child = { kind: "child" as const, act: 2, key: "c", inputHash: "h", askedAfter: 0, definition: "flow", input: "{}" };
  worker.say({ t: "acts", fence: task.fence, acts: [asked, child, { kind: "wait", seen: 0 }] });
  await world.turn();
  const kid = worker.assigned.at(-1) as Assignment;
  const to = { task: task.publicId };
  const send = { kind: "send" as const, act: 1, key: "s", inputHash: "h", askedAfter: 0, to, name: "note", value: "7" };
  worker.say({ t: "acts", fence: kid.fence, acts: [send, timer(2), { kind: "wait", seen: 0 }] });
  const idle = { kind: "wait" as const, seen: 0 };
  worker.say({ t: "acts", fence: task.fence, acts: [o.park ? { ...idle, park: true } : idle] });
  await world.turn();
  return { worker, task };
}

test("a task is not parked over what settled earlier in the same batch: another task's message", async () => {
  await using world = await openWorld();
  const { worker, task } = await metByMessage(world, { park: true });
  const last = worker.assigned.findLast((a) => a.fence.task === task.fence.task) as Assignment;
  expect(toldTo(worker, last)).toMatchObject([{ act: 1, value: "7" }]);
});

test("and it is not taken for idle when its worker is lost then", async () => {
  await using world = await openWorld();
  const { worker, task } = await metByMessage(world, { park: false });
  worker.attachment.lost("gone", { observed: false });
  const other = world.worker({ definitions: [flow, work] });
  await world.turn();
  const again = other.assigned.find((a) => a.fence.task === task.fence.task) as Assignment;
  expect(toldTo(other, again)).toMatchObject([{ act: 1, value: "7" }]);
});

test("a worker that dies after it has asked to be rid of a task", async () => {
  await using world = await openWorld();
  const { worker, run, task } = await begun(world);
  worker.say({ t: "acts", fence: task.fence, acts: [timer(1), { kind: "wait", seen: 0 }] });
  await world.turn();
  worker.say({ t: "acts", fence: task.fence, acts: [{ kind: "wait", seen: 0, park: true }] });
  worker.die();
  await world.turn();
  const other = world.worker({ definitions: [flow, work] });
  await world.turn();
  expect(other.assigned, "it waits in nobody's memory").toEqual([]);
  await world.orchestrator.cancel(run, "enough");
  await world.turn();
  expect(toldTo(other, other.assigned[0] as Assignment)).toMatchObject([{ act: 0 }]);
});

test("a message that meets the cancel of its wait is the next wait's", async () => {
  await using world = await openWorld();
  const { worker, run, task } = await begun(world);
  const asked = { kind: "message" as const, key: "m", inputHash: "h", name: "note", timeoutMs: null };
  worker.say({
    t: "acts",
    fence: task.fence,
    acts: [
      { ...asked, act: 1, askedAfter: 0 },
      { kind: "wait", seen: 0 },
    ],
  });
  await world.turn();
  await world.orchestrator.send(run, { name: "note", value: "7" });
  // Its code had left the wait, and asked anew, before the message reached it.
  worker.say({
    t: "acts",
    fence: task.fence,
    acts: [
      { kind: "cancel", act: 1, reason: "it lost a race" },
      { ...asked, act: 2, key: "m#2", askedAfter: 0 },
      { kind: "wait", seen: 0 },
    ],
  });
  await world.turn();
  expect(toldTo(worker, task)).toMatchObject([
    { act: 1, value: "7" },
    { act: 2, value: "7" },
  ]);
});
