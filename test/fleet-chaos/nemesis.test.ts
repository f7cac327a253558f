// The short form of `npm run chaos -- --postgres`: a fleet of processes on a PostgreSQL of its own, each kind of fault once.
import { expect, test } from "vitest";
import { fleetFaultKinds } from "./faults.ts";
import { runFleetNemesis, shortFleetPlan } from "./nemesis.ts";

const seed = Number(process.env["FLOTILLA_SEED"] ?? 1);

test(`every kind of fault on a fleet of machines, by seed ${seed}: nothing is lost, nothing ends twice, all ends`, async () => {
  const { figures, findings } = await runFleetNemesis({ seed, plan: shortFleetPlan, say: () => {} });
  expect(findings.lines).toEqual([]);
  expect(fleetFaultKinds.filter((kind) => figures.faults[kind] !== shortFleetPlan.faults[kind])).toEqual([]);
  expect(figures.runs).toBeGreaterThan(10);
  expect(figures.adopted).toBeGreaterThan(0);
  expect(figures.long).toBeGreaterThan(3);
}, 115_000);
