import { describe, expect, test } from "vitest";
import type { OrchestratorApi, StartReply, StartRequest } from "../../src/protocol/views.ts";
import { memoryArtifacts } from "../../src/store/artifacts/memory.ts";
import { card, openWorld, type World } from "./world.ts";

async function twoNamespaces(o: Parameters<typeof openWorld>[0] = {}) {
  const world = await openWorld(o);
  const { access } = world.orchestrator;
  const [a, b] = [await access.internNamespace("team-a"), await access.internNamespace("team-b")];
  return { world, a, b, inA: world.orchestrator.within(a), inB: world.orchestrator.within(b) };
}

const start = (api: OrchestratorApi, name: string, over: Partial<StartRequest> = {}) =>
  api.start([{ name, input: "{}", ...over }])[0] as Promise<StartReply>;
const notFound = { code: "FLOTILLA_NOT_FOUND" };
const ids = (page: { items: readonly { id: string }[] }) => page.items.map((i) => i.id);

/** A workflow of team A that asks for approval and has a child. */
async function begun(world: World, inA: OrchestratorApi) {
  const worker = world.worker({ definitions: [card("flow", { kind: "workflow" }), card("work")] });
  const run = (await start(inA, "flow")).id;
  await world.turn();
  const [task] = worker.assigned;
  if (!task) throw new Error("nothing was assigned");
  const asked = { inputHash: "h", askedAfter: 0 };
  const approval = { title: "Ship?", detail: null, diff: null, role: null, edit: null, onTimeout: "reject" } as const;
  worker.say({
    t: "acts",
    fence: task.fence,
    acts: [
      { kind: "child", act: 1, key: "c", definition: "work", input: "{}", ...asked },
      { kind: "approval", act: 2, key: "a", approval, timeoutMs: null, ...asked },
      { kind: "wait", seen: 0 },
    ],
  });
  await world.turn();
  return { worker, run, task: `t_${run.slice(2)}`, child: `t_${run.slice(2)}.1`, approval: `a_${run.slice(2)}.2` };
}

