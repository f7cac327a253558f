// An orchestrator keeps its store: once a minute, by its own clock; and what a person asks for, at once.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import { card, openWorld, type World } from "../orchestrator/world.ts";
import { rowCounts, tempFolder } from "./folder.ts";

const hour = 3_600_000;
const retention = { succeededMs: hour, failedMs: 2 * hour, idempotencyForMs: 0 };

async function finished(world: World, over: Parameters<World["start"]>[1] = {}): Promise<string> {
  const worker = world.worker();
  const { id } = await world.start("work", over);
  await world.turn();
  const task = worker.assigned.at(-1);
  if (!task) throw new Error("nothing was assigned");
  worker.succeed(task, "done");
  await world.turn();
  worker.attachment.lost("left", { observed: false });
  await world.turn();
  return id;
}

/** So much later, minute by minute, and the slices that are due are done. */
async function later(world: World, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 60_000) {
    world.clock.advance(Math.min(left, 60_000));
    await world.turn();
  }
}

/** What takes several slices rests between them, on the world's clock. */
async function slices<T>(world: World, work: Promise<T>): Promise<T> {
  const state = { done: false };
  const ended = work.finally(() => (state.done = true));
  ended.catch(() => {});
  while (!state.done) {
    await world.turn();
    world.clock.advance(50);
  }
  return ended;
}

describe("retention", () => {
  test("deletes a run a minute after its time at the latest, and not before it", async () => {
    await using world = await openWorld({ retention });
    const id = await finished(world);
    await later(world, hour - 60_000);
    expect(await world.orchestrator.run(id)).toMatchObject({ status: "succeeded" });
    await later(world, 130_000);
    await expect(world.orchestrator.run(id)).rejects.toMatchObject({ code: "FLOTILLA_NOT_FOUND" });
    await expect(world.orchestrator.outcome(id)).rejects.toMatchObject({ code: "FLOTILLA_NOT_FOUND" });
    expect((await world.orchestrator.runs({})).items).toEqual([]);
  });

  test("without it nothing goes", async () => {
    await using world = await openWorld();
    const id = await finished(world);
    await later(world, 20 * hour);
    expect(await world.orchestrator.run(id)).toMatchObject({ status: "succeeded" });
  });

  test("a canceled run counts as a failed one", async () => {
    await using world = await openWorld({ retention });
    world.orchestrator.register([card("work")]);
    const { id } = await world.start("work");
    await world.orchestrator.cancel(id, "enough");
    await later(world, hour + 60_000);
    expect(await world.orchestrator.run(id)).toMatchObject({ status: "canceled" });
    await later(world, hour);
    await expect(world.orchestrator.run(id)).rejects.toMatchObject({ code: "FLOTILLA_NOT_FOUND" });
  });

  test("goes on while the fleet works: new runs are not touched, and their results arrive", async () => {
    await using world = await openWorld({ retention });
    for (let i = 0; i < 30; i++) await finished(world);
    await later(world, hour + 60_000);
    const worker = world.worker();
    const started = await Promise.all(Array.from({ length: 10 }, () => world.start("work")));
    for (let i = 0; i < 10; i++) {
      await world.turn();
      for (const task of worker.assigned.slice(i, i + 1)) worker.succeed(task, i);
    }
    await world.turn();
    const { items } = await world.orchestrator.runs({});
    expect(items.map((r) => r.id).toSorted()).toEqual(started.map((s) => s.id).toSorted());
    expect(items.every((r) => r.status === "succeeded")).toBe(true);
  });

  test("a start with the key of a deleted run starts anew, or with idempotencyFor gives that run's id", async () => {
    const key = { idempotencyKey: "k", inputHash: "h" };
    await using world = await openWorld({ retention });
    const id = await finished(world, key);
    expect(await world.start("work", key)).toMatchObject({ id, existing: true });
    await later(world, hour + 60_000);
    const anew = await world.start("work", key);
    expect(anew.existing).toBe(false);
    expect(anew.id).not.toBe(id);

    await using long = await openWorld({ retention: { ...retention, idempotencyForMs: 5 * hour } });
    const kept = await finished(long, key);
    await later(long, hour + 60_000);
    await expect(long.orchestrator.run(kept)).rejects.toMatchObject({ code: "FLOTILLA_NOT_FOUND" });
    expect(await long.start("work", key)).toMatchObject({ id: kept, existing: true });
    await expect(long.start("work", { ...key, inputHash: "other" })).rejects.toMatchObject({
      code: "FLOTILLA_IDEMPOTENCY_CONFLICT",
    });
    await later(long, 4 * hour);
    expect(await long.start("work", key)).toMatchObject({ existing: false });
  });
});

