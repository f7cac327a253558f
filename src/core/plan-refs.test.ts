import fc from "fast-check";
import { expect, test } from "vitest";
import { parsePath, pathText, refsIn, resolveRefs } from "./plan-refs.ts";

test("a path is written and read alike", () => {
  const segment = fc.oneof(fc.nat(1_000_000), fc.string({ minLength: 1 }));
  fc.assert(
    fc.property(fc.array(segment), (segments) => {
      expect(parsePath(pathText(segments))).toEqual(segments);
    }),
  );
});

test.each([".a", "a.", "a..b", "a[", "a[x]", "[0]a", "a b", 'a["x]'])("%s is no path", (path) => {
  expect(parsePath(path)).toBeUndefined();
});

test("references are found where they stand, and replaced by what was given", () => {
  const value = { a: { $node: "n", path: "x[1]" }, list: [1, { $node: "m" }], b: null };
  expect(refsIn(value, "input").map((r) => r.at)).toEqual(["input.a", "input.list[1]"]);
  const given: Record<string, unknown> = { n: { x: [0, "one"] }, m: { deep: { $node: "no reference any more" } } };
  expect(resolveRefs(value, "input", (id) => given[id])).toEqual({
    value: { a: "one", list: [1, { deep: { $node: "no reference any more" } }], b: null },
  });
});

test.each(["x[2]", "y", "x.length", "x[0].a", "toString", "__proto__"])("%s is not there", (path) => {
  expect(resolveRefs({ a: { $node: "n", path } }, "input", () => ({ x: [0, 1] }))).toEqual({
    missing: { at: "input.a", node: "n", part: path },
  });
});