describe("what lies in another namespace does not exist", () => {
  test("every verb that takes an id, of a run, a task or an approval", async () => {
    const { world, inA, inB } = await twoNamespaces();
    await using _ = world;
    const { run, task, child, approval } = await begun(world, inA);
    expect((await inA.run(run)).id).toBe(run);
    expect((await inA.approval(approval)).state).toBe("open");
    for (const id of [run, task, child]) {
      const ways = [
        inB.cancel(id, "no"),
        inB.send(id, { name: "m", value: "1" }),
        inB.fork(id, "{}"),
        inB.redrive(id),
        inB.query(id, "q"),
        inB.task(id),
        inB.explain(id),
        inB.plans(id),
      ];
      for (const way of ways) await expect(way).rejects.toMatchObject({ ...notFound, details: { id } });
    }
    const ways = [
      inB.run(run),
      inB.outcome(run),
      inB.repair(run),
      inB.tasks({ run }),
      inB.purge({ run }),
      inB.approval(approval),
      inB.approve(approval, {}),
      inB.reject(approval, { reason: "no" }),
      inB.approvals({ after: approval }),
      inB.events(run, {})[Symbol.asyncIterator]().next(),
    ];
    for (const way of ways) await expect(way).rejects.toMatchObject(notFound);
    expect((await inA.run(run)).status).toBe("running");
  });

  test("lists, counts and names are its own", async () => {
    const { world, inA, inB } = await twoNamespaces();
    await using _ = world;
    const { run, approval } = await begun(world, inA);
    expect([ids(await inA.runs({})), ids(await inB.runs({}))]).toEqual([[run], []]);
    expect([ids(await inA.runs({ name: "flow" })), ids(await inB.runs({ name: "flow" }))]).toEqual([[run], []]);
    expect([ids(await inA.approvals({})), ids(await inB.approvals({}))]).toEqual([[approval], []]);
    expect((await world.orchestrator.runs({})).items).toEqual([]);
    const { queue, store } = await inB.health();
    expect({ queue, store }).toEqual({
      store: "memory",
      queue: { ready: 0, delayed: null, running: 0, parked: null, oldestReadyMs: null },
    });
    expect((await inA.health()).queue.running).toBe(2);
    // The worker serves both, and what it does for one is not shown to the other.
    expect((await inA.workers())[0]?.tasks).toHaveLength(1);
    expect((await inB.workers())[0]?.tasks).toEqual([]);
  });

  test("children inherit it, and a repair, a fork and a redrive stay in it", async () => {
    const { world, inA } = await twoNamespaces();
    await using _ = world;
    const { run, worker } = await begun(world, inA);
    const child = worker.assigned.find((t) => t.definition === "work");
    if (child) worker.fail(child, { terminal: true });
    await world.turn();
    const redriven = await inA.redrive(`t_${run.slice(2)}.1`);
    const forked = await inA.fork(run, "{}");
    expect(ids(await inA.runs({})).toSorted()).toEqual([run, redriven.id, forked.id].toSorted());
    expect((await world.orchestrator.runs({})).items).toEqual([]);
  });

  test("the same key starts a run in each, and a repeated one finds its own", async () => {
    const { world, inA, inB } = await twoNamespaces();
    await using _ = world;
    world.worker();
    const key = { idempotencyKey: "k", inputHash: "h" };
    const [first, second, again] = [await start(inA, "work", key), await start(inB, "work", key), await start(inA, "work", key)];
    expect([first.existing, second.existing, again.existing]).toEqual([false, false, true]);
    expect(again.id).toBe(first.id);
    expect(second.id).not.toBe(first.id);
  });

  test("a schedule and its runs", async () => {
    const { world, inA, inB } = await twoNamespaces();
    await using _ = world;
    world.worker();
    await inA.schedules.put({ name: "s", target: "work", input: "{}", everyMs: 60_000, overlap: "allow" });
    await expect(inB.schedules.get("s")).rejects.toMatchObject(notFound);
    await expect(inB.schedules.trigger("s")).rejects.toMatchObject(notFound);
    await expect(inB.schedules.delete("s")).rejects.toMatchObject(notFound);
    expect((await inB.schedules.list({})).items).toEqual([]);
    const triggered = await inA.schedules.trigger("s");
    world.clock.advance(60_000);
    await world.turn();
    const runs = ids(await inA.runs({}));
    expect(runs).toContain(triggered.id);
    expect(runs).toHaveLength(2);
    expect((await world.orchestrator.runs({})).items).toEqual([]);
  });

  test("an artifact is read where a run uses it", async () => {
    const artifacts = memoryArtifacts();
    const { world, inA, inB } = await twoNamespaces({ artifacts });
    await using _ = world;
    const worker = world.worker();
    const { id } = await start(inA, "work");
    await world.turn();
    const [task] = worker.assigned;
    if (task) worker.succeed(task, "x".repeat(70_000));
    expect((await inA.outcome(id)).value).toHaveLength(70_002);
    const { hash } = await artifacts.put(JSON.stringify("x".repeat(70_000)));
    expect(await inA.artifact(hash)).toHaveLength(70_002);
    await expect(inB.artifact(hash)).rejects.toMatchObject(notFound);
    // Nor does naming it make it one's own: in an input, a message or another's input.
    const named = JSON.stringify({ ref: { $artifact: hash, bytes: 70_002 } });
    await expect(start(inB, "work", { input: named })).rejects.toMatchObject(notFound);
    await expect(inB.schedules.put({ name: "s", target: "work", input: named, everyMs: 60_000 })).rejects.toMatchObject(notFound);
    const own = (await start(inB, "work")).id;
    await expect(inB.fork(own, named)).rejects.toMatchObject(notFound);
    await expect(inB.send(own, { name: "m", value: named })).rejects.toMatchObject(notFound);
    expect(await start(inA, "work", { input: named })).toMatchObject({ existing: false });
    await expect(inB.artifact(hash)).rejects.toMatchObject(notFound);
  });

  test("a tenant of the same name is purged in one only", async () => {
    const { world, inA, inB } = await twoNamespaces();
    await using _ = world;
    const worker = world.worker();
    const runs = [await start(inA, "work", { tenant: "acme" }), await start(inB, "work", { tenant: "acme" })];
    await world.turn();
    for (const task of worker.assigned) worker.succeed(task);
    await world.turn();
    const purged = inB.purge({ tenant: "acme" });
    // It rests between slices.
    for (let i = 0; i < 20; i++) {
      await world.turn();
      world.clock.advance(1_000);
    }
    expect(await purged).toEqual({ runs: 1, tasks: 1, open: 0 });
    expect(ids(await inA.runs({}))).toEqual([runs[0]?.id]);
    expect(ids(await inB.runs({}))).toEqual([]);
  });

  test("a copy of the store holds everybody's, and is not made for one", async () => {
    const { world, inA } = await twoNamespaces();
    await using _ = world;
    await expect(inA.backup("/nowhere")).rejects.toMatchObject({ code: "FLOTILLA_NOT_SUPPORTED" });
  });
});

