import { describe, expect, test } from "vitest";
import { createRandom } from "../../src/core/random.ts";
import type { AnyCallable } from "../../src/core/definition.ts";
import { play } from "./model.ts";
import { largePrograms, programs } from "./programs.ts";
import { rerun } from "./rerun.ts";
import { canceledPrograms, largeWaitPrograms, notUndone, waitPrograms } from "./wait-programs.ts";

/** Seeds per program: 0.1 s of one core for all of them. */
const seeds = Number(process.env["FLOTILLA_REPLAY_SEEDS"] ?? 400);
/** Runs in flight: each waits for turns of the loop, which they share. */
const together = 40;

interface Disturbed {
  crashes: number;
  evictions: number;
  canceled: number;
}

async function exercise(workflow: AnyCallable, count: number, cancels = false): Promise<Disturbed> {
  let seed = 0;
  const sum: Disturbed = { crashes: 0, evictions: 0, canceled: 0 };
  const lane = async (): Promise<void> => {
    while (seed < count) {
      const mine = ++seed;
      try {
        const one = await once(workflow, mine, cancels);
        sum.crashes += one.crashes;
        sum.evictions += one.evictions;
        sum.canceled += one.canceled;
      } catch (e) {
        throw new Error(`seed=${mine}: ${(e as Error).message}`, { cause: e });
      }
    }
  };
  await Promise.all(Array.from({ length: together }, lane));
  return sum;
}

/** A run with crashes, evictions and pages, then the same order of outcomes without any: both must tell the same. */
async function once(workflow: AnyCallable, seed: number, cancels: boolean): Promise<Disturbed> {
  const random = createRandom(seed);
  const disturbed = await play({
    workflow,
    random,
    crash: 0.05 + random() * 0.4,
    crashesMax: 8,
    evict: random() * 0.8,
    pageMax: 1 + Math.floor(random() * 5),
    cancels,
  });
  const { status } = disturbed.result;
  const canceled = cancels && disturbed.order.settled.some((s) => s.key === "");
  // A cancel that the code has not learned of before its end comes too late.
  if (!(status === "succeeded" || (canceled && status === "canceled"))) throw new Error(JSON.stringify(disturbed.result));
  const plain = await play({ workflow, random: createRandom(seed + 1_000_000), crash: 0, crashesMax: 0, order: disturbed.order });
  expect(plain.result).toEqual(disturbed.result);
  expect(plain.emits).toEqual(disturbed.emits);
  expect(plain.emits).not.toContain(`said "${notUndone}"`);
  expect(plain.sends).toEqual(disturbed.sends);
  expect(plain.keys).toEqual(disturbed.keys);
  const again = await rerun(workflow, disturbed, disturbed);
  expect(again.result).toEqual(disturbed.result);
  // Cancels are no rows: those of what had not settled are said again.
  expect(again.acts.filter((a) => a.kind !== "cancel")).toEqual([]);
  return { crashes: disturbed.crashes, evictions: disturbed.evictions, canceled: status === "canceled" ? 1 : 0 };
}

// 3 ms a seed for the slowest program on two shared cores, ten times that before it counts as hanging.
const timeout = 30_000 + seeds * 30;

describe(`${seeds} seeds each`, { timeout }, () => {
  let evicted = 0;
  test.each(Object.entries({ ...programs, ...waitPrograms }))("%s", async (_, workflow) => {
    // A run without crashes proves nothing: on average each is killed more than once.
    const { crashes, evictions } = await exercise(workflow, seeds);
    evicted += evictions;
    expect(crashes).toBeGreaterThan(seeds);
  });
  test.each(Object.entries(canceledPrograms))("%s", async (_, workflow) => {
    const { crashes, canceled } = await exercise(workflow, seeds, true);
    expect(crashes).toBeGreaterThan(seeds);
    expect(canceled).toBeGreaterThan(seeds / 10);
  });
  test("they left memory while they waited", () => {
    expect(evicted).toBeGreaterThan(seeds * 10);
  });
});

describe("fewer seeds", { timeout }, () => {
  test.each(Object.entries({ ...largePrograms, ...largeWaitPrograms }))("%s", async (_, workflow) => {
    expect((await exercise(workflow, Math.ceil(seeds / 50))).crashes).toBeGreaterThan(0);
  });
});
