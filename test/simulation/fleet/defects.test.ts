// The checker is worth what it finds among several orchestrators: each planted bug is found, by the promise that it breaks.
import { expect, test } from "vitest";
import { fleetDefects } from "./defects.ts";
import { tryFleet } from "./try-fleet.ts";

/** A defect shows in most seeds; in none of so many: the checker is blind to it. */
const seedsMax = 25;

test.each(fleetDefects)("$title is found", { timeout: 120_000 }, async ({ breaks, plant }) => {
  for (let seed = 1; seed <= seedsMax; seed++) {
    const { violations } = await tryFleet(seed, plant());
    if (violations.some((v) => breaks.includes(v.invariant))) return;
  }
  expect.fail(`${seedsMax} seeds, and nobody saw ${breaks.join(" or ")} broken`);
});
