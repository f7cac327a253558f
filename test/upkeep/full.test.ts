// A store without room: SQLite itself says SQLITE_FULL, from a page limit, as it does on a full disk.
import { join } from "node:path";
import { expect, test } from "vitest";
import type { LogSink } from "../../src/core/log.ts";
import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import type { Assignment } from "../../src/protocol/worker.ts";
import { openWorld, type World } from "../orchestrator/world.ts";
import { tempFolder } from "./folder.ts";

const filler = JSON.stringify("x".repeat(40_000));

/** Starts until one is refused. @returns the refusal */
async function fill(world: World): Promise<unknown> {
  for (;;) {
    try {
      await world.start("work", { input: filler, delayMs: 86_400_000 });
    } catch (e) {
      return e;
    }
  }
}

test("a store that fills up stops claiming and refuses starts, holds results, says so, and goes on by itself", async () => {
  const lines: string[] = [];
  const log: LogSink = (_level, message) => void lines.push(message);
  const store = openSqliteStore({ path: join(tempFolder(), "a.db"), pagesMax: 300 });
  await using world = await openWorld({ store, log });
  const worker = world.worker({ slots: 2 });
  // Runs that end, and are what can be deleted later.
  const closed: string[] = [];
  for (let i = 0; i < 4; i++) {
    const { id } = await world.start("work", { input: filler });
    await world.turn();
    worker.succeed(worker.assigned[i] as Assignment);
    await world.orchestrator.outcome(id);
    closed.push(id);
  }
  // Two that run, and one that waits for a slot.
  const [one, two] = [await world.start("work"), await world.start("work")];
  const waiting = await world.start("work");
  await world.turn();
  expect(worker.assigned).toHaveLength(6);

  expect(await fill(world)).toMatchObject({ code: "FLOTILLA_STORE_FULL" });

  // At once: no commit is tried for it.
  await expect(world.start("work")).rejects.toMatchObject({ code: "FLOTILLA_STORE_FULL" });
  await expect(world.orchestrator.cancel(waiting.id, "enough")).rejects.toMatchObject({ code: "FLOTILLA_STORE_FULL" });
  expect((await world.orchestrator.health()).storeFullAt).toBe(new Date(world.clock.now()).toISOString());
  expect(await world.orchestrator.explain(waiting.id.replace(/^r_/, "t_"))).toMatchObject({
    state: "ready",
    reason: "STORE_FULL",
    fix: [expect.stringContaining("free some space"), expect.any(String)],
  });

  // Results are held, their slots are free, and still nothing is claimed; looks at the store find no room.
  worker.succeed(worker.assigned[4] as Assignment, 1);
  worker.succeed(worker.assigned[5] as Assignment, 2);
  world.worker();
  for (let i = 0; i < 5; i++) {
    world.clock.advance(1_000);
    await world.turn();
  }
  expect(await world.orchestrator.run(one.id)).toMatchObject({ status: "running" });
  expect(worker.assigned).toHaveLength(6);

  // Room: pages of what is deleted are used again.
  for (const run of closed) await world.orchestrator.purge({ run });
  world.clock.advance(1_000);
  expect(await world.orchestrator.outcome(one.id)).toMatchObject({ status: "succeeded", value: "1" });
  expect(await world.orchestrator.outcome(two.id)).toMatchObject({ status: "succeeded", value: "2" });
  await world.turn();
  expect((await world.orchestrator.health()).storeFullAt).toBeNull();
  expect(await world.orchestrator.task(waiting.id.replace(/^r_/, "t_"))).toMatchObject({ state: "running" });
  // Said once each, however often it was tried.
  expect(lines.filter((l) => l.startsWith("the store is full"))).toHaveLength(1);
  expect(lines.filter((l) => l.startsWith("the store has room"))).toHaveLength(1);
});

test("what a full store holds is stored by close, when there is room by then", async () => {
  const path = join(tempFolder(), "a.db");
  const store = openSqliteStore({ path, pagesMax: 300 });
  const world = await openWorld({ store });
  const worker = world.worker();
  const closed: string[] = [];
  for (let i = 0; i < 4; i++) {
    const { id } = await world.start("work", { input: filler });
    await world.turn();
    worker.succeed(worker.assigned[i] as Assignment);
    await world.orchestrator.outcome(id);
    closed.push(id);
  }
  const { id } = await world.start("work");
  await world.turn();
  await fill(world);
  worker.succeed(worker.assigned[4] as Assignment, "kept");
  await world.turn();
  expect(await world.orchestrator.run(id)).toMatchObject({ status: "running" });
  for (const run of closed) await world.orchestrator.purge({ run });
  await world[Symbol.asyncDispose]();
  await using next = await openWorld({ store: openSqliteStore({ path }) });
  expect(await next.orchestrator.outcome(id)).toMatchObject({ status: "succeeded", value: '"kept"' });
});
