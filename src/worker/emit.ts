import { bounds } from "../core/bounds.ts";
import { FlotillaError } from "../core/error.ts";
import { plainIssues } from "../core/issue.ts";
import { shortHash } from "../core/hash.ts";
import { canonicalJson } from "../core/json.ts";
import type { Message } from "../core/message.ts";
import { defaultKey } from "./keys.ts";
import { boundedText } from "./values.ts";

export type AnyMessage = Message<string, never, unknown>;

export interface CheckedEmit {
  readonly name: string;
  readonly value: string;
  /** Without its ordinal. It holds the hash of the value, so an emit has no other input. */
  readonly key: string;
}

/** @throws FLOTILLA_INPUT_INVALID, FLOTILLA_VALUE_NOT_JSON, FLOTILLA_TOO_LARGE, FLOTILLA_TOO_MANY: where it is written */
export function checkEmit(message: AnyMessage, value: unknown, count: number): CheckedEmit {
  const where = `emit ${message.name}`;
  if (count > bounds.emitsPerTask)
    throw new FlotillaError("FLOTILLA_TOO_MANY", { what: "emits of one task", count, max: bounds.emitsPerTask }, { where });
  const result = message["~schema"]["~standard"].validate(value);
  // An asynchronous schema cannot refuse here, and the value is stored as given: nobody downstream parses it.
  if (!(result instanceof Promise) && result.issues) {
    throw new FlotillaError("FLOTILLA_INPUT_INVALID", { issues: plainIssues(result.issues) }, { where });
  }
  const text = boundedText(value, where, bounds.emitBytes);
  const hash = shortHash(`${message.name}\n${canonicalJson(value)}`);
  return { name: message.name, value: text, key: defaultKey(message.name, hash) };
}
