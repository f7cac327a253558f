// Workers that answer pings but have lost what was said to them, or what they said; and the orchestrator's own sleep.
import { describe, expect, test } from "vitest";
import { openWorld, type TestWorker, type World } from "./world.ts";

/** A second passes, and the worker answers the ping of its end, if there is one. */
async function second(world: World, worker: TestWorker, holds: number): Promise<void> {
  const pings = worker.of("ping").length;
  world.clock.advance(1_000);
  const ping = worker.of("ping")[pings];
  if (ping) worker.say({ t: "pong", n: ping.n, holds });
  await world.turn();
}

describe("a deaf worker", () => {
  test("that answers pings and never heard its assignment is ended, and the task moves without a charge", async () => {
    await using world = await openWorld();
    const deaf = world.worker({ slots: 1 });
    const { id } = await world.start("work");
    await world.turn();
    expect(deaf.assigned).toHaveLength(1);
    for (let s = 0; s < 2; s++) await second(world, deaf, 0);
    expect(deaf.killed, "one short answer may cross a report").toEqual([]);
    await second(world, deaf, 0);
    expect(deaf.killed).toEqual([expect.stringContaining("knows nothing of 1 of the tasks") as string]);
    deaf.die();
    await world.turn();
    expect(await world.orchestrator.task(id)).toMatchObject({ state: "ready", crashes: 0, attempts: [{ outcome: "lost" }] });
    const other = world.worker();
    await world.turn();
    expect(other.assigned).toMatchObject([{ fence: { leaseNo: 2 }, attempt: 1 }]);
  });

  test("that lost one of several, while others come and go, is found too", async () => {
    await using world = await openWorld();
    const worker = world.worker({ slots: 3 });
    await Promise.all([world.start("work"), world.start("work"), world.start("work")]);
    await world.turn();
    const [lost] = worker.assigned;
    for (let s = 0; s < 3; s++) {
      expect(worker.killed).toEqual([]);
      // It holds all but the lost one, and finishes one of them after its answer.
      await second(world, worker, 2);
      const open = worker.assigned.findLast((a) => a !== lost);
      await world.start("work");
      worker.succeed(open as never);
      await world.turn();
    }
    expect(worker.killed).toHaveLength(1);
  });

  test("whose result was lost on its way is found by the same count", async () => {
    await using world = await openWorld();
    const mute = world.worker({ slots: 1 });
    await world.start("work");
    await world.turn();
    await second(world, mute, 1);
    // It has finished: what it said never came.
    for (let s = 0; s < 3; s++) await second(world, mute, 0);
    expect(mute.killed).toHaveLength(1);
  });
});

describe("a healthy worker", () => {
  test("that holds what it was given, or more, stays", async () => {
    await using world = await openWorld();
    const worker = world.worker({ slots: 2 });
    const { id } = await world.start("work");
    await world.turn();
    for (let s = 0; s < 5; s++) await second(world, worker, 1);
    // The code of a canceled attempt goes on there.
    await world.orchestrator.cancel(id, "enough");
    for (let s = 0; s < 3; s++) await second(world, worker, 1);
    expect(worker.killed).toEqual([]);
  });

  test("is not asked for what came after the ping", async () => {
    await using world = await openWorld();
    const worker = world.worker({ slots: 8 });
    for (let s = 0; s < 6; s++) {
      const pings = worker.of("ping").length;
      world.clock.advance(1_000);
      const ping = worker.of("ping")[pings];
      await world.start("work");
      await world.turn();
      // The answer was on its way when the assignment left.
      worker.say({ t: "pong", n: ping?.n as number, holds: s });
      await world.turn();
    }
    expect(worker.killed).toEqual([]);
  });

  test("that catches up within its patience stays", async () => {
    await using world = await openWorld();
    const worker = world.worker({ slots: 1 });
    await world.start("work");
    await world.turn();
    for (const holds of [0, 0, 1, 0, 0, 1]) await second(world, worker, holds);
    expect(worker.killed).toEqual([]);
  });
});

test("time in which the orchestrator itself stood still is nobody's silence", async () => {
  await using world = await openWorld({ blockedMs: 3_000 });
  const worker = world.worker();
  world.clock.advance(1_000);
  expect(worker.of("ping")).toHaveLength(1);
  // Stopped for a minute: the answer is there, but timers fire before it is read.
  world.clock.oversleep(60_000);
  expect(worker.killed).toEqual([]);
  worker.say({ t: "pong", n: 1, holds: 0 });
  world.clock.advance(1_000);
  expect(worker.of("ping")).toHaveLength(2);
  // And a silence after it counts as ever.
  world.clock.advance(5_000);
  expect(worker.killed).toHaveLength(1);
});
