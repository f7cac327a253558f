// When a run may begin, must have begun and must have ended: startAt, ttl, deadline.
import { mkdtempSync, rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { OutcomeReply, StartRequest } from "../../src/protocol/views.ts";
import { FlotillaError } from "../../src/core/error.ts";
import { card, openWorld, testClock, type TestClock, type World } from "./world.ts";

const begin = Date.parse("2026-05-01T00:00:00Z");
const minute = 60_000;
const iso = (at: number) => new Date(at).toISOString();

let dir: string;
let path: string;
let clock: TestClock;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "flotilla-"));
  path = join(dir, "a.db");
  clock = testClock(begin);
});
afterEach(() => rmSync(dir, { recursive: true }));

const life = (): Promise<World> => openWorld({ path, clock, blockedMs: 1_000 * 86_400_000 });

function expiries(): number {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    return (db.prepare("SELECT count(*) AS n FROM expiry").get() as { n: number }).n;
  } finally {
    db.close();
  }
}

async function outcome(world: World, run: string): Promise<OutcomeReply> {
  const waiting = world.orchestrator.outcome(run);
  await world.turn();
  return waiting;
}
async function isOpen(world: World, run: string): Promise<boolean> {
  return (await world.orchestrator.run(run)).status === "running";
}
const root = (run: string) => run.replace("r_", "t_");
const timedOut = (after: "deadline" | "ttl") => ({ status: "failed", error: { code: "FLOTILLA_TIMEOUT", details: { after } } });

describe("startAt", () => {
  test("begins at its instant, over restarts, and says so meanwhile", async () => {
    const one = await life();
    const worker = one.worker();
    const at = begin + 90 * minute;
    const { id } = await one.start("work", { startAt: iso(at) });
    await one.turn();
    expect(worker.assigned).toEqual([]);
    expect(await one.orchestrator.explain(root(id))).toMatchObject({ state: "delayed", reason: "SCHEDULED" });
    expect((await one.orchestrator.explain(root(id))).detail).toContain("at 2026-05-01T01:30:00.000Z, in 1h30m");
    one.die();
    clock.advance(89 * minute);
    await using two = await life();
    const other = two.worker();
    await two.turn();
    expect(other.assigned).toEqual([]);
    clock.advance(minute);
    await two.turn();
    expect(other.assigned).toHaveLength(1);
  });

  test("one that has passed begins at once", async () => {
    await using world = await life();
    const worker = world.worker();
    await world.start("work", { startAt: iso(begin - 1) });
    await world.turn();
    expect(worker.assigned).toHaveLength(1);
  });
});

