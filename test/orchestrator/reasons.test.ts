// Every reason that a task may not be running for, produced, with the step that people are told to take next.
import { expect, test } from "vitest";
import { FlotillaError } from "../../src/core/error.ts";
import { reasons, type Reason } from "../../src/core/reason.ts";
import type { Act, Assignment } from "../../src/protocol/worker.ts";
import { card, openWorld, type TestWorker, type World } from "./world.ts";

const flow = [card("flow", { kind: "workflow" }), card("work")];
const asked = { inputHash: "h", askedAfter: 0 };

interface Case {
  /** Brings a task into the state. @returns its id. */
  make(world: World): Promise<string>;
  /** What the first step says. */
  readonly fix: RegExp;
}

async function started(world: World, name = "work"): Promise<{ id: string; worker: TestWorker; task: Assignment }> {
  const worker = world.worker({ definitions: flow });
  const { id } = await world.start(name);
  await world.turn();
  return { id, worker, task: worker.assigned[0] as Assignment };
}

/** A workflow that asked for that and is idle. */
async function waitingFor(world: World, act: Act): Promise<string> {
  const { id, worker, task } = await started(world, "flow");
  worker.say({ t: "acts", fence: task.fence, acts: [act, { kind: "wait", seen: 0 }] });
  await world.turn();
  return id;
}

const big = JSON.stringify("x".repeat(70_000));

