// Several orchestrators on one database under seeded time, order and faults. `npm run simulate -- --fleet` does the same for
// as long as it is told to.
import { expect, test } from "vitest";
import { firstSeed } from "../seeds.ts";
import { failure } from "../try-seed.ts";
import { tryFleet } from "./try-fleet.ts";

/** Seeds per run of this file: at a second each on two shared cores. */
const seeds = Number(process.env["FLOTILLA_FLEET_SEEDS"] ?? 6);

test(`${seeds} seeds: every promise holds with several orchestrators`, { timeout: 60_000 + seeds * 20_000 }, async () => {
  const from = firstSeed();
  let adopted = 0;
  for (let seed = from; seed < from + seeds || (adopted === 0 && seed < from + 20); seed++) {
    const tried = await tryFleet(seed);
    if (tried.violations.length > 0) throw new Error(failure(tried, "--fleet "));
    adopted += tried.adopted;
  }
  console.log(`seeds ${from} to ${from + seeds - 1}, ${adopted} attempts went on at another orchestrator`);
  expect(adopted).toBeGreaterThan(0);
});

test("the same seed gives the same history, byte for byte", { timeout: 60_000 }, async () => {
  const [first, second] = [await tryFleet(3), await tryFleet(3)];
  expect(second.hash).toBe(first.hash);
});
