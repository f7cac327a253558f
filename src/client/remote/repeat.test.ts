import { describe, expect, test } from "vitest";
import { FlotillaError } from "../../core/error.ts";
import { isUnsent, pauseMs, refusalFailure, retryAfterMs } from "./repeat.ts";

describe("the pause before the next try", () => {
  test("doubles up to 5 s, and is drawn from the upper half", () => {
    const span = (tries: number) => [pauseMs(tries, () => 0, null), pauseMs(tries, () => 0.999_999, null)];
    expect([0, 1, 2, 6, 100].map(span)).toEqual([
      [50, 100],
      [100, 200],
      [200, 400],
      [2_500, 5_000],
      [2_500, 5_000],
    ]);
  });

  test("is as long as the far side asks for, at least", () => {
    expect(pauseMs(0, () => 0, 9_000)).toBe(9_000);
    expect(pauseMs(9, () => 0, 10)).toBe(2_500);
  });
});

test.each([
  [null, null],
  ["", null],
  ["0", 0],
  ["3", 3_000],
  ["-1", 0],
  ["soon", null],
  ["Thu, 01 Jan 1970 00:01:00 GMT", 50_000],
  ["Thu, 01 Jan 1970 00:00:01 GMT", 0],
])("Retry-After %o", (header, ms) => expect(retryAfterMs(header, 10_000)).toBe(ms));

describe("a refusal", () => {
  const strange = new FlotillaError("FLOTILLA_UNEXPECTED_REPLY", { target: "x", status: 0, problem: "" });
  const gone = new FlotillaError("FLOTILLA_UNREACHABLE", { target: "x" });
  const away = new FlotillaError("FLOTILLA_STORE_UNREACHABLE", { path: "x", problem: "" });
  const over = new FlotillaError("FLOTILLA_LIFE_OVER", { boot: 1 });
  const ours = new FlotillaError("FLOTILLA_NO_WORKER", { needs: [], nearest: [] });

  test.each([
    [502, strange, true],
    [503, strange, true],
    [504, strange, true],
    [500, strange, false],
    [404, strange, false],
    [401, strange, false],
    [503, gone, true],
    [503, away, true],
    [503, over, true],
    [503, ours, false],
    [429, ours, true],
  ])("%i with %s passes: %s", (status, error, passing) => {
    expect(refusalFailure(error, status, null)).toMatchObject({ passing, unsent: status === 429 });
  });
});

test("what was never connected was never sent, however deep Node says so", () => {
  const refused = Object.assign(new Error("x"), { code: "ECONNREFUSED" });
  expect([refused, new TypeError("fetch failed", { cause: refused })].map(isUnsent)).toEqual([true, true]);
  const reset = Object.assign(new Error("x"), { code: "ECONNRESET" });
  expect([reset, new TypeError("fetch failed", { cause: reset }), undefined, "x"].map(isUnsent)).toEqual([
    false,
    false,
    false,
    false,
  ]);
});
