// The HTTP door has no code of the definitions, only what their cards say of the input: enough to refuse what cannot fit
// before it is stored. The worker parses with the schema itself and has the last word.
import { z } from "zod";
import { FlotillaError } from "../core/error.ts";
import { plainIssues } from "../core/issue.ts";
import type { DefinitionView } from "../protocol/views.ts";

/** By card: a definition that is registered anew brings another object. null: nothing can be said. */
const checks = new WeakMap<object, z.ZodType | null>();

/** @throws FLOTILLA_INPUT_INVALID with the paths of the fields. */
export function checkInput({ name, inputSchema }: DefinitionView, input: unknown): void {
  const result = checkOf(inputSchema)?.safeParse(input);
  if (result === undefined || result.success) return;
  const issues = plainIssues(result.error.issues);
  throw new FlotillaError("FLOTILLA_INPUT_INVALID", { issues }, { where: `start(${JSON.stringify(name)})` });
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
