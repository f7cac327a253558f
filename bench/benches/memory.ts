import type { Bench } from "../harness/bench.ts";
import { median, spread } from "../harness/bench.ts";
import { inChild } from "../harness/child.ts";
import type { IdleWorkers } from "../work/workers.ts";
import type { Parked } from "../work/parked.ts";

export const memory: Bench = {
  name: "sqlite.memory",
  async *run(s) {
    const tasks = s.quick ? 20_000 : 200_000;
    const settled: number[] = [];
    const peaks: number[] = [];
    const heaps: number[] = [];
    const raw: number[] = [];
    for (let round = 1; round <= (s.quick ? 1 : 3); round++) {
      s.progress(`round ${round}`);
      const ours = await inChild<{ peak: number; settled: number; heap: number }>(new URL("../work/memory.ts", import.meta.url), {
        path: s.scratch(),
        tasks,
      });
      settled.push(ours.settled);
      peaks.push(ours.peak);
      heaps.push(ours.heap);
      raw.push(await inChild(new URL("../work/raw-memory.ts", import.meta.url), { path: s.scratch(), tasks }));
    }
    const name = s.quick ? "queued20k" : "queued200k";
    yield {
      case: name,
      ...spread(settled),
      unit: "MB",
      limit: median(raw),
      settings: { tasks, peakMB: Math.round(median(peaks)), heapMB: Math.round(median(heaps)) },
    };
    yield* parked(s);
    yield* idleWorkers(s);
  },
};

/** An orchestrator with workers that have nothing to do, on sockets that another process holds. */
async function* idleWorkers(s: Parameters<Bench["run"]>[0]): ReturnType<Bench["run"]> {
  // The quick form is part of the tests: enough to see that it works.
  const workers = s.quick ? 200 : 10_000;
  const windowMs = s.quick ? 1_000 : 20_000;
  s.progress("idle workers");
  const found = await inChild<IdleWorkers>(new URL("../work/workers.ts", import.meta.url), {
    path: s.scratch(),
    workers,
    windowMs,
  });
  yield {
    case: s.quick ? "workers200" : "workers10k",
    ...spread([found.settledMB]),
    unit: "MB",
    limit: null,
    settings: {
      workers,
      emptyMB: Math.round(found.emptyMB),
      heapMB: Math.round(found.heapMB),
      joinS: Math.round(found.joinS * 10) / 10,
      corePercent: Math.round(found.corePercent * 10) / 10,
    },
  };
}

/** Runs that wait for a message, most of them in no process's memory; and how long it takes 1,000 of them to end. */
async function* parked(s: Parameters<Bench["run"]>[0]): ReturnType<Bench["run"]> {
  const runs = s.quick ? 10_000 : 100_000;
  const continuations = runs / 10;
  const woken = 1_000;
  const rounds: Parked[] = [];
  for (let round = 1; round <= (s.quick ? 1 : 3); round++) {
    s.progress(`parked, round ${round}`);
    const path = s.scratch();
    rounds.push(await inChild<Parked>(new URL("../work/parked.ts", import.meta.url), { path, runs, woken, continuations }));
  }
  const of = (key: keyof Parked) => median(rounds.map((r) => r[key]));
  yield {
    case: s.quick ? "parked10k" : "parked100k",
    ...spread(rounds.map((r) => r.settled)),
    unit: "MB",
    limit: null,
    settings: {
      runs,
      continuations,
      woken,
      wokenS: of("wokenS"),
      rushMB: Math.round(of("rush")),
      heapMB: Math.round(of("heap")),
    },
  };
}
