import type { StandardSchemaV1 as Schema } from "@standard-schema/spec";
import type { FlotillaError } from "./error.ts";

export type { StandardSchemaV1 as Schema } from "@standard-schema/spec";

/** What travels and is stored. */
export type Wire<S> = S extends Schema<infer I, unknown> ? I : never;
/** What code sees. */
export type Parsed<S> = S extends Schema<unknown, infer O> ? O : never;

/** Validates; synchronous when the schema is. @throws the error that `refuse` makes of the issues. */
export function parse<T>(
  schema: Schema<unknown, T>,
  value: unknown,
  refuse: (issues: readonly Schema.Issue[]) => FlotillaError,
): T | Promise<T> {
  const result = schema["~standard"].validate(value);
  if (result instanceof Promise) return result.then((r) => valueOf(r, refuse));
  return valueOf(result, refuse);
}

function valueOf<T>(result: Schema.Result<T>, refuse: (issues: readonly Schema.Issue[]) => FlotillaError): T {
  if (result.issues) throw refuse(result.issues);
  return result.value;
}

/** The schema as JSON Schema 2020-12, or null where its library cannot say (transforms, dates). */
export function jsonSchema(schema: Schema | undefined, side: "input" | "output"): unknown {
  const maker = (schema?.["~standard"] as { jsonSchema?: Record<string, (o: { target: string }) => unknown> } | undefined)
    ?.jsonSchema?.[side];
  if (!maker) return null;
  try {
    return maker({ target: "draft-2020-12" });
  } catch {
    return null;
  }
}
