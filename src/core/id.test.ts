import fc from "fast-check";
import { expect, test } from "vitest";
import { childTaskId, parseId, parseRunId, rootTaskId, runId, runOf, secretFrom } from "./id.ts";

const bytes = fc.uint8Array({ minLength: 16, maxLength: 16 });
const number = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });

test("what is made can be taken apart again", () => {
  fc.assert(
    fc.property(bytes, number, fc.array(fc.integer({ min: 1, max: 999_999_999 }), { maxLength: 8 }), (random, root, path) => {
      const secret = secretFrom(random);
      expect(secret).toHaveLength(26);
      const task = path.reduce(childTaskId, rootTaskId(secret, root));
      expect(parseId(task)).toEqual({ kind: "task", secret, root, path });
      expect(runOf(task)).toBe(runId(secret, root));
      expect(parseRunId(runId(secret, root))).toEqual({ secret, root });
    }),
  );
});

test("two secrets are equal only when their bytes are", () => {
  fc.assert(
    fc.property(bytes, bytes, (a, b) => {
      expect(secretFrom(a) === secretFrom(b)).toBe(a.every((byte, i) => byte === b[i]));
    }),
  );
});

test("anything else is no id", () => {
  for (const text of [
    "",
    "r_",
    "r_short",
    `r_${"0".repeat(26)}`,
    `t_${"0".repeat(26)}1.0`,
    `t_${"0".repeat(26)}1..2`,
    `r_${"0".repeat(26)}1.2`,
    `r_${"u".repeat(26)}1`,
    "x".repeat(1_000),
  ]) {
    expect(parseId(text)).toBeUndefined();
  }
  for (const text of ["", "r_", `r_${"0".repeat(26)}`, `t_${"0".repeat(26)}1`, `r_${"0".repeat(26)}1.2`, "r".repeat(1_000)])
    expect(parseRunId(text)).toBeUndefined();
});
