// Workflows that wait, seen from the orchestrator: what becomes of their timeouts, cancels and questions.
import { expect, test } from "vitest";
import { FlotillaError, isFlotillaError } from "../../src/core/error.ts";
import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import type { Act, Assignment } from "../../src/protocol/worker.ts";
import { card, openWorld, type TestWorker, type World } from "./world.ts";

const graceMs = 5_000;
const definitions = [
  card("flow", { kind: "workflow" }),
  card("timed", { kind: "workflow", timeoutMs: 60_000 }),
  card("work", { retry: { attempts: 1, backoff: "fixed", fromMs: 1, toMs: 1 } }),
];
const message: Act = { kind: "message", act: 1, key: "m", inputHash: "h", askedAfter: 0, name: "go", timeoutMs: null };

/** A workflow that waits for a message, idle in its worker's memory. */
async function idle(world: World, name: string, worker: TestWorker): Promise<{ id: string; task: Assignment }> {
  const { id } = await world.start(name);
  await world.turn();
  const task = worker.assigned.at(-1) as Assignment;
  worker.say({ t: "acts", fence: task.fence, acts: [message, { kind: "wait", seen: 0 }] });
  await world.turn();
  return { id, task };
}

test("a workflow that waits keeps its timeout when its worker goes", async () => {
  await using world = await openWorld();
  const worker = world.worker({ definitions });
  const { id } = await idle(world, "timed", worker);
  expect(await world.orchestrator.task(id)).toMatchObject({ state: "waiting" });
  worker.attachment.lost("went", { observed: false });
  const next = world.worker({ definitions });
  await world.turn();
  expect(next.assigned).toHaveLength(1);
  world.clock.advance(60_000);
  await world.turn();
  expect((await world.orchestrator.task(id)).attempts.map((a) => a.outcome)).toContain("timeout");
});

test("a workflow that waits keeps its timeout in the next life", async () => {
  const store = openSqliteStore({ path: ":memory:" });
  await using first = await openWorld({ store });
  const { id } = await idle(first, "timed", first.worker({ definitions }));
  await using second = await openWorld({ store });
  const worker = second.worker({ definitions });
  await second.turn();
  expect(worker.assigned).toHaveLength(1);
  second.clock.advance(60_000);
  await second.turn();
  expect((await second.orchestrator.task(id)).attempts.map((a) => a.outcome)).toContain("timeout");
});

test("a canceled workflow that queues for a slot is not taken for blocked", async () => {
  await using world = await openWorld({ abortGraceMs: graceMs });
  const worker = world.worker({ definitions, slots: 1 });
  const { id, task } = await idle(world, "flow", worker);
  await world.start("work");
  await world.turn();
  await world.orchestrator.cancel(id, "stop");
  await world.turn();
  expect(worker.of("deliver")).toMatchObject([{ deliveries: [{ act: 0, error: { details: { by: "stop" } } }] }]);
  // It cannot speak: the one slot is taken for far longer than the grace.
  for (let i = 0; i < 10; i++) world.clock.advance(graceMs);
  await world.turn();
  expect(worker.of("cancel")).toEqual([]);
  worker.succeed(worker.assigned[1] as Assignment);
  await world.turn();
  // A look that falls between its slot and its first word is none.
  world.clock.advance(graceMs);
  await world.turn();
  expect(worker.of("cancel")).toEqual([]);
  // It has had a slot and said nothing for a whole grace.
  world.clock.advance(graceMs);
  await world.turn();
  expect(worker.of("cancel")).toMatchObject([{ fence: task.fence, reason: "stop" }]);
});

test("a canceled workflow that says nothing is closed, also when the store had no room at first", async () => {
  await using world = await openWorld({ abortGraceMs: graceMs });
  const worker = world.worker({ definitions });
  const { id } = await idle(world, "flow", worker);
  await world.orchestrator.cancel(id, "stop");
  await world.turn();
  world.commitFault = (b) => (b.cancels.length > 0 ? new FlotillaError("FLOTILLA_STORE_FULL", { path: "x" }) : undefined);
  world.clock.advance(graceMs);
  await world.turn();
  expect(worker.of("cancel")).toEqual([]);
  world.commitFault = undefined;
  for (let i = 0; i < 3; i++) {
    world.clock.advance(graceMs);
    await world.turn();
  }
  expect(worker.of("cancel")).toHaveLength(1);
  expect(await world.orchestrator.outcome(id)).toMatchObject({ status: "canceled" });
});

test("a question to a workflow that has not begun is asked when it begins", async () => {
  await using world = await openWorld();
  world.orchestrator.register(definitions);
  const { id } = await world.start("flow");
  const answer = world.orchestrator.query(id, "state");
  await world.turn();
  const worker = world.worker({ definitions });
  await world.turn();
  const [asked] = worker.of("query");
  expect(asked).toMatchObject({ name: "state" });
  const { fence, request } = asked as NonNullable<typeof asked>;
  worker.say({ t: "answer", fence, request, value: '"well"', error: null });
  expect(await answer).toBe('"well"');
});

test("a question that is open when the fleet closes is answered by that", async () => {
  const world = await openWorld();
  world.orchestrator.register(definitions);
  const { id } = await world.start("flow");
  const answer = world.orchestrator.query(id, "state").catch((e: unknown) => e);
  await world.turn();
  await world.orchestrator.close();
  expect(isFlotillaError(await answer, "FLOTILLA_CLOSED")).toBe(true);
});

test("a message that a child waits for is for the child, not for its run", async () => {
  await using world = await openWorld();
  const worker = world.worker({ definitions });
  const { id } = await world.start("flow");
  await world.turn();
  const root = worker.assigned[0] as Assignment;
  const ask: Act = { kind: "child", act: 1, key: "c", inputHash: "h", askedAfter: 0, definition: "flow", input: "{}" };
  worker.say({ t: "acts", fence: root.fence, acts: [ask, { kind: "wait", seen: 0 }] });
  await world.turn();
  const child = worker.assigned[1] as Assignment;
  worker.say({ t: "acts", fence: child.fence, acts: [message, { kind: "wait", seen: 0 }] });
  await world.turn();
  const of = (task: string) => world.orchestrator.explain(task);
  expect((await of(child.publicId)).fix).toEqual([`send it: flotilla runs send ${child.publicId} go VALUE`]);
  expect((await of(id)).reason).toBe("WAITING_CHILDREN");
});
