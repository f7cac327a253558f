import type { AnyCallable } from "../../core/definition.ts";
import { jsonSchema } from "../../core/schema.ts";

interface ObjectSchema {
  readonly properties?: Readonly<Record<string, { readonly type?: string; readonly default?: unknown }>>;
  readonly required?: readonly string[];
}

/** A command line that fits the first workflow, or agent, as far as its schema tells. */
export function exampleRun(definitions: readonly AnyCallable[]): string {
  const chosen = definitions.find((d) => d.kind === "workflow") ?? definitions.find((d) => d.kind === "agent");
  if (chosen === undefined) return "flotilla run NAME --input key=value";
  const schema = jsonSchema(chosen["~definition"].input, "input") as ObjectSchema | null;
  const required = (schema?.required ?? []).map((key) => `--input ${key}=${valueFor(schema?.properties?.[key]?.type)}`);
  const unknown = schema === null ? ["--input key=value"] : [];
  return ["flotilla run", chosen.name, ...required, ...unknown].join(" ");
}

function valueFor(type: string | undefined): string {
  switch (type) {
    case "number":
    case "integer":
      return "1";
    case "boolean":
      return "true";
    case "array":
      return "'[...]'";
    case "object":
      return "'{...}'";
    default:
      return "...";
  }
}
