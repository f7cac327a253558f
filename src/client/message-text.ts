import { bounds } from "../core/bounds.ts";
import { FlotillaError } from "../core/error.ts";
import { plainIssues } from "../core/issue.ts";
import { toJson } from "../core/json.ts";
import type { Message } from "../core/message.ts";

/** A message's value as it is stored, checked by its schema. @throws FLOTILLA_INPUT_INVALID, FLOTILLA_VALUE_NOT_JSON, FLOTILLA_TOO_LARGE */
export async function messageText(m: Message<string, never, unknown>, value: unknown): Promise<string> {
  if (m?.kind !== "message") {
    throw new FlotillaError("FLOTILLA_CONFIG_INVALID", {
      field: "run.send",
      problem: "its first argument is not a message",
      fix: "pass what message() gave",
    });
  }
  const where = `send(${JSON.stringify(m.name)})`;
  const text = toJson(value, where);
  if (text.length > bounds.inputBytes)
    throw new FlotillaError("FLOTILLA_TOO_LARGE", { what: where, bytes: text.length, max: bounds.inputBytes }, { where });
  // What travels is validated, not the caller's object: a Date is a string by then.
  const result = await m["~schema"]["~standard"].validate(JSON.parse(text));
  if (result.issues) throw new FlotillaError("FLOTILLA_INPUT_INVALID", { issues: plainIssues(result.issues) }, { where });
  return text;
}
