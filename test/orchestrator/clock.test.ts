// A wall clock that is set while tasks wait for an instant.
import { expect, test } from "vitest";
import { openWorld } from "./world.ts";

const hourMs = 3_600_000;

test("set forward, or a machine that slept: what is due by then starts within a second or so", async () => {
  await using world = await openWorld();
  const worker = world.worker({ isolation: "in-process" });
  await world.start("work", { delayMs: hourMs });
  await world.turn();
  world.clock.advance(1_000);
  await world.turn();
  expect(worker.assigned).toEqual([]);
  world.clock.set(hourMs);
  world.clock.advance(1_000);
  await world.turn();
  expect(worker.assigned).toHaveLength(1);
});

test("set back: a wait ends at its instant by the wall clock, and starts once", async () => {
  await using world = await openWorld();
  const worker = world.worker({ isolation: "in-process" });
  await world.start("work", { delayMs: 5_000 });
  await world.turn();
  world.clock.set(-hourMs);
  world.clock.advance(6_000);
  await world.turn();
  expect(worker.assigned).toEqual([]);
  world.clock.advance(hourMs);
  await world.turn();
  expect(worker.assigned).toHaveLength(1);
});

test("a clock that drifts a little makes no work", async () => {
  await using world = await openWorld();
  world.worker({ isolation: "in-process" });
  await world.start("work", { delayMs: hourMs });
  await world.turn();
  let batches = 0;
  world.commitFault = () => {
    batches += 1;
    return undefined;
  };
  for (let s = 0; s < 10; s++) {
    world.clock.set(100);
    world.clock.advance(1_000);
    await world.turn();
  }
  expect(batches).toBe(0);
});
