// What a JSON Schema says of a value, for whoever has only the schema and not the code it came from: enough to refuse what
// cannot fit before it is stored. The code parses with the schema itself and has the last word. Loaded lazily: zod takes 75 ms.
import type { StandardSchemaV1 as Schema } from "@standard-schema/spec";
import { z } from "zod";
import { plainIssues } from "../core/issue.ts";

/** By schema: one that is registered anew is another object. null: nothing can be said. */
const checks = new WeakMap<object, z.ZodType | null>();

/** What does not fit, each with its path; empty when the value fits or nothing can be said. */
export function jsonIssues(schema: unknown, value: unknown): Schema.Issue[] {
  const result = checkOf(schema)?.safeParse(value);
  return result === undefined || result.success ? [] : plainIssues(result.error.issues);
}

function checkOf(schema: unknown): z.ZodType | null {
  if (typeof schema !== "object" || schema === null) return null;
  let check = checks.get(schema);
  if (check === undefined) {
    check = convert(schema);
    checks.set(schema, check);
  }
  return check;
}

function convert(schema: object): z.ZodType | null {
  try {
    return z.fromJSONSchema(structure(schema) as z.core.JSONSchema.JSONSchema, { registry: z.registry() });
  } catch {
    return null; // It says more than zod understands.
  }
}

/** What maps names to schemas: its keys are the user's. */
const named = new Set(["properties", "$defs", "definitions", "dependentSchemas"]);
/** What holds values, not schemas. */
const values = new Set(["const", "enum", "default", "examples", "required"]);
/**
 * JSON Schema has no flags for patterns and one `format` where a library has variants (offsets of a time, kinds of mail
 * addresses): checked here they would refuse what the definition takes.
 */
const inexact = new Set(["pattern", "format", "contentEncoding", "contentMediaType"]);

function structure(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(structure);
  if (typeof schema !== "object" || schema === null) return schema;
  if ("patternProperties" in schema || "not" in schema) throw new Error("its patterns decide what is allowed");
  const kept = Object.entries(schema).filter(([key]) => !inexact.has(key));
  return Object.fromEntries(
    kept.map(([key, value]) => {
      // Without its patterns a value may fit more than one of several.
      if (key === "oneOf") return ["anyOf", structure(value)];
      return [key, values.has(key) ? value : named.has(key) ? structures(value as object) : structure(value)];
    }),
  );
}

function structures(byName: object): object {
  return Object.fromEntries(Object.entries(byName).map(([name, schema]) => [name, structure(schema)]));
}
