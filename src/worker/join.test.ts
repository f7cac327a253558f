import { describe, expect, test } from "vitest";
import { decide, joinRule } from "./join.ts";

const after = (join: Parameters<typeof joinRule>[0], total: number, succeeded: number, failed: number) =>
  decide(joinRule(join, total), { total, succeeded, failed });

test.each([
  // all
  [undefined, 3, 2, 0, undefined],
  ["all", 3, 3, 0, "met"],
  ["all", 3, 0, 1, "unmet"],
  ["all", 0, 0, 0, "met"],
  // first
  ["first", 3, 1, 0, "met"],
  ["first", 3, 0, 2, undefined],
  ["first", 3, 0, 3, "unmet"],
  ["first", 0, 0, 0, "unmet"],
  // at least: decided when all have ended, or as soon as it is out of reach
  [{ atLeast: 2 }, 4, 2, 0, undefined],
  [{ atLeast: 2 }, 4, 2, 2, "met"],
  [{ atLeast: 2 }, 4, 1, 3, "unmet"],
  [{ atLeast: 2, early: true }, 4, 2, 0, "met"],
  [{ atLeast: "95%" }, 20, 19, 1, "met"],
  [{ atLeast: "95%" }, 20, 0, 2, "unmet"],
  [{ atLeast: "50%" }, 3, 2, 1, "met"],
  [{ atLeast: "95%" }, 0, 0, 0, "met"],
  [{ atLeast: 5 }, 3, 0, 0, "unmet"],
  [{ atLeast: 0 }, 3, 0, 3, "met"],
] as const)("%j of %i after %i successes and %i failures: %s", (join, total, succeeded, failed, decision) => {
  expect(after(join, total, succeeded, failed)).toBe(decision);
});

describe("refused", () => {
  test.each([-1, 1.5, "120%", "many", Number.NaN] as never[])("atLeast: %s", (atLeast) => {
    expect(() => joinRule({ atLeast }, 10)).toThrow(expect.objectContaining({ code: "FLOTILLA_CONFIG_INVALID" }));
  });
  test.each(["soon", "-1s", ""] as never[])("within: %s", (within) => {
    expect(() => joinRule({ atLeast: 1, within }, 10)).toThrow(expect.objectContaining({ code: "FLOTILLA_CONFIG_INVALID" }));
  });
});

describe("a join with time", () => {
  const rule = joinRule({ atLeast: 2, within: "1m" }, 5);
  test("knows its time", () => {
    expect(rule).toEqual({ kind: "atLeast", wanted: 2, early: false, withinMs: 60_000 });
    expect(joinRule({ atLeast: 2 }, 5).withinMs).toBeUndefined();
  });
  test.each([
    [1, 0, false, undefined],
    [3, 1, false, undefined],
    [3, 2, false, "met"],
    [0, 4, false, "unmet"],
    [2, 0, true, "met"],
    [1, 3, true, "unmet"],
    [0, 0, true, "unmet"],
  ] as const)("%i succeeded, %i failed, time up: %s: %s", (succeeded, failed, timeUp, decision) => {
    expect(decide(rule, { total: 5, succeeded, failed, timeUp })).toBe(decision);
  });
});