describe("a worker of one namespace", () => {
  test("is given tasks of that one alone; one of all namespaces takes any", async () => {
    const { world, a, inA, inB } = await twoNamespaces();
    await using _ = world;
    const everywhere = world.worker({ slots: 0 });
    const ofA = world.worker({}, a.id);
    const [first, second] = [await start(inA, "work"), await start(inB, "work")];
    await world.turn();
    expect(ofA.assigned.map((t) => t.publicId)).toEqual([`t_${first.id.slice(2)}`]);
    expect(everywhere.assigned).toEqual([]);
    expect(await inB.explain(second.id)).toMatchObject({ state: "ready" });
    const free = world.worker();
    await world.turn();
    expect(free.assigned.map((t) => t.publicId)).toEqual([`t_${second.id.slice(2)}`]);
    expect([(await inA.workers()).length, (await inB.workers()).length]).toEqual([3, 2]);
  });

  test("its definitions are known there alone, and hide none of the same name elsewhere", async () => {
    const { world, a, inA, inB } = await twoNamespaces();
    await using _ = world;
    world.worker({ definitions: [card("work", { description: "for all" })] });
    world.worker({ definitions: [card("work", { description: "of A" }), card("own")] }, a.id);
    expect((await inA.definition("work")).description).toBe("of A");
    expect((await inB.definition("work")).description).toBe("for all");
    expect((await inA.definition("own")).name).toBe("own");
    await expect(inB.definition("own")).rejects.toMatchObject({
      code: "FLOTILLA_UNKNOWN_DEFINITION",
      details: { known: ["work"] },
    });
    await expect(start(inB, "own")).rejects.toMatchObject({ code: "FLOTILLA_UNKNOWN_DEFINITION" });
    // A default namespace is one like the others.
    await expect(world.start("own")).rejects.toMatchObject({ code: "FLOTILLA_UNKNOWN_DEFINITION" });
    expect((await inB.health()).uncovered).toEqual([]);
  });

  test("reads artifacts of that one alone", async () => {
    const artifacts = memoryArtifacts();
    const { world, a, b, inA } = await twoNamespaces({ artifacts });
    await using _ = world;
    const [ofA, ofB] = [world.worker({}, a.id), world.worker({}, b.id)];
    await start(inA, "work");
    await world.turn();
    const { fence } = ofA.assigned[0] ?? { fence: { task: 0, boot: 0, leaseNo: 0 } };
    ofA.say({ t: "put", fence, request: 1, value: '"of A"', type: null });
    await world.turn();
    const ref = JSON.parse(ofA.of("reply")[0]?.value ?? "{}").$artifact as string;
    ofA.say({ t: "get", fence, request: 2, ref });
    // Whose fence it names is the worker's word.
    ofB.say({ t: "put", fence, request: 2, value: '"of B"', type: null });
    ofB.say({ t: "get", fence, request: 1, ref });
    await world.turn();
    expect(ofA.of("reply")[1]).toMatchObject({ value: '"of A"', error: null });
    const [refused, put] = [1, 2].map((request) => ofB.of("reply").find((m) => m.request === request));
    expect(refused).toMatchObject({ value: null, error: { code: "FLOTILLA_NOT_FOUND" } });
    await expect(inA.artifact(JSON.parse(put?.value ?? "{}").$artifact as string)).rejects.toMatchObject(notFound);
  });

  test("a task of B is not said to wait for what a worker of A lacks", async () => {
    const { world, a, inB } = await twoNamespaces();
    await using _ = world;
    world.orchestrator.register([card("work", { needs: ["gpu"] })]);
    world.worker({ name: "secret-of-a", definitions: [card("work", { needs: ["gpu"] })] }, a.id);
    const { id } = await start(inB, "work");
    const explained = await inB.explain(id);
    expect(explained.reason).toBe("NO_CAPABLE_WORKER");
    expect(JSON.stringify(explained)).not.toContain("secret-of-a");
  });

  test("what is known everywhere is known again to the next life", async () => {
    const { mkdtempSync, rmSync } = await import("node:fs");
    const { tmpdir } = await import("node:os");
    const folder = mkdtempSync(`${tmpdir()}/flotilla-ns-`);
    try {
      const path = `${folder}/a.db`;
      const one = await openWorld({ path });
      const a = await one.orchestrator.access.internNamespace("team-a");
      one.worker();
      one.worker({ definitions: [card("own")] }, a.id);
      await start(one.orchestrator.within(a), "own");
      await one.turn();
      await one.orchestrator.close();
      await using two = await openWorld({ path });
      const inA = two.orchestrator.within((await two.orchestrator.access.namespace("team-a")) ?? a);
      expect((await inA.definition("own")).name).toBe("own");
      expect((await inA.definition("work")).name).toBe("work");
      expect((await two.orchestrator.definition("work")).name).toBe("work");
      await expect(two.orchestrator.definition("own")).rejects.toMatchObject({ code: "FLOTILLA_UNKNOWN_DEFINITION" });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
