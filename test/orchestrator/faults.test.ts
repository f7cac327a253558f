// Storage that refuses: nothing is lost, nothing is done twice for it, and nobody else waits.
import { describe, expect, test } from "vitest";
import { FlotillaError } from "../../src/core/error.ts";
import type { Assignment, ChildAct } from "../../src/protocol/worker.ts";
import type { Store } from "../../src/store/contract.ts";
import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import { card, openWorld, type TestWorker, type World } from "./world.ts";

const big = JSON.stringify("x".repeat(70_000));
const full = () => Promise.reject(new Error("ENOSPC: no space left on device"));
const flow = [card("flow", { kind: "workflow" }), card("work")];
const child = (act: number): ChildAct => ({
  kind: "child",
  act,
  key: `k${act}`,
  inputHash: `h${act}`,
  askedAfter: 0,
  definition: "work",
  input: "{}",
});

async function first(world: World, worker: TestWorker, name = "work"): Promise<{ id: string; task: Assignment }> {
  const { id } = await world.start(name);
  await world.turn();
  return { id, task: worker.assigned.at(-1) as Assignment };
}

describe("an artifact store that refuses", () => {
  test("a large result is kept and stored when there is room; its agent does not run again", async () => {
    await using world = await openWorld();
    const worker = world.worker();
    const { id, task } = await first(world, worker);
    world.artifactFault = full;
    worker.say({ t: "settle", fence: task.fence, result: { status: "succeeded", value: big }, spent: null });
    for (let i = 0; i < 20; i++) {
      world.clock.advance(60_000);
      await world.turn();
    }
    expect(worker.assigned).toHaveLength(1);
    world.artifactFault = undefined;
    world.clock.advance(60_000);
    expect(await world.orchestrator.outcome(id)).toMatchObject({ status: "succeeded", value: big });
  });

  test("acts behind a large step result wait for it, and keep their order", async () => {
    await using world = await openWorld();
    const worker = world.worker({ definitions: flow });
    const { id, task } = await first(world, worker, "flow");
    world.artifactFault = full;
    const { fence } = task;
    worker.say({ t: "acts", fence, acts: [{ kind: "step", act: 1, key: "s", askedAfter: 0 }] });
    worker.say({ t: "acts", fence, acts: [{ kind: "step-result", act: 1, value: big, error: null }, child(2)] });
    worker.say({ t: "acts", fence, acts: [child(3)] });
    await world.turn();
    expect((await world.orchestrator.task(id)).children.total).toBe(0);
    world.artifactFault = undefined;
    world.clock.advance(60_000);
    await world.turn();
    const listed = await world.orchestrator.tasks({ run: id });
    expect(listed.items.slice(1).map((t) => t.key)).toEqual(["k2", "k3"]);
    expect(worker.of("deliver").flatMap((m) => m.deliveries)).toMatchObject([{ seq: 1, act: 1, value: big }]);
  });

  test("a cancel that crosses a large result frees the slot at once, and kills nobody", async () => {
    await using world = await openWorld({ abortGraceMs: 1_000 });
    const worker = world.worker({ slots: 1 });
    const { id, task } = await first(world, worker);
    world.artifactFault = full;
    worker.say({ t: "settle", fence: task.fence, result: { status: "succeeded", value: big }, spent: null });
    await world.orchestrator.cancel(id, "changed my mind");
    await world.start("work");
    await world.turn();
    expect(worker.assigned).toHaveLength(2);
    world.clock.advance(5_000);
    expect(worker.killed).toEqual([]);
  });

  test("a result that can no longer be read holds its parent with a reason, until a worker joins", async () => {
    await using world = await openWorld();
    const worker = world.worker({ definitions: flow });
    const { id, task } = await first(world, worker, "flow");
    worker.say({ t: "acts", fence: task.fence, acts: [child(1), { kind: "wait", seen: 0 }] });
    await world.turn();
    const kid = worker.assigned[1] as Assignment;
    worker.say({ t: "settle", fence: kid.fence, result: { status: "succeeded", value: big }, spent: null });
    // Stored it is; reading it is what fails from here on.
    world.artifactFault = full;
    const told: unknown[] = [];
    void (async () => {
      for await (const e of world.orchestrator.events(id, { types: ["task.waiting"] })) told.push(e.data);
    })();
    for (let i = 0; i < 8; i++) {
      await world.turn();
      world.clock.advance(10_000);
    }
    expect(await world.orchestrator.explain(id)).toMatchObject({ state: "waiting", reason: "VALUE_MISSING" });
    expect(told).toMatchObject([{ reason: "VALUE_MISSING", fix: expect.stringContaining("tasks explain") as string }]);
    world.artifactFault = undefined;
    const next = world.worker({ definitions: flow, build: "c" });
    await world.turn();
    expect([...worker.assigned, ...next.assigned].findLast((a) => a.definition === "flow")).toMatchObject({
      deliveries: [{ seq: 1, value: big }],
      attempt: 1,
    });
  });

  test("code that waits while a large value loads still counts as executing", async () => {
    await using world = await openWorld();
    const worker = world.worker({ slots: 1, definitions: flow });
    const { id, task } = await first(world, worker, "flow");
    worker.say({ t: "acts", fence: task.fence, acts: [child(1), { kind: "wait", seen: 0 }] });
    await world.turn();
    const { promise, resolve } = Promise.withResolvers<void>();
    let puts = 0;
    world.artifactFault = () => (puts++ === 0 ? Promise.resolve() : promise);
    worker.say({
      t: "settle",
      fence: (worker.assigned[1] as Assignment).fence,
      result: { status: "succeeded", value: big },
      spent: null,
    });
    await world.turn();
    worker.say({ t: "acts", fence: task.fence, acts: [{ kind: "wait", seen: 0 }] });
    await world.turn();
    expect((await world.orchestrator.task(id)).state).toBe("running");
    resolve();
    await world.turn();
    expect(worker.of("deliver")).toHaveLength(1);
  });
});

