import { describe, expect, test } from "vitest";
import { card, openWorld, type TestWorker, type World } from "./world.ts";

async function begin(world: World, worker: TestWorker, n = 1) {
  const runs = await Promise.all(Array.from({ length: n }, () => world.start("work")));
  await world.turn();
  return { runs, tasks: worker.assigned };
}

describe("results", () => {
  test("a result reaches whoever waits, before and after it came", async () => {
    await using world = await openWorld();
    const worker = world.worker();
    const { runs, tasks } = await begin(world, worker);
    const early = world.orchestrator.outcome(runs[0]?.id ?? "");
    worker.succeed(tasks[0] as never, { n: 1 });
    expect(await early).toEqual({ status: "succeeded", value: '{"n":1}', error: null });
    expect(await world.orchestrator.outcome(runs[0]?.id ?? "")).toEqual(await early);
  });

  test("a result over 64 KiB lies with the artifacts and reads the same", async () => {
    await using world = await openWorld();
    const worker = world.worker();
    const { runs, tasks } = await begin(world, worker);
    const big = "x".repeat(70_000);
    worker.succeed(tasks[0] as never, big);
    expect((await world.orchestrator.outcome(runs[0]?.id ?? "")).value).toBe(JSON.stringify(big));
    expect((await world.orchestrator.task(runs[0]?.id ?? "")).output).toBe(big);
  });

  test("a late result of a canceled attempt changes nothing, and frees its slot", async () => {
    await using world = await openWorld();
    const worker = world.worker({ slots: 1 });
    const { runs, tasks } = await begin(world, worker);
    await world.orchestrator.cancel(runs[0]?.id ?? "", "changed my mind");
    expect(worker.of("cancel")).toMatchObject([{ reason: "changed my mind" }]);
    await world.start("work");
    await world.turn();
    expect(worker.assigned).toHaveLength(1);
    worker.succeed(tasks[0] as never);
    await world.turn();
    expect(worker.assigned).toHaveLength(2);
    expect((await world.orchestrator.outcome(runs[0]?.id ?? "")).status).toBe("canceled");
  });
});

describe("retries", () => {
  test("a failure backs off, tries again, and keeps every attempt", async () => {
    await using world = await openWorld();
    const worker = world.worker();
    const { runs, tasks } = await begin(world, worker);
    const id = runs[0]?.id ?? "";
    worker.fail(tasks[0] as never);
    await world.turn();
    expect(await world.orchestrator.explain(id)).toMatchObject({ state: "delayed", reason: "BACKOFF" });
    world.clock.advance(1_000);
    await world.turn();
    expect(worker.assigned[1]).toMatchObject({ attempt: 2, fence: { leaseNo: 2 } });
    worker.fail(worker.assigned[1] as never);
    await world.turn();
    world.clock.advance(1_000);
    await world.turn();
    worker.fail(worker.assigned[2] as never);
    const outcome = await world.orchestrator.outcome(id);
    expect(outcome).toMatchObject({
      status: "failed",
      error: { code: "FLOTILLA_AGENT_FAILED", details: { attempts: 3 }, cause: { message: "boom" } },
    });
    expect((await world.orchestrator.task(id)).attempts.map((a) => [a.attempt, a.outcome])).toEqual([
      [1, "failed"],
      [2, "failed"],
      [3, "failed"],
    ]);
  });

  test("a terminal failure is not tried again", async () => {
    await using world = await openWorld();
    const worker = world.worker();
    const { runs, tasks } = await begin(world, worker);
    worker.fail(tasks[0] as never, { terminal: true });
    expect((await world.orchestrator.outcome(runs[0]?.id ?? "")).status).toBe("failed");
  });

  test("the far side's wait counts, not ours", async () => {
    await using world = await openWorld();
    const worker = world.worker();
    const { tasks } = await begin(world, worker);
    worker.fail(tasks[0] as never, { retryAfterMs: 60_000 });
    await world.turn();
    world.clock.advance(59_999);
    await world.turn();
    expect(worker.assigned).toHaveLength(1);
    world.clock.advance(1);
    await world.turn();
    expect(worker.assigned).toHaveLength(2);
  });
});

