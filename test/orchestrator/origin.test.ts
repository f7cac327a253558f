// Runs that go on from others: what they take with them besides an input.
import { expect, test } from "vitest";
import type { Act, Assignment } from "../../src/protocol/worker.ts";
import { card, openWorld } from "./world.ts";

const definitions = [
  card("flow", { kind: "workflow" }),
  card("work", { retry: { attempts: 1, backoff: "fixed", fromMs: 1, toMs: 1 } }),
];

test("a repaired run keeps its tenant, tags and priority", async () => {
  await using world = await openWorld();
  const worker = world.worker({ definitions });
  const { id } = await world.start("work", { tenant: "acme", tags: ["nightly"], priority: "high" });
  await world.turn();
  worker.fail(worker.assigned[0] as Assignment);
  await world.turn();
  const again = await world.orchestrator.repair(id);
  expect(await world.orchestrator.run(again.id)).toMatchObject({ tenant: "acme", tags: ["nightly"] });
  expect(await world.orchestrator.task(again.id)).toMatchObject({ priority: "high" });
});

test("a redriven task keeps what its call asked for", async () => {
  await using world = await openWorld();
  const plain = world.worker({ definitions });
  const able = world.worker({ definitions, offers: ["gpu"] });
  await world.start("flow");
  await world.turn();
  const host = plain.assigned.length > 0 ? plain : able;
  const root = host.assigned[0] as Assignment;
  const retry = { attempts: 2, backoff: "fixed", fromMs: 1_000, toMs: 1_000 } as const;
  const ask: Act = {
    kind: "child",
    act: 1,
    key: "c",
    inputHash: "h",
    askedAfter: 0,
    definition: "work",
    input: '{"items":[{"$artifact":"x"}]}',
    needs: ["gpu"],
    retry,
    inflate: true,
    asRef: true,
  };
  host.say({ t: "acts", fence: root.fence, acts: [ask, { kind: "wait", seen: 0 }] });
  await world.turn();
  const child = able.assigned.at(-1) as Assignment;
  able.fail(child, { terminal: true });
  await world.turn();

  able.attachment.lost("went", { observed: false });
  const { id } = await world.orchestrator.redrive(child.publicId);
  await world.turn();
  expect(await world.orchestrator.explain(id)).toMatchObject({
    reason: "NO_CAPABLE_WORKER",
    detail: expect.stringContaining("gpu") as string,
  });
  const next = world.worker({ definitions, offers: ["gpu"] });
  await world.turn();
  const task = next.assigned.find((a) => a.definition === "work") as Assignment;
  expect(task).toMatchObject({ inflate: true, input: child.input });
  // It may be tried twice, as its call said.
  next.fail(task);
  await world.turn();
  expect(await world.orchestrator.explain(id)).toMatchObject({ state: "delayed", reason: "BACKOFF" });
  world.clock.advance(1_000);
  await world.turn();
  const second = next.assigned.findLast((a) => a.definition === "work") as Assignment;
  expect(second.attempt).toBe(2);
  next.succeed(second, "x".repeat(10));
  await world.turn();
  expect(await world.orchestrator.outcome(id)).toMatchObject({ status: "succeeded", value: '"xxxxxxxxxx"' });
});
