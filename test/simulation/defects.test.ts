// The checker is worth what it finds: each planted bug is found, by the promise that it breaks.
import { expect, test } from "vitest";
import { defects } from "./defects.ts";
import { trySeed } from "./try-seed.ts";

/** A defect shows in most seeds; in none of so many: the checker is blind to it. */
const seedsMax = 40;

test.each(defects)("$title is found", { timeout: 120_000 }, async ({ breaks, plant }) => {
  for (let seed = 1; seed <= seedsMax; seed++) {
    const { violations } = await trySeed(seed, plant());
    const found = violations.filter((v) => breaks.includes(v.invariant));
    if (found.length > 0) return;
  }
  expect.fail(`${seedsMax} seeds, and nobody saw ${breaks.join(" or ")} broken`);
});
