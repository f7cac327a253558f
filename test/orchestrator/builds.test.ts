// Workers of two builds beside each other: what goes where, and what becomes of the old ones.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Act, Assignment, DefinitionCard, Hello } from "../../src/protocol/worker.ts";
import { Builds, goneAfterMs, versionsOf } from "../../src/orchestrator/builds.ts";
import { card, openWorld, testClock, type TestWorker, type World } from "./world.ts";

const asked = { inputHash: "h", askedAfter: 0 };
const timer = (act = 1, delayMs = 60_000): Act => ({ kind: "timer", act, key: `k${act}`, ...asked, until: { delayMs } });
const idle: Act = { kind: "wait", seen: 0 };
const child = (act: number, definition = "work"): Act => ({
  kind: "child",
  act,
  key: `c${act}`,
  ...asked,
  definition,
  input: "{}",
});

function build(world: World, name: string, over: Partial<Hello> = {}, flow: Partial<DefinitionCard> = {}): TestWorker {
  const definitions = [card("flow", { kind: "workflow", code: name, ...flow }), card("work")];
  return world.worker({ isolation: "remote", build: name, definitions, ...over });
}

/** A workflow that has asked for a timer there, and is idle. */
async function begun(world: World, worker: TestWorker, ...acts: Act[]): Promise<{ id: string; task: Assignment }> {
  const { id } = await world.start("flow");
  await world.turn();
  const task = worker.assigned.at(-1) as Assignment;
  worker.say({ t: "acts", fence: task.fence, acts: acts.length > 0 ? acts : [timer(), idle] });
  await world.turn();
  return { id, task };
}

async function until(world: World, ms: number): Promise<void> {
  world.clock.advance(ms);
  await world.turn();
}

