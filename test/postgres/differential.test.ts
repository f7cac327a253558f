// PostgreSQL against the model, on the sequences of batches that SQLite is compared on: with one life at a time, it does the
// same. What several lives do at once is in concurrent.test.ts.
import { afterAll, expect, test } from "vitest";
import { firstSeed } from "../simulation/seeds.ts";
import { openOneOwner } from "./one-owner.ts";
import { dropSchemas } from "./stores.ts";
import { findDifference } from "../store/differential/search.ts";

afterAll(dropSchemas);

const long = process.env["FLOTILLA_LONG"] === "1";
const runs = Number(process.env["FLOTILLA_POSTGRES_SEQUENCES"] ?? 60);

test("postgres does what the model does", { timeout: long ? 900_000 : 120_000 }, async () => {
  const found = await findDifference(openOneOwner, { runs, seed: firstSeed() });
  expect(found).toBeNull();
});
