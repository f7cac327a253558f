import { bounds } from "../core/bounds.ts";
import { FlotillaError } from "../core/error.ts";
import { shortHash } from "../core/hash.ts";
import { plainIssues } from "../core/issue.ts";
import { canonicalJson } from "../core/json.ts";
import type { Message } from "../core/message.ts";
import type { SendAct } from "../protocol/worker.ts";
import { defaultKey, type Scope } from "./keys.ts";
import { noop } from "./pending.ts";
import { boundedText } from "./values.ts";
import type { WorkflowBody } from "./workflow.ts";

/**
 * A message to a task of this run, recorded as an act and sent once. It resolves at once: a task that has ended takes
 * nothing, and its sender does not hear of it.
 */
export function send(
  body: WorkflowBody,
  scope: Scope,
  to: SendAct["to"],
  message: Message<string, never, unknown>,
  value: unknown,
): Promise<void> {
  const where = `send ${message?.name}`;
  const result = message["~schema"]["~standard"].validate(value);
  if (result instanceof Promise) result.catch(noop); // the receiver parses
  else if (result.issues)
    return Promise.reject(new FlotillaError("FLOTILLA_INPUT_INVALID", { issues: plainIssues(result.issues) }, { where }));
  const text = boundedText(value, where, bounds.inputBytes);
  const inputHash = shortHash(`${JSON.stringify(to)}\n${message.name}\n${canonicalJson(value)}`);
  const asked = body.ask("send", scope, defaultKey(`send ${message.name}`, inputHash), inputHash);
  if (!asked) return new Promise(noop);
  const { act, key } = asked;
  if (!asked.row)
    body.submit({ kind: "send", act, key, inputHash, askedAfter: body.pump.delivered, to, name: message.name, value: text });
  return Promise.resolve();
}
