import { expect, test } from "vitest";
import { runStage, unlisted } from "./run.ts";
import { stages } from "./stages.ts";

const node = (code: string): readonly [string, ...string[]] => ["node", "-e", code];

test("a check that ends with another code than 0 has failed, and the rest still runs", async () => {
  const stage = {
    name: "s",
    shareS: 20,
    checks: [
      { name: "bad", run: node("process.exit(3)") },
      { name: "good", run: node("") },
    ],
  };
  const told = await runStage(stage, { long: false });
  expect(told).toMatchObject({ stage: "s", passed: 1, failed: 1 });
  expect(told.failures).toEqual(["bad: exit code 3  (node -e process.exit(3))"]);
});

test("a command that does not exist has failed", async () => {
  const told = await runStage(
    { name: "s", shareS: 20, checks: [{ name: "none", run: ["no-such-command-here"] }] },
    { long: false },
  );
  expect(told).toMatchObject({ passed: 0, failed: 1 });
});

test("past its share a stage is stopped with all that it started, and what is left of it fails unrun", async () => {
  const forever = node('require("child_process").spawn("sleep", ["60"]); setInterval(() => {}, 1000)');
  const stage = {
    name: "s",
    shareS: 0.5,
    checks: [
      { name: "slow", run: forever },
      { name: "next", run: node("") },
    ],
  };
  const told = await runStage(stage, { long: false });
  expect(told.failed).toBe(2);
  expect(told.failures.every((f) => f.includes("the stage may take 0.5 s"))).toBe(true);
  expect(told.seconds).toBeLessThan(5);
});

test("the long form has five times the share, and tells the commands so", async () => {
  const check = { name: "env", run: node('process.exit(process.env.FLOTILLA_LONG === "1" ? 0 : 1)') };
  const told = await runStage({ name: "s", shareS: 10, checks: [check] }, { long: true });
  expect(told).toMatchObject({ passed: 1, failed: 0, shareS: 50 });
});

test("every test file belongs to a stage", () => {
  expect(unlisted(stages)).toEqual([]);
  expect(unlisted([])).toContain("scripts/verify/run.test.ts");
});