describe("a store that refuses", () => {
  test("a full disk refuses starts, keeps results, and takes them when there is room", async () => {
    await using world = await openWorld();
    const worker = world.worker();
    const { id, task } = await first(world, worker);
    world.commitFault = () => new FlotillaError("FLOTILLA_STORE_FULL", { path: "x" });
    worker.succeed(task, 1);
    await expect(world.start("work")).rejects.toMatchObject({ code: "FLOTILLA_STORE_FULL" });
    const other = world.worker();
    await world.turn();
    world.commitFault = undefined;
    world.clock.advance(1_000);
    expect(await world.orchestrator.outcome(id)).toMatchObject({ status: "succeeded", value: "1" });
    expect(other.killed).toEqual([]);
    expect(worker.assigned).toHaveLength(1);
  });

  test("one attempt that breaks a rule ends alone; the others' results are taken", async () => {
    await using world = await openWorld();
    const worker = world.worker({ slots: 4, definitions: flow });
    const flowing = await first(world, worker, "flow");
    const { id, task } = await first(world, worker);
    worker.say({ t: "acts", fence: flowing.task.fence, acts: [child(1)] });
    await world.turn();
    // The same act again: no worker of ours does that.
    worker.say({ t: "acts", fence: flowing.task.fence, acts: [child(1)] });
    worker.succeed(task, 1);
    expect(await world.orchestrator.outcome(id)).toMatchObject({ status: "succeeded" });
    expect(await world.orchestrator.outcome(flowing.id)).toMatchObject({ status: "failed" });
    expect((await world.start("work")).id).toMatch(/^r_/);
  });

  test("a retry of a batch counts nothing twice", async () => {
    await using world = await openWorld();
    const worker = world.worker({ definitions: flow });
    const { id, task } = await first(world, worker, "flow");
    world.commitFault = () => new FlotillaError("FLOTILLA_STORE_FULL", { path: "x" });
    worker.say({ t: "acts", fence: task.fence, acts: Array.from({ length: 100 }, (_, i) => child(i + 1)) });
    for (let i = 0; i < 50; i++) {
      await world.turn();
      world.clock.advance(1_000);
    }
    world.commitFault = undefined;
    world.clock.advance(1_000);
    await world.turn();
    expect((await world.orchestrator.task(id)).children).toEqual({ total: 100, unsettled: 100 });
  });
});

