import { expect, test } from "vitest";
import type { Act } from "../../src/protocol/worker.ts";
import { card, openWorld } from "./world.ts";

const child = (act: number): Act => ({
  kind: "child",
  act,
  key: `k${act}`,
  inputHash: "h",
  askedAfter: 0,
  definition: "work",
  input: "{}",
});

test("what settles while a journal's first page is being loaded is told after it", async () => {
  await using world = await openWorld();
  const flow = card("flow", { kind: "workflow" });
  const first = world.worker({ definitions: [flow] });
  const hands = world.worker();
  await world.start("flow");
  await world.turn();
  const [task] = first.assigned;
  first.say({ t: "acts", fence: task!.fence, acts: [child(1), child(2), { kind: "wait", seen: 0 }] });
  await world.turn();
  const [one, two] = hands.assigned;
  first.die();
  await world.turn();

  // Too large for a row: the next attempt's assignment waits for the file.
  hands.succeed(one!, "x".repeat(80_000));
  await world.turn();
  const { promise, resolve } = Promise.withResolvers<void>();
  world.artifactFault = () => promise;
  const second = world.worker({ definitions: [flow] });
  await world.turn();
  expect(second.assigned).toEqual([]);
  hands.succeed(two!, 2);
  await world.turn();
  resolve();
  await world.turn();

  expect(second.assigned.map((a) => a.deliveries.map((d) => d.seq))).toEqual([[1]]);
  expect(second.of("deliver").flatMap((m) => m.deliveries.map((d) => d.seq))).toEqual([2]);
});
