// Each part of the rule about waiting, left out: the replay programs must notice. In the orchestrator's half the model of
// test/replay/model.ts leaves it out; in the worker's half what it says is spoiled on its way.
import { describe, expect, test } from "vitest";
import type { AnyCallable } from "../../src/core/definition.ts";
import { createRandom } from "../../src/core/random.ts";
import { play, type Defect } from "./model.ts";
import { canceledPrograms, notUndone, waitPrograms } from "./wait-programs.ts";

const seeds = 60;

/** How many of the seeds end otherwise than the same order does without any disturbance. */
async function broken(workflow: AnyCallable, cancels: boolean, defect: Defect | undefined): Promise<number> {
  let count = 0;
  await Promise.all(
    Array.from({ length: seeds }, async (_, i) => {
      const random = createRandom(i + 1);
      const crash = 0.05 + random() * 0.3;
      try {
        const run = await play({
          workflow,
          random,
          crash,
          crashesMax: 4,
          evict: 0.7,
          pageMax: 3,
          cancels,
          movesMax: 4_000,
          ...(defect ? { defect } : {}),
        });
        if (run.result.status === "failed" || run.result.status === "mismatch") throw new Error(run.result.status);
        const plain = await play({
          workflow,
          random: createRandom(i),
          crash: 0,
          crashesMax: 0,
          order: run.order,
          movesMax: 4_000,
        });
        expect(plain.result).toEqual(run.result);
        expect(plain.emits).toEqual(run.emits);
        expect(plain.emits).not.toContain(`said "${notUndone}"`);
        expect(plain.keys).toEqual(run.keys);
      } catch {
        count++;
      }
    }),
  );
  return count;
}

const cases: readonly (readonly [Defect, string])[] = [
  ["a timer lives in memory", "sleep in a loop"],
  ["woken without its history", "sleeps side by side"],
  ["a message is taken at the ask", "messages beside calls"],
  ["a message goes to the newest wait", "the oldest wait gets the oldest message"],
  ["the same execution after continueAs", "continueAs with children and waits under way"],
  ["an attempt is parked although something has settled", "sleep against a call"],
  ["the cancel overtakes what had settled", "cancel in a sequence"],
  ["the cancel overtakes what had settled", "shields one after the other"],
  ["a shield's children are canceled", "shield in finally"],
];

describe("is caught", { timeout: 60_000 }, () => {
  test.each(cases)("%s: %s", async (defect, name) => {
    const cancels = name in canceledPrograms;
    const workflow = (canceledPrograms[name] ?? waitPrograms[name]) as AnyCallable;
    expect(await broken(workflow, cancels, undefined), "with all parts").toBe(0);
    expect(await broken(workflow, cancels, defect)).toBeGreaterThan(0);
  });
});
