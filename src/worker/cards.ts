import type { Definition } from "../core/definition.ts";
import { jsonSchema } from "../core/schema.ts";
import type { DefinitionCard } from "../protocol/worker.ts";

import { codeVersion } from "./code-version.ts";

/** A definition as data: all of it but the code. */
export function cardOf(d: Definition): DefinitionCard {
  const inputSchema = jsonSchema(d.input, "input");
  const outputSchema = jsonSchema(d.output, "output");
  const code = codeVersion(d, [inputSchema, outputSchema]);
  return {
    name: d.name,
    kind: d.kind,
    implements: d.implements,
    description: d.description,
    version: d.version,
    needs: d.needs,
    retry: d.retry,
    timeoutMs: d.timeoutMs,
    idleTimeoutMs: d.idleTimeoutMs,
    idempotent: d.idempotent,
    inputSchema,
    outputSchema,
    ...(code === undefined ? {} : { code, onOrphan: d.onOrphan }),
  };
}