describe("deadline", () => {
  test("closes the run and all that is under it, wherever it is", async () => {
    await using world = await life();
    const worker = world.worker({ slots: 2, definitions: [card("work"), card("tree", { kind: "workflow" })] });
    const { id } = await world.start("tree", { deadlineMs: 10 * minute });
    await world.turn();
    const [tree] = worker.assigned;
    if (!tree) throw new Error("the root was not assigned");
    const child = (act: number) =>
      ({ kind: "child", act, key: `k${act}`, inputHash: "", askedAfter: 0, definition: "work", input: "{}" }) as const;
    worker.say({
      t: "acts",
      fence: tree.fence,
      acts: [...Array.from({ length: 600 }, (_, i) => child(i + 1)), { kind: "wait", seen: 0 }],
    });
    await world.turn();
    expect(await world.orchestrator.run(id)).toMatchObject({ deadlineAt: iso(begin + 10 * minute), status: "running" });
    expect((await world.orchestrator.explain(root(id))).detail).toContain("its deadline passes at 2026-05-01T00:10:00.000Z");
    clock.advance(10 * minute - 1);
    await world.turn();
    expect(await isOpen(world, id)).toBe(true);
    clock.advance(1);
    await world.turn();
    expect(await outcome(world, id)).toMatchObject(timedOut("deadline"));
    await world.turn();
    const run = await world.orchestrator.run(id);
    expect(run.stages).toMatchObject([{ stage: "work", total: 600, canceled: 600 }]);
    expect(run.tasks).toMatchObject({ total: 601, done: 601 });
    expect(worker.of("cancel").map((m) => m.reason)).toEqual(Array.from({ length: 3 }, () => "the run's deadline has passed"));
    expect(expiries()).toBe(0);
  });

  test("comes over restarts, and while no fleet was up", async () => {
    const one = await life();
    one.worker();
    const { id } = await one.start("work", { deadlineAt: iso(begin + 10 * minute) });
    await one.turn();
    one.die();
    clock.advance(20 * minute);
    await using two = await life();
    const worker = two.worker();
    // Before any timer fires: what has expired is not begun again.
    await two.turn();
    expect(worker.assigned).toEqual([]);
    expect(await outcome(two, id)).toMatchObject(timedOut("deadline"));
  });

  test("a run that ended before leaves nothing behind, whatever ended it", async () => {
    await using world = await life();
    const worker = world.worker();
    const ids = [];
    for (let i = 0; i < 4; i++) ids.push((await world.start("work", { deadlineMs: 10 * minute, ttlMs: minute })).id);
    await world.turn();
    expect(expiries()).toBe(4);
    const [a, b, c] = worker.assigned;
    worker.succeed(a as never);
    worker.fail(b as never, { terminal: true });
    await world.orchestrator.cancel(ids[2] as string, "no longer wanted");
    await world.turn();
    expect(expiries()).toBe(1);
    worker.fail(c as never);
    clock.advance(10 * minute);
    await world.turn();
    expect(expiries()).toBe(0);
    const ends = await Promise.all(ids.map((id) => world.orchestrator.run(id)));
    expect(ends.map((r) => r.status)).toEqual(["succeeded", "failed", "canceled", "failed"]);
    expect(ends[3]?.error).toMatchObject({ details: { after: "deadline" } });
  });

  test("counts over retries: it closes a run that waits to try again", async () => {
    await using world = await life();
    const worker = world.worker({
      definitions: [card("work", { retry: { attempts: 9, backoff: "fixed", fromMs: 3_600_000, toMs: 3_600_000 } })],
    });
    const { id } = await world.start("work", { deadlineMs: 10 * minute });
    await world.turn();
    worker.fail(worker.assigned[0] as never);
    await world.turn();
    const { reason, detail } = await world.orchestrator.explain(root(id));
    expect(reason).toBe("BACKOFF");
    expect(detail).toContain("its deadline passes at 2026-05-01T00:10:00.000Z");
    clock.advance(10 * minute);
    await world.turn();
    expect(await outcome(world, id)).toMatchObject(timedOut("deadline"));
  });

  test("a result in the same batch as the deadline wins: the run ends once, as the result says", async () => {
    await using world = await life();
    const worker = world.worker();
    const { id } = await world.start("work", { deadlineMs: minute });
    await world.turn();
    worker.succeed(worker.assigned[0] as never, "in time");
    clock.advance(minute);
    await world.turn();
    expect(await outcome(world, id)).toMatchObject({ status: "succeeded", value: '"in time"' });
    expect(expiries()).toBe(0);
  });

  test("one that has passed already: the run is stored, and has failed", async () => {
    await using world = await life();
    const worker = world.worker();
    const { id } = await world.start("work", { deadlineAt: iso(begin - 1) });
    expect(await outcome(world, id)).toMatchObject(timedOut("deadline"));
    expect(worker.assigned).toEqual([]);
  });
});

