import type { AnyCallable } from "../core/definition.ts";
import { jsonSchema } from "../core/schema.ts";
import { UsageError } from "./usage-error.ts";

/**
 * The input with `planOnly: true`. A schema may drop what it does not know, and then the work would be done for real:
 * so a definition that is known must have the field.
 * @throws UsageError
 */
export function withPlanOnly(input: unknown, name: string, definitions: readonly AnyCallable[]): unknown {
  if (typeof input !== "object" || input === null || Array.isArray(input)) {
    throw new UsageError("--plan-only needs an input that is an object", { why: "it sets the input's field planOnly" });
  }
  const definition = definitions.find((d) => d.name === name);
  const schema =
    definition && (jsonSchema(definition["~definition"].input, "input") as { properties?: Record<string, unknown> } | null);
  if (schema?.properties !== undefined && !("planOnly" in schema.properties)) {
    throw new UsageError(`${name} cannot plan only`, {
      why: "its input has no field planOnly",
      fix: ["run it without --plan-only"],
    });
  }
  return { ...input, planOnly: true };
}
