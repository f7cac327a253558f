import { describe, expect, it } from "vitest";
import { gateOf, headlineOf, reportsOf } from "./result.ts";

describe("what an output tells", () => {
  it("is found at the top and under report", () => {
    const told = {
      gate: { passed: false, breaches: [{ message: "3 high" }, "late"] },
      headline: " all red \n more",
      paths: { html: "/r.html", n: 5 },
    };
    for (const value of [told, { report: told }]) {
      expect(gateOf(value)).toEqual({ passed: false, breaches: ["3 high", "late"] });
      expect(headlineOf(value)).toBe("all red");
      expect(reportsOf(value)).toEqual([["html", "/r.html"]]);
    }
  });

  it.each([
    [null],
    ["text"],
    [5],
    [[]],
    [{}],
    [{ gate: null }],
    [{ gate: { passed: true } }],
    [{ gate: "no" }],
    [{ report: null }],
    [{ paths: "x", headline: 5 }],
  ])("is nothing in %j", (value) => {
    expect([gateOf(value).passed, headlineOf(value), reportsOf(value)]).toEqual([true, "", []]);
  });
});