describe("suspects on a busy fleet", () => {
  test("are tried although newer work never ends", async () => {
    await using world = await openWorld();
    const doomed = world.worker({ slots: 2 });
    const suspects = [await world.start("work"), await world.start("work")];
    await world.turn();
    doomed.die();
    const worker = world.worker({ slots: 3 });
    for (let i = 0; i < 20; i++) await world.start("work");
    const settled = new Set<string>();
    for (let i = 0; i < 60; i++) {
      await world.turn();
      const oldest = worker.assigned.find((a) => !settled.has(a.publicId));
      if (!oldest) break;
      settled.add(oldest.publicId);
      worker.succeed(oldest);
      await world.start("work");
      if (suspects.every((s) => settled.has(s.id.replace("r_", "t_")))) break;
    }
    expect(suspects.map((s) => settled.has(s.id.replace("r_", "t_")))).toEqual([true, true]);
  });
});

describe("money", () => {
  test("every attempt's spending is in the run's sum, of a run without children too", async () => {
    await using world = await openWorld();
    const worker = world.worker();
    const { id, task } = await first(world, worker);
    const spent = { microUsd: 1_000_000, inputTokens: 10, outputTokens: 1 };
    worker.say({
      t: "settle",
      fence: task.fence,
      result: { status: "failed", error: { code: "ERROR", message: "x" }, terminal: false },
      spent,
    });
    await world.turn();
    world.clock.advance(1_000);
    await world.turn();
    worker.say({
      t: "settle",
      fence: (worker.assigned[1] as Assignment).fence,
      result: { status: "succeeded", value: "1" },
      spent,
    });
    await world.turn();
    expect((await world.orchestrator.run(id)).spent).toEqual({ microUsd: 2_000_000, inputTokens: 20, outputTokens: 2 });
  });
});

describe("a reason", () => {
  test("that is no text, or too long, is refused before anything is stored", async () => {
    await using world = await openWorld();
    world.worker();
    const { id } = await world.start("work");
    await expect(world.orchestrator.cancel(id, "x".repeat(5_000))).rejects.toMatchObject({ code: "FLOTILLA_CONFIG_INVALID" });
    await expect(world.orchestrator.cancel(id, undefined as never)).rejects.toMatchObject({ code: "FLOTILLA_CONFIG_INVALID" });
    expect((await world.orchestrator.run(id)).status).toBe("running");
  });
});

test("a fleet that closes while the end of a run is looked for tells whoever asked, and nobody else", async () => {
  const sqlite = openSqliteStore({ path: ":memory:" });
  const looks: (() => void)[] = [];
  // Only runs of an earlier life are looked for; each look takes as long as the test likes.
  const ended: Store["runs"]["ended"] = async (p) => {
    await new Promise<void>((resolve) => looks.push(resolve));
    return sqlite.runs.ended(p);
  };
  const first = await openWorld({ store: { ...sqlite, close: () => {} } });
  first.orchestrator.register([card("work")]);
  const { id } = await first.start("work");
  await first[Symbol.asyncDispose]();
  const world = await openWorld({ store: { ...sqlite, runs: { ...sqlite.runs, ended }, close: () => {} } });
  const outcome = world.orchestrator.outcome(id);
  looks.shift()?.();
  await world.turn();
  // The second look is under way; an unhandled rejection would end the process.
  expect(looks).toHaveLength(1);
  const closed = world[Symbol.asyncDispose]();
  await world.turn();
  looks.shift()?.();
  await expect(outcome).rejects.toMatchObject({ code: "FLOTILLA_CLOSED" });
  await closed;
  await sqlite.close();
});
