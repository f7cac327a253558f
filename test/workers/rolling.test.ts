// An upgrade of the workers of a fleet that goes on: old and new processes side by side, nothing refused, nothing lost.
import { expect, test } from "vitest";
import { spawnWorker } from "./process.ts";
import { openWorld, type RemoteWorld } from "./world.ts";

interface Ended {
  readonly code: number;
  readonly began: string;
  readonly ended: string;
  readonly asked: readonly string[];
}

/** Orders that have begun and wait for the word. */
async function waiting(world: RemoteWorld, count: number): Promise<string[]> {
  const ids = await Promise.all(Array.from({ length: count }, () => world.start("order", {})));
  for (const id of ids) {
    for await (const e of world.orchestrator.events(id, { types: ["task.settled"] })) if (e.type === "task.settled") break;
  }
  return ids;
}

async function ends(world: RemoteWorld, ids: readonly string[]): Promise<Ended[]> {
  await Promise.all(ids.map((id) => world.orchestrator.send(id, { name: "go", value: "{}" })));
  const outcomes = await Promise.all(ids.map((id) => world.outcome(id)));
  expect(outcomes.map((o) => o.status)).toEqual(ids.map(() => "succeeded"));
  return outcomes.map((o) => o.value as Ended);
}

const times = <T>(n: number, value: T): T[] => Array.from({ length: n }, () => value);

test("workers are upgraded under load: what has begun ends on its build, what begins later is the new one's", async () => {
  await using world = await openWorld({ reconnectGraceMs: 200 });
  const old = { fleet: "build-1", build: "v1" };
  const next = { fleet: "build-2", build: "v2" };
  await using first = spawnWorker(world.url, ["--name", "old-1"], undefined, old);
  await using second = spawnWorker(world.url, ["--name", "old-2"], undefined, old);
  await Promise.all([first.until("serves"), second.until("serves")]);
  const begun = await waiting(world, 12);

  // Submits all the while, one after the other: none may be refused.
  const upgraded = new AbortController();
  const load = (async () => {
    const ended: string[] = [];
    while (!upgraded.signal.aborted) ended.push((await world.run("whereabouts", {})).status);
    return ended;
  })();

  await using third = spawnWorker(world.url, ["--name", "new-1"], undefined, next);
  await using fourth = spawnWorker(world.url, ["--name", "new-2"], undefined, next);
  await Promise.all([third.until("serves"), fourth.until("serves")]);
  expect((await world.orchestrator.health()).builds).toMatchObject([
    { build: "v2", workers: 2, newest: true },
    { build: "v1", workers: 2, newest: false },
  ]);

  // One of the old ones dies in the middle of it: its orders go on at the other, not at the new build.
  first.process.kill("SIGKILL");
  await first.exited;
  expect(await world.orchestrator.drainWorkers({ build: "v1" })).toMatchObject({ workers: expect.arrayContaining(["old-2"]) });
  const later = await Promise.all(Array.from({ length: 6 }, () => world.start("order", {})));

  const old12 = await ends(world, begun);
  expect(old12.map((e) => [e.code, e.began, e.ended])).toEqual(times(12, [1, "v1", "v1"]));
  // What they ask for while they are drained is done by whoever has room.
  expect(new Set(old12.map((e) => e.asked[1]))).toEqual(new Set(["v2"]));
  expect((await ends(world, later)).map((e) => [e.code, e.began, e.ended])).toEqual(times(6, [2, "v2", "v2"]));

  // Nothing is left that the old build has begun: it leaves by itself.
  expect(await second.exited).toBe(0);
  expect(second.said()).toContain("drained by an operator");
  upgraded.abort();
  const ended = await load;
  expect(ended.length).toBeGreaterThan(5);
  expect(ended).toEqual(times(ended.length, "succeeded"));
  expect((await world.orchestrator.workers()).map((w) => w.build)).toEqual(["v2", "v2"]);
  expect((await world.orchestrator.health()).queue).toMatchObject({ ready: 0, running: 0, parked: 0 });
}, 120_000);