describe("what has begun", () => {
  test("goes back only to workers with its code, however it comes back", async () => {
    await using world = await openWorld();
    const old = build(world, "b1");
    const { id } = await begun(world, old);
    const [twin, next] = [build(world, "b1"), build(world, "b2")];
    old.attachment.lost("its link broke", { observed: false });
    await world.turn();
    expect(await world.orchestrator.explain(id)).toMatchObject({ state: "waiting", reason: "WAITING_TIMER" });
    await until(world, 60_000);
    expect(next.assigned).toEqual([]);
    expect(twin.assigned).toMatchObject([{ definition: "flow", acts: 1, deliveries: [{ act: 1 }] }]);
    // Crashed, it is tried again there too.
    const again = build(world, "b1");
    twin.die();
    await world.turn();
    expect(again.assigned).toMatchObject([{ acts: 1, fence: { leaseNo: 3 } }]);
    again.succeed(again.assigned[0] as Assignment, "done");
    expect(await world.orchestrator.outcome(id)).toMatchObject({ status: "succeeded", value: '"done"' });
    expect(next.assigned).toEqual([]);
  });

  test("waits when its code is gone, and goes on when a worker has it again", async () => {
    await using world = await openWorld();
    const old = build(world, "b1");
    const { id } = await begun(world, old, child(1), idle);
    const next = build(world, "b2");
    old.attachment.lost("its link broke", { observed: false });
    await world.turn();
    next.succeed(next.assigned[0] as Assignment);
    await until(world, 3_600_000);
    expect(next.assigned.map((a) => a.definition)).toEqual(["work"]);
    const why = await world.orchestrator.explain(id);
    expect(why).toMatchObject({ state: "ready", reason: "BUILD_GONE" });
    expect(why.detail).toContain("begun by build b1");
    expect(why.fix[0]).toBe("start a worker of build b1: it goes on there");
    expect((await world.orchestrator.health()).uncovered).toEqual(["flow"]);
    const back = build(world, "b1");
    await world.turn();
    expect(back.assigned).toMatchObject([{ definition: "flow", acts: 1 }]);
  });

  test("is found and closed where it is bound", async () => {
    await using world = await openWorld();
    const old = build(world, "b1");
    const { id } = await begun(world, old, child(1), idle);
    const next = build(world, "b2");
    old.attachment.lost("its link broke", { observed: false });
    await world.turn();
    next.succeed(next.assigned[0] as Assignment);
    await world.turn();
    await world.orchestrator.cancel(id, "nobody needs it");
    await world.orchestrator.cancel(id, "nobody needs it");
    expect(await world.orchestrator.outcome(id)).toMatchObject({ status: "canceled" });
    expect((await world.orchestrator.health()).queue).toMatchObject({ ready: 0, parked: 0 });
  });

  test("is bound in the next life of the orchestrator as well", async () => {
    const folder = mkdtempSync(join(tmpdir(), "flotilla-builds-"));
    try {
      const path = join(folder, "builds.db");
      const first = await openWorld({ path });
      const old = build(first, "b1");
      const { id } = await begun(first, old, child(1));
      await first.orchestrator.close();
      await using world = await openWorld({ path });
      const next = build(world, "b2");
      await world.turn();
      expect(next.assigned.map((a) => a.definition)).toEqual(["work"]);
      expect(await world.orchestrator.explain(id)).toMatchObject({ reason: "BUILD_GONE" });
      const back = build(world, "b1");
      await world.turn();
      expect(back.assigned).toMatchObject([{ definition: "flow", acts: 1 }]);
      // The first life saw b1 first.
      expect((await world.orchestrator.health()).builds.map((b) => [b.build, b.newest])).toEqual([
        ["b2", true],
        ["b1", false],
      ]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("with the same code goes on in any build", async () => {
    await using world = await openWorld();
    const old = build(world, "b1", {}, { code: "same" });
    await begun(world, old);
    const next = build(world, "b2", {}, { code: "same" });
    old.attachment.lost("its link broke", { observed: false });
    await until(world, 60_000);
    expect(next.assigned).toMatchObject([{ definition: "flow", acts: 1 }]);
  });

  test("and is not an owner's own worker's: there the latest code goes on, and its history is asked", async () => {
    await using world = await openWorld();
    const old = build(world, "b1", { isolation: "child-process" });
    await begun(world, old);
    const next = build(world, "b2", { isolation: "child-process" });
    old.attachment.lost("was stopped", { observed: false });
    await until(world, 60_000);
    expect(next.assigned).toMatchObject([{ definition: "flow", acts: 1 }]);
  });

  test("an implementation is bound to its own code, and asked for by its contract", async () => {
    await using world = await openWorld();
    const contract = card("plan", { kind: "contract" });
    world.orchestrator.register([contract]);
    const implementing = (code: string) => [card("planner", { kind: "workflow", implements: "plan", code })];
    const old = build(world, "b1", { definitions: implementing("v1") });
    await world.start("plan");
    await world.turn();
    old.say({ t: "acts", fence: (old.assigned[0] as Assignment).fence, acts: [timer(), idle] });
    await world.turn();
    const [next, twin] = [
      build(world, "b2", { definitions: implementing("v2") }),
      build(world, "b1", { definitions: implementing("v1") }),
    ];
    old.attachment.lost("its link broke", { observed: false });
    await until(world, 60_000);
    expect(next.assigned).toEqual([]);
    expect(twin.assigned).toMatchObject([{ definition: "planner", acts: 1 }]);
  });
});

describe("what has not begun", () => {
  test("starts on the newest build that has room", async () => {
    await using world = await openWorld();
    const old = build(world, "b1", { slots: 4 });
    const next = build(world, "b2", { slots: 2 });
    for (let i = 0; i < 3; i++) await world.start("flow");
    await world.turn();
    expect([old.assigned.length, next.assigned.length]).toEqual([1, 2]);
  });

  test("goes anywhere although it was given to a worker once", async () => {
    await using world = await openWorld();
    const old = build(world, "b1");
    await world.start("flow");
    await world.turn();
    expect(old.assigned).toHaveLength(1);
    const next = build(world, "b2");
    old.attachment.lost("its link broke", { observed: false });
    await world.turn();
    expect(next.assigned).toMatchObject([{ definition: "flow", acts: 0 }]);
  });

  test("is any build's again when it continues as a new execution", async () => {
    await using world = await openWorld();
    const old = build(world, "b1");
    const { task } = await begun(world, old, { kind: "emit", act: 1, key: "e", askedAfter: 0, name: "n", value: "1" });
    const next = build(world, "b2");
    old.say({ t: "settle", fence: task.fence, result: { status: "continued", input: '{"n":2}', seen: 0 }, spent: null });
    await world.turn();
    expect(next.assigned).toMatchObject([{ definition: "flow", input: '{"n":2}', acts: 1, journal: [] }]);
  });

  test("what an old workflow asks for goes to a worker that understands it, while one lives", async () => {
    await using world = await openWorld();
    const schema = (field: string) => ({ type: "object", required: [field] });
    const definitions = (code: string) => [card("flow", { kind: "workflow", code }), card("work", { inputSchema: schema(code) })];
    const old = build(world, "b1", { slots: 1, definitions: definitions("v1") });
    const { task } = await begun(world, old);
    const next = build(world, "b2", { definitions: definitions("v2") });
    old.say({ t: "acts", fence: task.fence, acts: [child(2), child(3), idle] });
    await world.turn();
    // One slot: the second waits for it although the new build has four free.
    expect(old.assigned.slice(1)).toMatchObject([{ definition: "work" }]);
    expect(next.assigned).toEqual([]);
    const { items } = await world.orchestrator.tasks({ run: task.publicId.replace("t_", "r_"), state: "ready" });
    old.attachment.lost("its link broke", { observed: false });
    await world.turn();
    expect(next.assigned).toEqual([]);
    expect((await world.orchestrator.explain(items[0]?.id ?? "")).detail).toContain("with the schemas that it was asked by");
    await until(world, 30_000);
    expect(next.assigned.map((a) => a.definition)).toEqual(["work", "work"]);
  });

  test("the card of the newest build counts, whoever comes last", async () => {
    await using world = await openWorld();
    const described = (description: string) => [card("flow", { kind: "workflow", description })];
    build(world, "b1", { definitions: described("old") });
    build(world, "b2", { definitions: described("new") });
    build(world, "b1", { definitions: described("old") });
    expect((await world.orchestrator.definition("flow")).description).toBe("new");
  });
});

describe("move-if-unchanged", () => {
  const moving = { onOrphan: "move-if-unchanged" } as const;

  test("goes on in newer code when the old one has been gone for 30 s, and is that code's from then on", async () => {
    await using world = await openWorld();
    const old = build(world, "b1");
    const { id } = await begun(world, old, child(1), idle);
    const next = build(world, "b2", {}, moving);
    old.attachment.lost("its link broke", { observed: false });
    await world.turn();
    next.succeed(next.assigned[0] as Assignment);
    await until(world, 29_999);
    expect(next.assigned).toHaveLength(1);
    expect(await world.orchestrator.explain(id)).toMatchObject({ reason: "BUILD_GONE" });
    await until(world, 1);
    expect(next.assigned[1]).toMatchObject({ definition: "flow", acts: 1, deliveries: [{ act: 1 }] });
    // Its first act there: the old build has no part in it any more.
    next.say({ t: "acts", fence: (next.assigned[1] as Assignment).fence, acts: [timer(2), { kind: "wait", seen: 1 }] });
    await world.turn();
    const [back, other] = [build(world, "b1"), build(world, "b2", {}, moving)];
    next.attachment.lost("its link broke", { observed: false });
    await until(world, 60_000);
    expect(back.assigned).toEqual([]);
    expect(other.assigned).toMatchObject([{ definition: "flow", acts: 2 }]);
  });

  test("does not move while the old code lives, or comes back in time", async () => {
    await using world = await openWorld();
    const old = build(world, "b1");
    await begun(world, old, child(1), idle);
    const next = build(world, "b2", {}, moving);
    old.attachment.lost("its link broke", { observed: false });
    await world.turn();
    next.succeed(next.assigned[0] as Assignment);
    await until(world, 20_000);
    const back = build(world, "b1");
    await until(world, 60_000);
    expect(back.assigned).toMatchObject([{ definition: "flow", acts: 1 }]);
    expect(next.assigned).toHaveLength(1);
  });

  test("holds what its history does not fit, and gives it to the old code when that is back", async () => {
    await using world = await openWorld();
    const old = build(world, "b1");
    const { id } = await begun(world, old, child(1), idle);
    const next = build(world, "b2", {}, moving);
    old.attachment.lost("its link broke", { observed: false });
    await world.turn();
    next.succeed(next.assigned[0] as Assignment);
    await until(world, 30_000);
    const error = { code: "FLOTILLA_HISTORY_MISMATCH", message: "other calls" };
    next.say({ t: "settle", fence: (next.assigned[1] as Assignment).fence, result: { status: "mismatch", error }, spent: null });
    await world.turn();
    expect(await world.orchestrator.explain(id)).toMatchObject({ state: "waiting", reason: "HISTORY_MISMATCH" });
    const back = build(world, "b1");
    await world.turn();
    expect(back.assigned).toMatchObject([{ definition: "flow", acts: 1 }]);
  });
});

test("what only workers that are leaving understand is done by them, also when others elsewhere are leaving", async () => {
  const clock = testClock();
  const builds = new Builds({ clock, shared: true });
  const hello = { t: "hello", protocol: 1, name: "w", pid: 1, isolation: "remote", slots: 1, offers: [], build: "b1" } as const;
  const definitions = [card("work")];
  const worker = {
    hello: { ...hello, definitions },
    versions: versionsOf({ definitions }),
    finishing: true,
    draining: false,
  } as never;
  const [schema = ""] = [...versionsOf({ definitions }).values()].map((v) => v.schema);
  builds.joined(worker);
  expect(builds.offered()).toEqual([schema]);
  expect(builds.allows(worker, "work", "")).toBe(false);
  expect(builds.allows(worker, "work", schema)).toBe(true);
  builds.heard([schema]);
  expect(builds.allows(worker, "work", schema)).toBe(true);
  builds.heard([schema, `+${schema}`]);
  expect(builds.allows(worker, "work", schema)).toBe(false);
});

test("what another orchestrator's workers have is not gone, until they have had none for 30 s", () => {
  const clock = testClock();
  const builds = new Builds({ clock, shared: true });
  // A life that has just begun has heard of nobody: that says nothing yet.
  expect(builds.isGone("c:1")).toBe(false);
  expect(builds.heard(["c:1", "s:1"])).toBe(true);
  expect(builds.heard(["s:1", "c:1"])).toBe(false);
  clock.advance(60_000);
  expect([builds.isElsewhere("c:1"), builds.isGone("c:1"), builds.isGone("c:2")]).toEqual([true, false, true]);
  expect(builds.heard(["s:1"])).toBe(true);
  clock.advance(goneAfterMs - 1);
  expect(builds.isGone("c:1")).toBe(false);
  let changed = 0;
  builds.changed = () => (changed += 1);
  builds.watch(["c:1", "s:1"]);
  clock.advance(1);
  expect([builds.isGone("c:1"), builds.isGone("s:1"), changed]).toEqual([true, false, 1]);
  builds.stop();
  expect(clock.timers).toBe(0);
});

describe("drain", () => {
  test("a build begins nothing new, ends what it has begun, and leaves", async () => {
    await using world = await openWorld();
    const old = build(world, "b1");
    const { id, task } = await begun(world, old, child(1), idle);
    const next = build(world, "b2", { slots: 1 });
    expect(await world.orchestrator.drainWorkers({ build: "b1" })).toEqual({ workers: ["w1"] });
    expect((await world.orchestrator.workers()).map((w) => w.state)).toEqual(["draining", "idle"]);
    for (let i = 0; i < 3; i++) await world.start("flow");
    await world.turn();
    // Its own child was given out before the drain; the three go one by one to the new build.
    old.succeed(old.assigned[1] as Assignment);
    await world.turn();
    expect([old.assigned.length, next.assigned.length]).toEqual([2, 1]);
    expect(old.of("deliver")).toHaveLength(1);
    await until(world, 10_000);
    expect(old.of("drain")).toEqual([]);
    old.succeed(task, "ended where it began");
    expect((await world.orchestrator.outcome(id)).value).toBe('"ended where it began"');
    await until(world, 1_000);
    expect(old.of("drain")).toHaveLength(1);
    expect((await world.orchestrator.health()).builds).toMatchObject([
      { build: "b2", newest: true, draining: false },
      { build: "b1", newest: false, draining: true },
    ]);
  });

  test("it stays for a workflow of its build that nobody holds, and takes it", async () => {
    await using world = await openWorld();
    const first = build(world, "b1");
    const { id } = await begun(world, first);
    const old = build(world, "b1");
    build(world, "b2");
    first.attachment.lost("its link broke", { observed: false });
    await world.turn();
    await world.orchestrator.drainWorkers({ build: "b1" });
    await until(world, 30_000);
    expect(old.of("drain")).toEqual([]);
    await until(world, 30_000);
    expect(old.assigned).toMatchObject([{ definition: "flow", acts: 1 }]);
    old.succeed(old.assigned[0] as Assignment);
    await world.orchestrator.outcome(id);
    await until(world, 1_000);
    expect(old.of("drain")).toHaveLength(1);
  });

  test("with park it leaves as soon as no code runs; a worker that comes later is drained too, until it is resumed", async () => {
    await using world = await openWorld();
    const old = build(world, "b1");
    const { id, task } = await begun(world, old);
    const next = build(world, "b2");
    await world.orchestrator.drainWorkers({ build: "b1", park: true });
    expect(old.of("drain")).toHaveLength(1);
    // As a worker does: it parks what is idle, and says goodbye.
    old.say({ t: "acts", fence: task.fence, acts: [{ kind: "wait", seen: 0, park: true }] });
    await world.turn();
    expect(old.of("parked")).toHaveLength(1);
    old.say({ t: "goodbye", reason: "drained" });
    const late = build(world, "b1");
    expect(late.of("drain")).toHaveLength(1);
    late.say({ t: "goodbye", reason: "drained" });
    await until(world, 60_000);
    expect(next.assigned).toEqual([]);
    expect(await world.orchestrator.explain(id)).toMatchObject({ reason: "BUILD_GONE" });
    await world.orchestrator.resumeBuild("b1");
    const back = build(world, "b1");
    await world.turn();
    expect(back.of("drain")).toEqual([]);
    expect(back.assigned).toMatchObject([{ definition: "flow", acts: 1 }]);
  });

  test("one worker by its name; one that comes later with the same name is not meant", async () => {
    await using world = await openWorld();
    const [a, b] = [build(world, "b1", { name: "left" }), build(world, "b1", { name: "right" })];
    expect(await world.orchestrator.drainWorkers({ worker: "left" })).toEqual({ workers: ["left"] });
    await world.start("flow");
    await world.start("flow");
    await world.turn();
    expect([a.assigned.length, b.assigned.length]).toEqual([0, 2]);
    await until(world, 1_000);
    expect(a.of("drain")).toHaveLength(1);
    const later = build(world, "b1", { name: "left" });
    await until(world, 5_000);
    expect(later.of("drain")).toEqual([]);
  });

  test("a drain that is taken back before the worker has left leaves it there", async () => {
    await using world = await openWorld();
    const old = build(world, "b1");
    await begun(world, old);
    await world.orchestrator.drainWorkers({ build: "b1" });
    const { id } = await world.start("flow");
    await world.turn();
    expect(await world.orchestrator.explain(id)).toMatchObject({ reason: "NO_CAPABLE_WORKER" });
    expect((await world.orchestrator.explain(id)).fix[0]).toContain("flotilla workers resume --build b1");
    await world.orchestrator.resumeBuild("b1");
    await world.turn();
    expect(old.assigned).toHaveLength(2);
    await until(world, 5_000);
    expect(old.of("drain")).toEqual([]);
  });

  test("what nobody knows is refused", async () => {
    await using world = await openWorld();
    build(world, "b1");
    await expect(world.orchestrator.drainWorkers({ build: "b9" })).rejects.toMatchObject({ code: "FLOTILLA_NOT_FOUND" });
    await expect(world.orchestrator.drainWorkers({ worker: "w9" })).rejects.toMatchObject({ code: "FLOTILLA_NOT_FOUND" });
    await expect(world.orchestrator.drainWorkers({})).rejects.toMatchObject({ code: "FLOTILLA_CONFIG_INVALID" });
    await expect(world.orchestrator.resumeBuild("b1")).rejects.toMatchObject({ code: "FLOTILLA_NOT_FOUND" });
  });
});
