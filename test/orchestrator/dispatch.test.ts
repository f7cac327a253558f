import { describe, expect, test } from "vitest";
import type { Assignment, ChildAct } from "../../src/protocol/worker.ts";
import { card, openWorld, type TestWorker, type World } from "./world.ts";

const child = (act: number, over: Partial<ChildAct> = {}): ChildAct => ({
  kind: "child",
  act,
  key: `k${act}`,
  inputHash: `h${act}`,
  askedAfter: 0,
  definition: "work",
  input: "{}",
  ...over,
});

async function flowing(world: World, worker: TestWorker) {
  const run = await world.start("flow");
  await world.turn();
  return { run, fence: (worker.assigned[0] as Assignment).fence };
}
const flow = [card("flow", { kind: "workflow" }), card("work")];

describe("matching", () => {
  test("never more than the free slots, and the rest as they free", async () => {
    await using world = await openWorld();
    const worker = world.worker({ slots: 3 });
    await Promise.all(Array.from({ length: 10 }, () => world.start("work")));
    await world.turn();
    expect(worker.assigned).toHaveLength(3);
    worker.succeed(worker.assigned[0] as never);
    await world.turn();
    expect(worker.assigned).toHaveLength(4);
  });

  test("a high priority overtakes, equal ones keep their order", async () => {
    await using world = await openWorld();
    const worker = world.worker({ slots: 1 });
    await world.start("work");
    await world.turn();
    const inputs = ["a", "b", "low", "high"];
    for (const name of inputs)
      await world.start("work", {
        input: JSON.stringify(name),
        ...(name === "low" || name === "high" ? { priority: name } : {}),
      });
    for (let i = 0; i < 4; i++) {
      worker.succeed(worker.assigned.at(-1) as never);
      await world.turn();
    }
    expect(worker.assigned.slice(1).map((a) => JSON.parse(a.input))).toEqual(["high", "a", "b", "low"]);
  });

  test("a tenant that comes later is served in turn, not behind the other's backlog", async () => {
    await using world = await openWorld();
    const worker = world.worker({ slots: 1 });
    for (let i = 0; i < 20; i++) await world.start("work", { tenant: "big" });
    for (let i = 0; i < 3; i++) await world.start("work", { tenant: "small" });
    const order: string[] = [];
    for (let i = 0; i < 8; i++) {
      await world.turn();
      const a = worker.assigned.at(-1) as never as { tenant: string };
      order.push(a.tenant);
      worker.succeed(a as never);
    }
    expect(order.filter((t) => t === "small")).toHaveLength(3);
  });

  test("needs decide who may run it; without such a worker the reason names what is missing", async () => {
    await using world = await openWorld();
    const plain = world.worker({ definitions: [card("ocr", { needs: ["gpu"] })] });
    const run = await world.start("ocr");
    await world.turn();
    expect(plain.assigned).toEqual([]);
    expect(await world.orchestrator.explain(run.id)).toMatchObject({
      reason: "NO_CAPABLE_WORKER",
      fix: [expect.stringContaining("gpu") as string],
    });
    const gpu = world.worker({ offers: ["gpu"], definitions: [card("ocr", { needs: ["gpu"] })] });
    await world.turn();
    expect(gpu.assigned).toHaveLength(1);
  });

  test("a contract's call runs on the implementation that fits it best", async () => {
    await using world = await openWorld();
    const worker = world.worker({
      offers: ["lang:fr", "lang:de"],
      definitions: [
        card("flow", { kind: "workflow" }),
        card("translate.fr", { implements: "translate", needs: ["lang:fr"] }),
        card("translate.de", { implements: "translate", needs: ["lang:de"] }),
      ],
    });
    world.orchestrator.register([card("translate", { kind: "contract" })]);
    const { fence } = await flowing(world, worker);
    worker.say({
      t: "acts",
      fence,
      acts: [
        child(1, { definition: "translate", needs: ["lang:de"] }),
        child(2, { definition: "translate", needs: ["lang:fr"] }),
      ],
    });
    await world.turn();
    expect(worker.assigned.slice(1).map((a) => a.definition)).toEqual(["translate.de", "translate.fr"]);
  });
});

describe("a call that must not wait", () => {
  test("is refused with the worker that comes nearest", async () => {
    await using world = await openWorld();
    const worker = world.worker({ definitions: flow });
    const { fence } = await flowing(world, worker);
    worker.say({ t: "acts", fence, acts: [child(1, { needs: ["gpu"], ifNoWorker: "fail" })] });
    await world.turn();
    const [refused] = worker.of("deliver").flatMap((m) => m.deliveries);
    const nearest = [expect.stringContaining("does not offer gpu") as string];
    expect(refused).toMatchObject({
      status: "failed",
      error: { code: "FLOTILLA_NO_WORKER", details: { needs: ["gpu"], nearest } },
    });
  });
});

