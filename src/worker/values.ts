// What goes into and comes out of user code: parsed once, checked, stored as JSON.
import { bounds } from "../core/bounds.ts";
import type { Definition } from "../core/definition.ts";
import { FlotillaError } from "../core/error.ts";
import { plainIssues } from "../core/issue.ts";
import { toJson } from "../core/json.ts";
import { parse } from "../core/schema.ts";

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}

/** Whether `text` takes more than `max` bytes as UTF-8; counts only when its length leaves a doubt. */
export function isTooLong(text: string, max: number): boolean {
  return text.length > max || (text.length * 3 > max && Buffer.byteLength(text) > max);
}

/** @throws FLOTILLA_INPUT_INVALID */
export function parseInput(definition: Definition, text: string): unknown {
  const where = `${definition.name}.input`;
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (e) {
    throw new FlotillaError("FLOTILLA_INPUT_INVALID", { issues: [{ message: "the input is not JSON" }] }, { where, cause: e });
  }
  return parse(
    definition.input,
    raw,
    (issues) => new FlotillaError("FLOTILLA_INPUT_INVALID", { issues: plainIssues(issues) }, { where }),
  );
}

/** The output, validated, as the JSON that is stored. @throws FLOTILLA_OUTPUT_INVALID, FLOTILLA_VALUE_NOT_JSON, FLOTILLA_TOO_LARGE */
export function resultText(definition: Definition, returned: unknown): string | Promise<string> {
  const where = `${definition.name}.output`;
  if (!definition.output) return boundedText(returned, where);
  const output = parse(
    definition.output,
    returned,
    (issues) => new FlotillaError("FLOTILLA_OUTPUT_INVALID", { issues: plainIssues(issues) }, { where }),
  );
  return output instanceof Promise ? output.then((o) => boundedText(o, where)) : boundedText(output, where);
}

export function boundedText(value: unknown, where: string, max: number = bounds.artifactBytes): string {
  const text = toJson(value, where);
  if (isTooLong(text, max))
    throw new FlotillaError("FLOTILLA_TOO_LARGE", { what: where, bytes: Buffer.byteLength(text), max }, { where });
  return text;
}
