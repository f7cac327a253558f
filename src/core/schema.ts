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
  const standard = schema?.["~standard"] as { vendor?: string; jsonSchema?: Record<string, Maker> } | undefined;
  const maker = standard?.jsonSchema?.[side];
  if (!maker) return null;
  const options = standard?.vendor === "zod" && side === "input" ? { libraryOptions: { override: loosenZod } } : {};
  try {
    return maker({ target: "draft-2020-12", ...options });
  } catch {
    return null;
  }
}

type Maker = (o: { target: string; libraryOptions?: object }) => unknown;

interface ZodDef {
  readonly type: string;
  readonly coerce?: boolean;
  readonly checks?: readonly { readonly _zod: { readonly def: { readonly check: string } } }[];
}

const bounding = ["minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minItems", "maxItems"];

/**
 * Zod describes an input by what comes out of `coerce`, `catch` and `trim`: whoever checks with that description would
 * refuse what the schema takes.
 */
function loosenZod(at: {
  readonly zodSchema: { readonly _zod: { readonly def: unknown } };
  readonly jsonSchema: Record<string, unknown>;
}): void {
  const def = at.zodSchema._zod.def as ZodDef;
  const drop = (keys: readonly string[]) => keys.forEach((key) => delete at.jsonSchema[key]);
  if (def.coerce === true || def.type === "catch") drop(Object.keys(at.jsonSchema));
  if (def.checks?.some((check) => check._zod.def.check === "overwrite")) drop(bounding);
}
