// Two orchestrators on one PostgreSQL, each with workers of two builds: a task finds its code wherever it is, and a drain
// reaches everybody.
import { afterAll, expect, test } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import { createRandom } from "../../src/core/random.ts";
import { createOrchestrator, type Orchestrator } from "../../src/orchestrator/orchestrator.ts";
import { openPostgresStore } from "../../src/store/postgres/open.ts";
import type { Assignment, ToWorker } from "../../src/protocol/worker.ts";
import { dropSchemas, giveBack, takeSchema } from "../postgres/stores.ts";
import { card, TestWorker } from "./world.ts";

afterAll(dropSchemas);

/** It does what agents are asked at once, and what workflows are asked when the test says so. */
class Told extends TestWorker {
  readonly #waiting = new Set<() => void>();

  hear(m: ToWorker): void {
    this.sent.push(m);
    if (m.t === "assign") for (const task of m.tasks) if (task.definition === "work") setImmediate(() => this.succeed(task));
    for (const look of this.#waiting) look();
  }

  until<T>(find: () => T | undefined): Promise<T> {
    return new Promise((resolve) => {
      const look = (): void => {
        const found = find();
        if (found === undefined) return;
        this.#waiting.delete(look);
        resolve(found);
      };
      this.#waiting.add(look);
      look();
    });
  }

  flow(): Promise<Assignment> {
    return this.until(() => this.assigned.find((a) => a.definition === "flow"));
  }
}

let seed = 0;
async function openOrchestrator(url: string): Promise<Orchestrator & AsyncDisposable> {
  const { store, artifacts } = await openPostgresStore({ url });
  const o = await createOrchestrator({ store, artifacts, clock: systemClock, random: createRandom(++seed) });
  return { ...o, [Symbol.asyncDispose]: () => o.close() };
}

function join(o: Orchestrator, name: string, build: string): Told {
  const worker = new Told();
  const definitions = [card("flow", { kind: "workflow", code: build }), card("work")];
  worker.attachment = o.attach(
    { send: (m) => worker.hear(m), kill: () => {} },
    { t: "hello", protocol: 1, name, pid: 1, isolation: "remote", slots: 4, offers: [], build, definitions },
  );
  return worker;
}

test("what has begun goes on where its code is, at another orchestrator too; a drain said to one reaches the other", async () => {
  const url = await takeSchema();
  {
    await using a = await openOrchestrator(url);
    await using b = await openOrchestrator(url);
    const first = join(a, "old-a", "v1");
    const { id } = await (a.start([{ name: "flow", input: "{}" }])[0] as Promise<{ id: string }>);
    const { fence } = await first.flow();
    const asked = { act: 1, key: "c", inputHash: "h", askedAfter: 0, definition: "flow", input: "{}" } as const;
    first.say({ t: "acts", fence, acts: [{ kind: "emit", act: 1, key: "e", askedAfter: 0, name: "n", value: "1" }] });
    first.say({
      t: "acts",
      fence,
      acts: [
        { ...asked, kind: "child", act: 2, definition: "work" },
        { kind: "wait", seen: 0 },
      ],
    });
    await first.until(() => first.of("deliver")[0]);
    const next = join(a, "new-a", "v2");
    const other = join(b, "old-b", "v1");
    first.attachment.lost("its link broke", { observed: false });
    const again = await other.flow();
    expect(again).toMatchObject({ acts: 2, journal: [{ kind: "emit" }, { kind: "child" }] });
    expect(next.assigned.map((t) => t.definition)).not.toContain("flow");

    // No worker of it is here: those elsewhere are told.
    expect(await a.drainWorkers({ build: "v1" })).toEqual({ workers: [] });
    other.succeed(again, "done");
    await other.until(() => other.of("drain")[0]);
    expect(other.of("drain")).toEqual([{ t: "drain", leave: true }]);
    expect(await a.outcome(id)).toMatchObject({ status: "succeeded", value: '"done"' });
    expect((await b.health()).builds).toMatchObject([{ build: "v1", draining: true, newest: false }]);
    expect((await a.health()).builds).toMatchObject([{ build: "v2", draining: false, newest: true }]);
    await b.resumeBuild("v1");
    await expect(a.resumeBuild("v1")).rejects.toMatchObject({ code: "FLOTILLA_NOT_FOUND" });
  }
  giveBack(url);
}, 60_000);
