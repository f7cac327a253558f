// kill -9 of a store's owner; `npm run chaos` does it a thousand times.
import { describe, expect, test } from "vitest";
import { points } from "./store-kills/points.ts";
import { plantedDefects, type PlantedDefect } from "./store-kills/planted.ts";
import { runStoreKills } from "./store-kills/store-kills.ts";

const seed = Number(process.env["FLOTILLA_SEED"] ?? 1);
const say = () => {};

test(`60 times, half of them at named points (seed ${seed}): the file is whole, nothing acknowledged is lost or doubled`, async () => {
  const report = await runStoreKills({ seed, kills: 60, say });
  expect(report.findings.lines).toEqual([]);
  expect(report.kills).toBe(60);
  expect(report.outside).toBeGreaterThanOrEqual(20);
  expect(points.filter((point) => report.atPoints[point] === 0)).toEqual([]);
  expect(report.outcomes).toBeGreaterThan(100);
}, 90_000);

describe("a planted defect is found: a store that", () => {
  const shows: Readonly<Record<PlantedDefect, "fenced" | "lost">> = {
    "ignores fences": "fenced",
    "acknowledges before the commit": "lost",
  };
  test.each(plantedDefects)(
    "%s",
    async (planted) => {
      const report = await runStoreKills({ seed, kills: 16, say, planted });
      expect(report.findings.count(shows[planted])).toBeGreaterThan(0);
    },
    60_000,
  );
});
