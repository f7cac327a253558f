// What model.ts proves of the worker, proved of the worker, the orchestrator and the store together.
import { describe, expect, test } from "vitest";
import type { AnyCallable } from "../../src/core/definition.ts";
import { createRandom } from "../../src/core/random.ts";
import { programs } from "./programs.ts";
import { playReal } from "./real.ts";
import { rerun } from "./rerun.ts";

/** Seeds per program. */
const seeds = Number(process.env["FLOTILLA_REPLAY_REAL_SEEDS"] ?? 20);

/** A run whose workers die, then its whole history once more in one attempt: both must end alike. */
async function once(workflow: AnyCallable, seed: number): Promise<number> {
  const random = createRandom(seed);
  const run = await playReal({ workflow, random, death: 0.03 + random() * 0.1, deathsMax: 8 });
  expect(run.outcome, "the run whose workers died").toMatchObject({ status: "succeeded" });
  expect(
    run.attempts.filter((how) => how !== "lost" && how !== "succeeded"),
    "no attempt ended otherwise",
  ).toEqual([]);

  const { result, acts } = await rerun(workflow, run, run);
  expect(result).toEqual({ status: "succeeded", value: run.outcome.value });
  // Cancels are no rows: those of children that had not settled are said again.
  expect(
    acts.filter((a) => a.kind !== "cancel"),
    "nothing is asked that was not recorded",
  ).toEqual([]);

  // Every child and every message is there once, and nothing else is.
  const of = (kind: string) => run.rows.filter((row) => row.kind === kind);
  const keys = run.tasks.flatMap((t) => (t.parentId === null || t.key === null ? [] : [t.key]));
  expect(keys).toHaveLength(of("child").length);
  expect(new Set(keys)).toEqual(new Set(of("child").map((row) => row.key)));
  expect(run.emits).toHaveLength(of("emit").length);
  expect(run.busy).toBe(0);
  return run.deaths;
}

describe(`${seeds} seeds each, against the orchestrator and the store`, { timeout: 60_000 }, () => {
  test.each(Object.entries(programs))("%s", async (_, workflow) => {
    let deaths = 0;
    const all = Array.from({ length: seeds }, async (_, i) => {
      try {
        const mine = await once(workflow, i + 1);
        deaths += mine;
      } catch (e) {
        throw new Error(`seed=${i + 1}: ${(e as Error).message}`, { cause: e });
      }
    });
    await Promise.all(all);
    expect(deaths).toBeGreaterThan(seeds);
  });
});
