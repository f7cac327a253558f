import { describe, expect, it } from "vitest";
import * as z from "zod";
import { jsonSchema, type Schema } from "../core/schema.ts";
import { checkInput } from "./input-check.ts";

function check(schema: unknown, input: unknown): unknown {
  try {
    checkInput({ name: "a", kind: "agent", description: "", inputSchema: schema }, input);
    return "taken";
  } catch (error) {
    return (error as { message: string }).message;
  }
}
const zod = (schema: Schema, input: unknown) => check(jsonSchema(schema, "input"), input);

describe("the door refuses", () => {
  const Tree = z.object({
    v: z.number(),
    get kids() {
      return z.array(Tree).optional();
    },
  });
  it.each([
    ["a wrong type", z.object({ who: z.string() }), { who: 5 }, "who"],
    ["what is missing", z.object({ who: z.string() }), {}, "who"],
    ["no object", z.object({ who: z.string() }), null, "object"],
    ["an unknown field of a strict object", z.strictObject({ a: z.int() }), { a: 1, b: 2 }, "b"],
    [
      "a number out of range, deep inside",
      z.object({ a: z.array(z.object({ n: z.int().max(3) })) }),
      { a: [{ n: 4 }] },
      "a[0].n",
    ],
    ["a value that is none of an enum", z.enum(["x", "y"]), "z", "x"],
    ["a branch of none", z.union([z.string(), z.int()]), true, "nvalid"],
    ["deep in a tree", Tree, { v: 1, kids: [{ v: "x" }] }, "kids[0].v"],
  ])("%s", (_, schema, input, path) => {
    expect(zod(schema, input)).toContain(path);
  });
});

describe("the door takes what the definition's own schema takes", () => {
  it.each([
    ["unknown fields", z.object({ who: z.string() }), { who: "a", more: 1 }],
    ["defaults left out", z.object({ n: z.int().default(3) }), {}],
    ["flags of a pattern", z.string().regex(/^abc$/i), "ABC"],
    ["a time with an offset", z.iso.datetime({ offset: true }), "2026-11-22T10:00:00+01:00"],
    ["what is coerced", z.object({ n: z.coerce.number(), s: z.coerce.string().max(2) }), { n: "5", s: 5 }],
    ["what is caught", z.object({ n: z.number().catch(0) }), { n: "x" }],
    ["what is trimmed to fit", z.string().trim().max(3), "  abc  "],
    ["what is transformed", z.string().transform((s) => s.length), "abc"],
    [
      "branches that differ by pattern",
      z.discriminatedUnion("k", [z.object({ k: z.literal("a") }), z.object({ k: z.literal("b") })]),
      { k: "b" },
    ],
    ["a date, of which no card tells", z.object({ at: z.coerce.date() }), { at: "2026-11-22" }],
    [
      "fields that are named like keywords",
      z.object({ pattern: z.string(), format: z.string(), not: z.int() }),
      { pattern: "x", format: "y", not: 1 },
    ],
  ])("%s", (_, schema, input) => {
    expect(schema.safeParse(input).success).toBe(true);
    expect(zod(schema, input)).toBe("taken");
  });

  it.each([
    ["without a card", null],
    ["of another dialect", { not: { type: "string" } }],
    ["that zod cannot read", { $ref: "https://example.org/schema.json" }],
  ])("a schema %s", (_, schema) => {
    expect(check(schema, "x")).toBe("taken");
  });
});