describe("waiting costs no slot", () => {
  test("a parent and its child run on one slot", async () => {
    await using world = await openWorld();
    const worker = world.worker({ slots: 1, definitions: flow });
    const { fence, run } = await flowing(world, worker);
    worker.say({ t: "acts", fence, acts: [child(1), { kind: "wait", seen: 0 }] });
    await world.turn();
    expect(worker.assigned).toHaveLength(2);
    expect((await world.orchestrator.explain(run.id)).reason).toBe("WAITING_CHILDREN");
    worker.succeed(worker.assigned[1] as never, 5);
    await world.turn();
    expect(worker.of("deliver")).toMatchObject([{ deliveries: [{ seq: 1, act: 1, status: "succeeded", value: "5" }] }]);
  });

  test("a wait that crosses a delivery does not arm the gate", async () => {
    await using world = await openWorld();
    const worker = world.worker({ slots: 4, definitions: flow });
    const { fence, run } = await flowing(world, worker);
    worker.say({ t: "acts", fence, acts: [child(1), child(2)] });
    await world.turn();
    worker.succeed(worker.assigned[1] as never);
    await world.turn();
    worker.say({ t: "acts", fence, acts: [{ kind: "wait", seen: 0 }] });
    await world.turn();
    expect((await world.orchestrator.task(run.id)).state).toBe("running");
    worker.say({ t: "acts", fence, acts: [{ kind: "wait", seen: 1 }] });
    await world.turn();
    expect((await world.orchestrator.task(run.id)).state).toBe("waiting");
  });
});

describe("children", () => {
  test("what cannot be accepted is a recorded outcome with the fix", async () => {
    await using world = await openWorld();
    const worker = world.worker({ definitions: flow });
    const { fence } = await flowing(world, worker);
    worker.say({
      t: "acts",
      fence,
      acts: [child(1, { definition: "wrok" }), child(2, { input: JSON.stringify("x".repeat(2_000_000)) })],
    });
    await world.turn();
    const [first, second] = worker.of("deliver").flatMap((m) => m.deliveries);
    expect(first).toMatchObject({
      seq: 1,
      status: "failed",
      error: { code: "FLOTILLA_UNKNOWN_DEFINITION", fix: ['did you mean "work"?'] },
    });
    expect(second).toMatchObject({ seq: 2, status: "failed", error: { code: "FLOTILLA_TOO_LARGE" } });
  });

  test("a workflow whose code changed waits until a build comes, and goes on with its journal", async () => {
    await using world = await openWorld();
    const worker = world.worker({ definitions: flow });
    const { fence, run } = await flowing(world, worker);
    worker.say({ t: "acts", fence, acts: [child(1)] });
    await world.turn();
    worker.say({
      t: "settle",
      fence,
      result: {
        status: "mismatch",
        error: { code: "FLOTILLA_HISTORY_MISMATCH", message: "at k1", details: { key: "k1", recorded: "a", asked: "b" } },
      },
      spent: null,
    });
    await world.turn();
    expect(await world.orchestrator.explain(run.id)).toMatchObject({ state: "waiting", reason: "HISTORY_MISMATCH" });
    const next = world.worker({ definitions: flow, build: "c" });
    await world.turn();
    const again = [...worker.assigned, ...next.assigned].findLast((a) => a.definition === "flow");
    expect(again).toMatchObject({ acts: 1, journal: [{ act: 1, kind: "child", key: "k1" }], fence: { leaseNo: 2 } });
  });

  test("10,000 children of one parent cost statements and messages in proportion, not in square", async () => {
    await using world = await openWorld();
    const worker = world.worker({ slots: 500, definitions: flow });
    const { fence } = await flowing(world, worker);
    worker.say({
      t: "acts",
      fence,
      acts: [...Array.from({ length: 10_000 }, (_, i) => child(i + 1)), { kind: "wait" as const, seen: 0 }],
    });
    let settled = 1;
    for (let i = 0; i < 2_000 && settled < 10_001; i++) {
      await world.turn();
      const fresh = worker.assigned.slice(settled);
      settled += fresh.length;
      for (const a of fresh) worker.succeed(a);
    }
    await world.turn();
    const delivered = worker.of("deliver").flatMap((m) => m.deliveries);
    expect(delivered.map((d) => d.seq)).toEqual(Array.from({ length: 10_000 }, (_, i) => i + 1));
    expect(new Set(delivered.map((d) => d.act)).size).toBe(10_000);
    expect(worker.of("deliver").length).toBeLessThan(200);
    expect(worker.of("assign").length).toBeLessThan(200);
  });
});

