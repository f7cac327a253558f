import { describe, expect, test } from "vitest";
import { createRandom } from "../../src/core/random.ts";
import type { AnyCallable } from "../../src/core/definition.ts";
import { play } from "./model.ts";
import { largePrograms, programs } from "./programs.ts";

/** Seeds per program. */
const seeds = Number(process.env["FLOTILLA_REPLAY_SEEDS"] ?? 1_000);
/** Runs in flight: each waits for turns of the loop, which they share. */
const together = 40;

async function exercise(workflow: AnyCallable, count: number): Promise<number> {
  let seed = 0;
  let crashes = 0;
  const lane = async (): Promise<void> => {
    while (seed < count) {
      const mine = ++seed;
      try {
        const mineCrashed = await once(workflow, mine);
        crashes += mineCrashed;
      } catch (e) {
        throw new Error(`seed=${mine}: ${(e as Error).message}`, { cause: e });
      }
    }
  };
  await Promise.all(Array.from({ length: together }, lane));
  return crashes;
}

/** A run with crashes, then the same order of outcomes without any: both must tell the same. */
async function once(workflow: AnyCallable, seed: number): Promise<number> {
  const random = createRandom(seed);
  const crashed = await play({ workflow, random, crash: 0.05 + random() * 0.4, crashesMax: 8 });
  expect(crashed.result, "the run with crashes").toMatchObject({ status: "succeeded" });
  const plain = await play({ workflow, random: createRandom(seed + 1_000_000), crash: 0, crashesMax: 0, order: crashed.order });
  expect(plain.result).toEqual(crashed.result);
  expect(plain.emits).toEqual(crashed.emits);
  expect(crashed.keys).toEqual(plain.keys.slice(0, crashed.keys.length));
  return crashed.crashes;
}

// 3 ms a seed for the slowest program on two shared cores, ten times that before it counts as hanging.
const timeout = 30_000 + seeds * 30;

describe(`${seeds} seeds each`, { timeout }, () => {
  test.each(Object.entries(programs))("%s", async (_, workflow) => {
    // A run without crashes proves nothing: on average each is killed more than twice.
    expect(await exercise(workflow, seeds)).toBeGreaterThan(seeds * 2);
  });
});

describe("fewer seeds", { timeout }, () => {
  test.each(Object.entries(largePrograms))("%s", async (_, workflow) => {
    expect(await exercise(workflow, Math.ceil(seeds / 50))).toBeGreaterThan(0);
  });
});
