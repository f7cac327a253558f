// The short form of `npm run chaos`: each kind of fault on a fleet with workers in processes of their own, under load.
import { expect, test } from "vitest";
import { faultKinds } from "./nemesis/faults.ts";
import { runNemesis, shortPlan } from "./nemesis/nemesis.ts";

const seed = Number(process.env["FLOTILLA_SEED"] ?? 1);

test(`every kind of fault under load, by seed ${seed}: nothing is lost, nothing ends twice, all ends`, async () => {
  const { figures, findings, looks } = await runNemesis({ seed, plan: shortPlan, say: () => {} });
  expect(findings.lines).toEqual([]);
  expect(faultKinds.filter((kind) => figures.faults[kind] === 0)).toEqual([]);
  expect(figures.kills).toBe(9);
  expect(figures.killsOnRunning).toBeGreaterThanOrEqual(7);
  expect(looks).toBe(5);
  expect(figures.runs).toBeGreaterThan(3);
}, 110_000);
