// What model.ts proves of the worker, proved of the worker, the orchestrator and the store together.
import { describe, expect, test } from "vitest";
import type { AnyCallable } from "../../src/core/definition.ts";
import { createRandom } from "../../src/core/random.ts";
import { programs } from "./programs.ts";
import { playReal } from "./real.ts";
import { rerun } from "./rerun.ts";
import { canceledPrograms, notUndone, waitPrograms } from "./wait-programs.ts";

/** Seeds per program. */
const seeds = Number(process.env["FLOTILLA_REPLAY_REAL_SEEDS"] ?? 20);

/** A run whose workers die and forget, then its whole history once more in one attempt: both must end alike. */
async function once(workflow: AnyCallable, seed: number, cancels: boolean): Promise<Disturbed> {
  const random = createRandom(seed);
  const run = await playReal({ workflow, random, death: 0.03 + random() * 0.1, deathsMax: 8, evict: random(), cancels });
  const { status, value, gaps, error } = run.outcome;
  if (status === "failed") throw new Error(JSON.stringify(error));
  expect(
    run.attempts.filter((how) => !["lost", "continued", status].includes(how)),
    "no attempt ended otherwise",
  ).toEqual([]);
  expect(run.busy).toBe(0);
  const told = { deaths: run.deaths, evictions: run.evictions, canceled: status === "canceled" ? 1 : 0 };
  // Canceled before its code had done anything that was stored: nothing to play again.
  if (status === "canceled" && !run.deliveries.some((d) => d.act === 0)) return told;

  const { result, acts } = await rerun(workflow, run, run);
  if (status === "canceled") expect(result).toEqual({ status, error });
  else expect(result).toEqual({ status: "succeeded", value, ...(status === "partial" ? { gaps } : {}) });
  // Cancels are no rows: those of children that had not settled are said again.
  expect(
    acts.filter((a) => a.kind !== "cancel" && !(a.kind === "step-result" && run.results.has(a.act))),
    "nothing is asked that was not recorded",
  ).toEqual([]);

  // Every child and every message is there once, and nothing else is.
  const of = (kind: string) => [...run.past, ...run.rows].filter((row) => row.kind === kind).map((row) => row.key);
  const keys = run.tasks.flatMap((t) => (t.parentId === run.publicId && t.key !== null ? [t.key] : []));
  expect(keys.toSorted()).toEqual(of("child").toSorted());
  expect(run.emits).toHaveLength(of("emit").length);
  expect(run.emits).not.toContain(notUndone);
  return told;
}

interface Disturbed {
  deaths: number;
  evictions: number;
  canceled: number;
}

async function exercise(workflow: AnyCallable, cancels = false): Promise<Disturbed> {
  const sum: Disturbed = { deaths: 0, evictions: 0, canceled: 0 };
  const all = Array.from({ length: seeds }, async (_, i) => {
    try {
      const one = await once(workflow, i + 1, cancels);
      sum.deaths += one.deaths;
      sum.evictions += one.evictions;
      sum.canceled += one.canceled;
    } catch (e) {
      throw new Error(`seed=${i + 1}: ${(e as Error).message}`, { cause: e });
    }
  });
  await Promise.all(all);
  return sum;
}

describe(`${seeds} seeds each, against the orchestrator and the store`, { timeout: 60_000 }, () => {
  let evicted = 0;
  test.each(Object.entries({ ...programs, ...waitPrograms }))("%s", async (_, workflow) => {
    const { deaths, evictions } = await exercise(workflow);
    evicted += evictions;
    expect(deaths).toBeGreaterThan(seeds / 2);
  });
  test.each(Object.entries(canceledPrograms))("%s", async (_, workflow) => {
    const { deaths, canceled } = await exercise(workflow, true);
    expect(deaths).toBeGreaterThan(seeds / 2);
    expect(canceled).toBeGreaterThan(0);
  });
  test("they left memory while they waited", () => {
    expect(evicted).toBeGreaterThan(seeds * 10);
  });
});
