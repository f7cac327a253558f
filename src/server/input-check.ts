import { FlotillaError } from "../core/error.ts";
import { jsonIssues } from "../protocol/json-check.ts";
import type { DefinitionView } from "../protocol/views.ts";

/** The door has no code of the definitions, only their cards. @throws FLOTILLA_INPUT_INVALID with the paths of the fields. */
export function checkInput({ name, inputSchema }: DefinitionView, input: unknown): void {
  const issues = jsonIssues(inputSchema, input);
  if (issues.length > 0)
    throw new FlotillaError("FLOTILLA_INPUT_INVALID", { issues }, { where: `start(${JSON.stringify(name)})` });
}