describe("timeouts", () => {
  test("an attempt that outlives its timeout fails, is told, and is tried again", async () => {
    await using world = await openWorld();
    const worker = world.worker({ definitions: [card("work", { timeoutMs: 5_000 })] });
    const { runs, tasks } = await begin(world, worker);
    world.clock.advance(5_000);
    await world.turn();
    expect(worker.of("cancel")).toMatchObject([{ fence: { task: (tasks[0] as { fence: { task: number } }).fence.task } }]);
    expect((await world.orchestrator.task(runs[0]?.id ?? "")).attempts[0]).toMatchObject({
      outcome: "timeout",
      error: { code: "FLOTILLA_TIMEOUT" },
    });
  });

  test("progress feeds the idle timeout; silence does not", async () => {
    await using world = await openWorld();
    const worker = world.worker({ definitions: [card("work", { idleTimeoutMs: 1_000 })] });
    const { tasks } = await begin(world, worker);
    for (let i = 0; i < 5; i++) {
      world.clock.advance(900);
      worker.say({ t: "progress", fence: (tasks[0] as never as { fence: never }).fence, done: i });
    }
    expect(worker.of("cancel")).toEqual([]);
    world.clock.advance(1_000);
    await world.turn();
    expect(worker.of("cancel")).toHaveLength(1);
  });

  test("code that ignores its end is ended with its process, and its neighbours are tried again without a charge", async () => {
    await using world = await openWorld({ abortGraceMs: 2_000 });
    const worker = world.worker({ definitions: [card("work", { timeoutMs: 5_000 }), card("calm")] });
    const stuck = await world.start("work");
    const calm = await world.start("calm");
    await world.turn();
    world.clock.advance(5_000);
    await world.turn();
    expect(worker.killed).toEqual([]);
    world.clock.advance(2_000);
    expect(worker.killed).toHaveLength(1);
    worker.die();
    await world.turn();
    expect(await world.orchestrator.task(calm.id)).toMatchObject({ state: "ready", crashes: 0 });
    expect(await world.orchestrator.task(stuck.id)).toMatchObject({ crashes: 0, attempts: [{ outcome: "timeout" }] });
  });
});

describe("a worker that dies", () => {
  test("alone with one task: three times, then the task is quarantined", async () => {
    await using world = await openWorld();
    const run = await world.start("work").catch(() => undefined);
    expect(run).toBeUndefined();
    const first = world.worker({ slots: 1 });
    const { id } = await world.start("work");
    for (let crash = 1; crash <= 3; crash++) {
      const worker = crash === 1 ? first : world.worker({ slots: 1 });
      await world.turn();
      expect(worker.assigned).toMatchObject([{ fence: { leaseNo: crash }, attempt: 1 }]);
      worker.die();
      await world.turn();
    }
    expect(await world.orchestrator.outcome(id)).toMatchObject({
      status: "quarantined",
      error: { code: "FLOTILLA_QUARANTINED", details: { crashes: 3 } },
    });
  });

  test("with several tasks: each is tried again alone, and only the poison is quarantined", async () => {
    await using world = await openWorld();
    let worker = world.worker({ slots: 12 });
    const { runs } = await begin(world, worker, 12);
    const poison = worker.assigned[4]?.publicId ?? "";
    const done = new Set<string>();
    worker.die();
    for (let life = 0; life < 40 && done.size < 12; life++) {
      worker = world.worker({ slots: 12 });
      let seen = 0;
      for (let i = 0; i < 20; i++) {
        await world.turn();
        const fresh = worker.assigned.slice(seen);
        seen += fresh.length;
        if (fresh.length === 0) break;
        expect(fresh).toHaveLength(1);
        const [task] = fresh as [(typeof fresh)[number]];
        if (task.publicId === poison) {
          worker.die();
          break;
        }
        worker.succeed(task);
        done.add(task.publicId);
      }
      if ((await world.orchestrator.runs({ status: "quarantined" })).items.length > 0) done.add(poison);
    }
    const states = await Promise.all(runs.map(async (r) => (await world.orchestrator.task(r.id)).state));
    expect(states.filter((s) => s === "succeeded")).toHaveLength(11);
    expect(states.filter((s) => s === "quarantined")).toHaveLength(1);
  });

  test("by a goodbye, a drain or our own kill: nobody is to blame", async () => {
    await using world = await openWorld();
    const worker = world.worker({ slots: 1 });
    const { runs } = await begin(world, worker);
    worker.say({ t: "goodbye", reason: "stopped" });
    await world.turn();
    expect(await world.orchestrator.task(runs[0]?.id ?? "")).toMatchObject({
      state: "ready",
      crashes: 0,
      attempts: [{ outcome: "lost" }],
    });
  });

  test("a waiting workflow is no suspect", async () => {
    await using world = await openWorld();
    const worker = world.worker({ slots: 2, definitions: [card("flow", { kind: "workflow" }), card("work")] });
    const flow = await world.start("flow");
    await world.turn();
    const [assigned] = worker.assigned as [never];
    const { fence } = assigned as { fence: never };
    worker.say({
      t: "acts",
      fence,
      acts: [
        { kind: "child", act: 1, key: "a", inputHash: "h", askedAfter: 0, definition: "work", input: "{}" },
        { kind: "wait", seen: 0 },
      ],
    });
    await world.turn();
    expect(worker.assigned).toHaveLength(2);
    worker.die();
    await world.turn();
    // It was idle: it waits without a worker until its child settles.
    expect(await world.orchestrator.task(flow.id)).toMatchObject({ state: "waiting", crashes: 0 });
    expect((await world.orchestrator.health()).queue).toMatchObject({ parked: 1 });
    expect(await world.orchestrator.task(`${flow.id.replace("r_", "t_")}.1`)).toMatchObject({ crashes: 1 });
  });

  test("between the claim and its commit: the task is another worker's", async () => {
    await using world = await openWorld();
    const first = world.worker();
    const release = world.holdCommits();
    const started = world.start("work");
    await world.turn();
    first.die();
    release();
    await started;
    const second = world.worker();
    await world.turn();
    expect(first.assigned.length + second.assigned.length).toBeGreaterThan(0);
    expect(second.assigned).toMatchObject([{ fence: { leaseNo: 2 }, attempt: 1 }]);
  });

  test("a main loop that is blocked too long ends its process", async () => {
    await using world = await openWorld({ blockedMs: 30_000 });
    const worker = world.worker();
    const { runs } = await begin(world, worker);
    world.clock.advance(7_000);
    expect(await world.orchestrator.explain(runs[0]?.id ?? "")).toMatchObject({ reason: "WORKER_UNRESPONSIVE" });
    world.clock.advance(30_000);
    expect(worker.killed).toHaveLength(1);
  });
});