describe("ttl", () => {
  test("a run that nobody began within it is never run, and says why", async () => {
    await using world = await life();
    const worker = world.worker({ slots: 1 });
    await world.start("work");
    const { id } = await world.start("work", { ttlMs: 5 * minute });
    await world.turn();
    const waiting = await world.orchestrator.explain(root(id));
    expect(waiting).toMatchObject({ state: "ready", reason: "WORKERS_BUSY" });
    expect(waiting.detail).toContain("its ttl passes at 2026-05-01T00:05:00.000Z, in 5m00s");
    expect(await world.orchestrator.run(id)).toMatchObject({ ttlAt: iso(begin + 5 * minute) });
    clock.advance(5 * minute);
    await world.turn();
    expect(await outcome(world, id)).toMatchObject(timedOut("ttl"));
    expect((await world.orchestrator.explain(root(id))).detail).toContain("not begun within its ttl");
    worker.succeed(worker.assigned[0] as never);
    await world.turn();
    expect(worker.assigned).toHaveLength(1);
    expect((await world.orchestrator.health()).queue).toMatchObject({ ready: 0, running: 0 });
  });

  test("one that was begun in time goes on, also when it is tried again later", async () => {
    await using world = await life();
    const worker = world.worker({ slots: 1 });
    await world.start("work");
    const { id } = await world.start("work", { ttlMs: 5 * minute });
    await world.turn();
    worker.succeed(worker.assigned[0] as never);
    await world.turn();
    worker.fail(worker.assigned[1] as never);
    await world.turn();
    // Delayed for its second attempt when the ttl passes.
    clock.advance(5 * minute);
    await world.turn();
    expect(await isOpen(world, id)).toBe(true);
    expect(expiries()).toBe(0);
    worker.succeed(worker.assigned[2] as never);
    expect(await outcome(world, id)).toMatchObject({ status: "succeeded" });
  });

  test("counts from when the run may begin", async () => {
    await using world = await life();
    world.orchestrator.register([card("work")]);
    const { id } = await world.start("work", { delayMs: 60 * minute, ttlMs: minute });
    clock.advance(60 * minute + 30_000);
    await world.turn();
    expect((await world.orchestrator.explain(root(id))).state).toBe("ready");
    clock.advance(30_000);
    await world.turn();
    expect(await outcome(world, id)).toMatchObject(timedOut("ttl"));
  });

  test("that has passed while no fleet was up is not begun by the next", async () => {
    const one = await life();
    one.orchestrator.register([card("work")]);
    const { id } = await one.start("work", { ttlMs: minute });
    await one.turn();
    one.die();
    clock.advance(minute);
    await using two = await life();
    const worker = two.worker();
    await two.turn();
    expect(worker.assigned).toEqual([]);
    expect(await outcome(two, id)).toMatchObject(timedOut("ttl"));
  });

  test("begun in a life that ended: the next one takes it up", async () => {
    const one = await life();
    one.worker();
    const { id } = await one.start("work", { ttlMs: minute });
    await one.turn();
    one.die();
    clock.advance(2 * minute);
    await using two = await life();
    const worker = two.worker();
    await two.turn();
    worker.succeed(worker.assigned[0] as never);
    expect(await outcome(two, id)).toMatchObject({ status: "succeeded" });
  });
});

test("a run without any of it leaves no row, and 1,000 that expire at once are closed in batches", async () => {
  await using world = await life();
  world.orchestrator.register([card("work")]);
  await world.start("work");
  expect(expiries()).toBe(0);
  const started = await Promise.all(Array.from({ length: 1_000 }, () => world.start("work", { ttlMs: minute })));
  clock.advance(minute);
  for (let i = 0; i < 4; i++) {
    await world.turn();
    clock.advance(1);
  }
  const last = started.at(-1)?.id as string;
  expect(await outcome(world, last)).toMatchObject(timedOut("ttl"));
  expect((await world.orchestrator.health()).queue.ready).toBe(1);
  expect(expiries()).toBe(0);
});

test.each<[string, Partial<StartRequest>, string]>([
  ["delay and startAt", { delayMs: 1, startAt: iso(begin) }, "startAt"],
  ["two deadlines", { deadlineMs: 1, deadlineAt: iso(begin) }, "deadlineAt"],
  ["a deadline before the run may begin", { delayMs: 60_000, deadlineMs: 60_000 }, "deadline"],
  ["no instant", { startAt: "soon" }, "startAt"],
  ["a ttl of nothing", { ttlMs: 0 }, "ttl"],
  ["a deadline in the far future", { deadlineMs: 200 * 365 * 86_400_000 }, "deadline"],
])("%s is refused before anything is written", async (_, over, field) => {
  await using world = await life();
  world.orchestrator.register([card("work")]);
  const refused = await world.start("work", over).catch((e: unknown) => e);
  expect(refused).toBeInstanceOf(FlotillaError);
  expect(refused).toMatchObject({ code: "FLOTILLA_CONFIG_INVALID", details: { field } });
  expect((await world.orchestrator.runs({})).items).toEqual([]);
});
