import { bounds } from "../core/bounds.ts";
import type { Budget } from "../core/budget.ts";
import type { Definition } from "../core/definition.ts";
import { durationMs, type Duration } from "../core/duration.ts";
import { FlotillaError } from "../core/error.ts";
import { plainIssues } from "../core/issue.ts";
import { canonicalJson, toJson } from "../core/json.ts";
import { parse } from "../core/schema.ts";
import { priorities, type Priority } from "../core/task.ts";
import type { StartRequest } from "../protocol/views.ts";
import { checkKnown, checkObject, checkText, checkTexts, configInvalid } from "./check.ts";
import { notSupported } from "../core/not-supported.ts";

export interface StartOptions {
  /** 1 to 512 characters. The same key with the same input gives the run that it started; with another input it is refused. */
  idempotencyKey?: string;
  /** What the run may spend. Not in this version: refused. @default none */
  budget?: Budget;
  /** 1 to 100 characters. Tenants take turns, so that a long queue of one does not hold up another. @default one for all */
  tenant?: string;
  /** At most 32, of 1 to 128 characters each; runs are found by them. */
  tags?: readonly string[];
  /** @default "normal" */
  priority?: Priority;
  /** Waits before the run's first attempt. @default none */
  delay?: Duration;
}

const known = ["idempotencyKey", "budget", "tenant", "tags", "priority", "delay"];

/** A hash of a text, as short as a row wants it. Passed in, so that a client in a browser brings its own. */
export type Hash = (text: string) => string;

/**
 * Checks the input and the options, and puts them on the wire. Synchronous when the schema is, so that starts made in
 * one turn stay one batch.
 * @throws FLOTILLA_INPUT_INVALID, FLOTILLA_VALUE_NOT_JSON, FLOTILLA_TOO_LARGE, FLOTILLA_CONFIG_INVALID
 */
export function startRequest(
  definition: Definition,
  name: string,
  input: unknown,
  o: StartOptions | undefined,
  hash: Hash,
): StartRequest | Promise<StartRequest> {
  const where = `start(${JSON.stringify(name)})`;
  const options = o === undefined ? undefined : startOptions(o, where);
  const parsed = parse(
    definition.input,
    input,
    (issues) => new FlotillaError("FLOTILLA_INPUT_INVALID", { issues: plainIssues(issues) }, { where }),
  );
  // The raw input travels: the worker parses it, once, so a transform is not applied twice.
  const request = () => requestOf(name, input, options, where, hash);
  return parsed instanceof Promise ? parsed.then(request) : request();
}

function requestOf(
  name: string,
  input: unknown,
  options: Partial<StartRequest> | undefined,
  where: string,
  hash: Hash,
): StartRequest {
  if (input === undefined)
    throw new FlotillaError("FLOTILLA_VALUE_NOT_JSON", { path: "", why: "undefined is not JSON; pass null or {}" }, { where });
  const text = toJson(input, where);
  checkSize(text, where);
  if (options === undefined) return { name, input: text };
  const request = { name, input: text, ...options };
  return options.idempotencyKey === undefined ? request : { ...request, inputHash: hash(canonicalJson(input)) };
}

function checkSize(text: string, where: string): void {
  // A UTF-16 unit takes at most three bytes of UTF-8: most inputs need no counting.
  if (text.length * 3 <= bounds.inputBytes) return;
  const bytes = new TextEncoder().encode(text).length;
  if (bytes > bounds.inputBytes)
    throw new FlotillaError("FLOTILLA_TOO_LARGE", { what: "the input", bytes, max: bounds.inputBytes }, { where });
}

function startOptions(o: StartOptions, where: string): Partial<StartRequest> {
  checkObject(o, `${where} options`);
  checkKnown(o, known, where);
  const { idempotencyKey, tenant, tags, priority, delay } = o;
  if (o.budget !== undefined) throw notSupported(`${where}.budget`, "leave it out; this version caps no spending");
  if (idempotencyKey !== undefined) checkText(idempotencyKey, `${where}.idempotencyKey`, bounds.keyLength);
  if (tenant !== undefined) checkText(tenant, `${where}.tenant`, bounds.tenantLength);
  if (tags !== undefined) checkTexts(tags, `${where}.tags`, { most: bounds.tagsMax, length: bounds.tagLength });
  if (priority !== undefined && !priorities.includes(priority)) {
    throw configInvalid(`${where}.priority`, `${JSON.stringify(priority)} is not a priority`, `use ${priorities.join(", ")}`);
  }
  return {
    ...(idempotencyKey !== undefined && { idempotencyKey }),
    ...(tenant !== undefined && { tenant }),
    ...(tags !== undefined && { tags }),
    ...(priority !== undefined && { priority }),
    ...(delay !== undefined && { delayMs: durationMs(delay, `${where}.delay`) }),
  };
}