describe("purge", () => {
  test("deletes a closed run at once, and its bytes are gone from the files", async () => {
    const path = join(tempFolder(), "a.db");
    const bytes = () => readFileSync(path).toString("latin1") + readFileSync(`${path}-wal`).toString("latin1");
    await using world = await openWorld({ store: openSqliteStore({ path }) });
    const id = await finished(world, { input: '{"name":"SECRET-OF-ADA"}', idempotencyKey: "KEY-OF-ADA", inputHash: "h" });
    const other = await finished(world, { input: '{"name":"other"}' });
    expect(bytes()).toContain("SECRET-OF-ADA");
    expect(await world.orchestrator.purge({ run: id })).toEqual({ runs: 1, tasks: 1, open: 0 });
    expect(bytes()).not.toContain("SECRET-OF-ADA");
    expect(bytes()).not.toContain("KEY-OF-ADA");
    expect(bytes()).toContain("other");
    await expect(world.orchestrator.run(id)).rejects.toMatchObject({ code: "FLOTILLA_NOT_FOUND" });
    expect(await world.orchestrator.run(other)).toMatchObject({ status: "succeeded" });
    expect(rowCounts(path)).toEqual({ task: 1, outcome: 1 });
  });

  test("refuses a run that is open, by its public id", async () => {
    await using world = await openWorld();
    world.orchestrator.register([card("work")]);
    const { id } = await world.start("work");
    await expect(world.orchestrator.purge({ run: id })).rejects.toMatchObject({
      code: "FLOTILLA_STILL_OPEN",
      details: { run: id },
    });
    expect(await world.orchestrator.run(id)).toMatchObject({ status: "running" });
    await expect(world.orchestrator.purge({})).rejects.toMatchObject({ code: "FLOTILLA_CONFIG_INVALID" });
    await expect(world.orchestrator.purge({ run: "r_nothing" })).rejects.toMatchObject({ code: "FLOTILLA_NOT_FOUND" });
  });

  test("of a tenant deletes what is closed and counts what is open, and nobody else's", async () => {
    await using world = await openWorld();
    await finished(world, { tenant: "acme" });
    await finished(world, { tenant: "acme" });
    const mine = await finished(world);
    const theirs = await finished(world, { tenant: "globex" });
    const { id: open } = await world.start("work", { tenant: "acme" });
    expect(await slices(world, world.orchestrator.purge({ tenant: "acme" }))).toEqual({ runs: 2, tasks: 2, open: 1 });
    expect((await world.orchestrator.runs({})).items.map((r) => r.id).toSorted()).toEqual([mine, theirs, open].toSorted());
    expect(await slices(world, world.orchestrator.purge({ tenant: "default" }))).toEqual({ runs: 1, tasks: 1, open: 0 });
  });

  test("of a tenant forgets keys that outlived their runs", async () => {
    await using world = await openWorld({ retention: { ...retention, idempotencyForMs: 9 * hour } });
    const key = { idempotencyKey: "k", inputHash: "h", tenant: "acme" };
    await finished(world, key);
    await later(world, hour + 60_000);
    expect(await world.start("work", key)).toMatchObject({ existing: true });
    await slices(world, world.orchestrator.purge({ tenant: "acme" }));
    expect(await world.start("work", key)).toMatchObject({ existing: false });
  });

  test("deletes what is wider than a slice", async () => {
    await using world = await openWorld();
    const worker = world.worker({ slots: 2_000, definitions: [card("flow", { kind: "workflow" }), card("work")] });
    const { id } = await world.start("flow");
    await world.turn();
    const [flow] = worker.assigned;
    if (!flow) throw new Error("nothing was assigned");
    const acts = Array.from({ length: 1_100 }, (_, i) => ({
      kind: "child" as const,
      act: i + 1,
      key: `k${i}`,
      inputHash: `h${i}`,
      askedAfter: 0,
      definition: "work",
      input: "{}",
    }));
    worker.say({ t: "acts", fence: flow.fence, acts });
    await world.turn();
    for (const task of worker.assigned.slice(1)) worker.succeed(task);
    await world.turn();
    worker.succeed(flow);
    await world.orchestrator.outcome(id);
    expect(await slices(world, world.orchestrator.purge({ run: id }))).toEqual({ runs: 1, tasks: 1_101, open: 0 });
  });
});