describe("the door", () => {
  test("an unknown name, too many waiting tasks, a key with another input: refused with the fix, nothing stored", async () => {
    await using world = await openWorld({ queuedMax: 2 });
    world.orchestrator.register([card("work")]);
    await expect(world.start("wrok")).rejects.toMatchObject({
      code: "FLOTILLA_UNKNOWN_DEFINITION",
      fix: ['did you mean "work"?'],
    });
    const first = await world.start("work", { idempotencyKey: "k", inputHash: "1" });
    expect(await world.start("work", { idempotencyKey: "k", inputHash: "1" })).toMatchObject({ id: first.id, existing: true });
    await expect(world.start("work", { idempotencyKey: "k", inputHash: "2" })).rejects.toMatchObject({
      code: "FLOTILLA_IDEMPOTENCY_CONFLICT",
      details: { run: first.id },
    });
    await world.start("work");
    await expect(world.start("work")).rejects.toMatchObject({ code: "FLOTILLA_TOO_MANY" });
    expect((await world.orchestrator.runs({})).items).toHaveLength(2);
  });

  test("100 starts with one key are one run", async () => {
    await using world = await openWorld();
    world.worker();
    const replies = await Promise.all(
      Array.from({ length: 100 }, () => world.start("work", { idempotencyKey: "k", inputHash: "1" })),
    );
    expect(new Set(replies.map((r) => r.id)).size).toBe(1);
    expect(replies.filter((r) => !r.existing)).toHaveLength(1);
  });

  test("an id with a wrong secret finds nothing", async () => {
    await using world = await openWorld();
    world.worker();
    const { id } = await world.start("work");
    const forged = `r_${"0".repeat(26)}${id.slice(28)}`;
    await expect(world.orchestrator.run(forged)).rejects.toMatchObject({ code: "FLOTILLA_NOT_FOUND" });
  });

  test("a drain lets what runs finish and starts nothing", async () => {
    await using world = await openWorld();
    const worker = world.worker({ slots: 1 });
    const first = await world.start("work");
    const second = await world.start("work");
    await world.turn();
    const drained = world.orchestrator.drain();
    await expect(world.start("work")).rejects.toMatchObject({ code: "FLOTILLA_CLOSED" });
    worker.succeed(worker.assigned[0] as never);
    await drained;
    expect((await world.orchestrator.outcome(first.id)).status).toBe("succeeded");
    expect(await world.orchestrator.explain(second.id)).toMatchObject({ state: "ready", reason: "DRAINING" });
  });
});

describe("a drain with a workflow that waits", () => {
  test("ends when its running child has, and keeps the rest for the next life", async () => {
    await using world = await openWorld();
    const worker = world.worker({ slots: 1, definitions: flow });
    const { fence, run } = await flowing(world, worker);
    worker.say({ t: "acts", fence, acts: [child(1), child(2), { kind: "wait", seen: 0 }] });
    await world.turn();
    const drained = world.orchestrator.drain();
    worker.succeed(worker.assigned[1] as never);
    await world.turn();
    // It hears of the child that ended, and waits for the one that is not started any more.
    worker.say({ t: "acts", fence, acts: [{ kind: "wait", seen: 1 }] });
    await drained;
    expect((await world.orchestrator.task(run.id)).state).toBe("waiting");
    expect((await world.orchestrator.task(`${run.id.replace("r_", "t_")}.2`)).state).toBe("ready");
  });
});

describe("events", () => {
  test("stored ones in order without a gap, whoever reads when; live ones while they happen", async () => {
    await using world = await openWorld();
    const worker = world.worker({ definitions: flow });
    const { fence, run } = await flowing(world, worker);
    const live: string[] = [];
    const reading = (async () => {
      for await (const e of world.orchestrator.events(run.id, {})) live.push(`${e.cursor} ${e.type}`);
    })();
    await world.turn();
    worker.say({
      t: "acts",
      fence,
      acts: [child(1), { kind: "emit", act: 2, key: "e", askedAfter: 0, name: "found", value: "1" }, child(3)],
    });
    await world.turn();
    for (const a of worker.assigned.slice(1)) worker.succeed(a);
    await world.turn();
    worker.say({ t: "settle", fence, result: { status: "succeeded", value: "1" }, spent: null });
    await reading;
    const stored = ["0 run.started", "1 custom", "2 task.settled", "3 task.settled", "3 run.finished"];
    expect(live.filter((l) => stored.includes(l))).toEqual(stored);
    expect(live).toContain("1 task.started");
    const later: string[] = [];
    for await (const e of world.orchestrator.events(run.id, { after: "1", types: ["task.settled", "run.finished"] }))
      later.push(`${e.cursor} ${e.type}`);
    expect(later).toEqual(stored.slice(2));
  });
});