describe("a task that is tried alone", () => {
  test("runs beside a workflow that waits, and that one resumes only after it", async () => {
    await using world = await openWorld();
    const host = world.worker({ slots: 4, definitions: [card("flow", { kind: "workflow" }), card("doom")] });
    const far = world.worker({ definitions: [card("far")] });
    await world.start("flow");
    await world.turn();
    const { fence } = host.assigned[0] as never;
    const child = { kind: "child" as const, act: 1, key: "k", inputHash: "", askedAfter: 0, definition: "far", input: "{}" };
    host.say({ t: "acts", fence, acts: [child, { kind: "wait", seen: 0 }] });
    await world.turn();
    // Two suspects: the worker with the most free slots takes both, and dies.
    const doomed = world.worker({ slots: 8, definitions: [card("doom")] });
    await Promise.all([world.start("doom"), world.start("doom")]);
    await world.turn();
    expect(doomed.assigned).toHaveLength(2);
    doomed.die();
    await world.turn();
    const alone = host.assigned.slice(1);
    expect(alone.map((a) => a.definition)).toEqual(["doom"]);
    far.succeed(far.assigned[0] as never, 1);
    await world.turn();
    expect(host.of("deliver")).toEqual([]);
    host.succeed(alone[0] as never);
    await world.turn();
    expect(host.of("deliver").flatMap((m) => m.deliveries)).toMatchObject([{ seq: 1, value: "1" }]);
    // The other suspect is not given to a host where the workflow executes.
    expect(host.assigned).toHaveLength(2);
    host.say({ t: "acts", fence, acts: [{ kind: "wait", seen: 1 }] });
    await world.turn();
    expect(host.assigned).toHaveLength(3);
  });

  test("and what the workflow learns comes in order, also when the lonely task is its own child", async () => {
    await using world = await openWorld();
    const host = world.worker({ slots: 4, definitions: [card("flow", { kind: "workflow" }), card("doom")] });
    const far = world.worker({ definitions: [card("far")] });
    await world.start("flow");
    await world.turn();
    const { fence } = host.assigned[0] as never;
    const child = (act: number, definition: string) => ({
      kind: "child" as const,
      act,
      key: `k${act}`,
      inputHash: "",
      askedAfter: 0,
      definition,
      input: "{}",
    });
    const doomed = world.worker({ slots: 8, definitions: [card("doom")] });
    host.say({ t: "acts", fence, acts: [child(1, "far"), child(2, "doom"), child(3, "doom"), { kind: "wait", seen: 0 }] });
    await world.turn();
    doomed.die();
    await world.turn();
    const alone = host.assigned.slice(1);
    expect(alone).toHaveLength(1);
    far.succeed(far.assigned[0] as never, "parked");
    await world.turn();
    host.succeed(alone[0] as never, "alone");
    await world.turn();
    expect(
      host
        .of("deliver")
        .flatMap((m) => m.deliveries)
        .map((d) => [d.seq, d.value]),
    ).toEqual([
      [1, '"parked"'],
      [2, '"alone"'],
    ]);
  });
});