const cases: { readonly [R in Reason]: Case } = {
  WORKERS_BUSY: {
    async make(world) {
      world.worker({ slots: 1 });
      await world.start("work");
      return (await world.start("work")).id;
    },
    fix: /add workers or slots/,
  },
  NO_CAPABLE_WORKER: {
    async make(world) {
      world.orchestrator.register([card("work")]);
      return (await world.start("work")).id;
    },
    fix: /start a worker that has work/,
  },
  BUILD_GONE: {
    async make(world) {
      const remote = (code: string) =>
        world.worker({ isolation: "remote", build: code, definitions: [card("flow", { kind: "workflow", code }), card("work")] });
      const worker = remote("b1");
      const { id } = await world.start("flow");
      await world.turn();
      const { fence } = worker.assigned[0] as Assignment;
      worker.say({ t: "acts", fence, acts: [{ kind: "emit", act: 1, key: "k", askedAfter: 0, name: "n", value: "1" }] });
      await world.turn();
      remote("b2");
      worker.attachment.lost("its link broke", { observed: false });
      await world.turn();
      return id;
    },
    fix: /start a worker of build b1/,
  },
  DISPATCHING: {
    async make(world) {
      // Its worker comes while the store takes its time: it is next.
      world.orchestrator.register([card("work")]);
      const { id } = await world.start("work");
      const release = world.holdCommits();
      world.worker();
      queueMicrotask(release);
      return id;
    },
    fix: /ask again in a moment/,
  },
  WAITING_CHILDREN: {
    make: (world) => waitingFor(world, { kind: "child", act: 1, key: "k", definition: "work", input: "{}", ...asked }),
    fix: /flotilla tasks ls --run r_\w+ --state running/,
  },
  WAITING_APPROVAL: {
    make: (world) =>
      waitingFor(world, {
        kind: "approval",
        act: 1,
        key: "k",
        ...asked,
        approval: { title: "go?", detail: null, diff: null, role: null, edit: null, onTimeout: "reject" },
        timeoutMs: null,
      }),
    fix: /flotilla approvals approve a_\w+\.1/,
  },
  WAITING_MESSAGE: {
    make: (world) => waitingFor(world, { kind: "message", act: 1, key: "k", ...asked, name: "paid", timeoutMs: null }),
    fix: /flotilla runs send r_\w+ paid VALUE/,
  },
  WAITING_TIMER: {
    make: (world) => waitingFor(world, { kind: "timer", act: 1, key: "k", ...asked, until: { delayMs: 60_000 } }),
    fix: /flotilla runs cancel r_\w+/,
  },
  BACKOFF: {
    async make(world) {
      const { id, worker, task } = await started(world);
      worker.fail(task);
      await world.turn();
      return id;
    },
    fix: /flotilla tasks get/,
  },
  SCHEDULED: {
    async make(world) {
      world.worker();
      return (await world.start("work", { delayMs: 60_000 })).id;
    },
    fix: /flotilla runs cancel r_/,
  },
  RUNS_ALONE: {
    async make(world) {
      const worker = world.worker({ slots: 2 });
      const { id } = await world.start("work");
      await world.start("work");
      await world.turn();
      worker.die();
      await world.turn();
      const next = world.worker({ slots: 1 });
      await world.turn();
      // The other one has the worker for itself.
      expect(next.assigned).toHaveLength(1);
      const other = next.assigned[0]?.publicId === id.replace("r_", "t_");
      return other ? (await world.orchestrator.runs({})).items.find((r) => r.id !== id)!.id : id;
    },
    fix: /next on an idle worker/,
  },
  VALUE_MISSING: {
    async make(world) {
      const { id, worker, task } = await started(world, "flow");
      const child: Act = { kind: "child", act: 1, key: "k", definition: "work", input: "{}", ...asked };
      worker.say({ t: "acts", fence: task.fence, acts: [child, { kind: "wait", seen: 0 }] });
      await world.turn();
      const kid = worker.assigned[1] as Assignment;
      worker.say({ t: "settle", fence: kid.fence, result: { status: "succeeded", value: big }, spent: null });
      world.artifactFault = () => Promise.reject(new Error("no such file"));
      for (let i = 0; i < 8; i++) {
        await world.turn();
        world.clock.advance(10_000);
      }
      return id;
    },
    fix: /flotilla tasks get t_|artifact/,
  },
  HISTORY_MISMATCH: {
    async make(world) {
      const { id, worker, task } = await started(world, "flow");
      const error = { code: "FLOTILLA_HISTORY_MISMATCH", message: "at k", fix: ["roll the code back"] };
      worker.say({ t: "settle", fence: task.fence, result: { status: "mismatch", error }, spent: null });
      await world.turn();
      return id;
    },
    fix: /roll the code back/,
  },
  WORKER_UNRESPONSIVE: {
    async make(world) {
      const { id } = await started(world);
      world.clock.advance(7_000);
      return id;
    },
    fix: /off the main loop/,
  },
  STORE_FULL: {
    async make(world) {
      world.worker({ slots: 1 });
      await world.start("work");
      const { id } = await world.start("work");
      world.commitFault = () => new FlotillaError("FLOTILLA_STORE_FULL", { path: "a.db" });
      await world.start("work").catch(() => undefined);
      return id;
    },
    fix: /free some space/,
  },
  DRAINING: {
    async make(world) {
      world.worker({ slots: 1 });
      await world.start("work");
      const { id } = await world.start("work");
      void world.orchestrator.drain();
      return id;
    },
    fix: /start the fleet again/,
  },
};

test.each(Object.entries(cases))("%s", async (reason, { make, fix }) => {
  await using world = await openWorld();
  const id = await make(world);
  const explanation = await world.orchestrator.explain(id);
  expect(explanation.reason).toBe(reason);
  expect(explanation.detail).toContain(reasons[reason as Reason].slice(0, 20));
  expect(explanation.fix.join("\n")).toMatch(fix);
});

test("a parked workflow is explained as one that waits in memory is", async () => {
  await using world = await openWorld();
  const { id, worker, task } = await started(world, "flow");
  const timer: Act = { kind: "timer", act: 1, key: "k", ...asked, until: { delayMs: 60_000 } };
  worker.say({ t: "acts", fence: task.fence, acts: [timer, { kind: "wait", seen: 0, park: true }] });
  await world.turn();
  expect(worker.of("parked")).toHaveLength(1);
  expect(await world.orchestrator.task(id)).toMatchObject({ state: "waiting" });
  expect(await world.orchestrator.explain(id)).toMatchObject({ state: "waiting", reason: "WAITING_TIMER" });
  world.clock.advance(60_000);
  await world.turn();
  expect(worker.assigned[1]).toMatchObject({ attempt: 1, fence: { leaseNo: 2 }, deliveries: [{ seq: 1, act: 1 }] });
});
