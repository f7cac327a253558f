import { bounds } from "../core/bounds.ts";
import type { Budget } from "../core/budget.ts";
import type { Definition } from "../core/definition.ts";
import { durationMs, type Duration } from "../core/duration.ts";
import { FlotillaError } from "../core/error.ts";
import { plainIssues } from "../core/issue.ts";
import { canonicalJson, toJson } from "../core/json.ts";
import { parse } from "../core/schema.ts";
import { priorities, type Priority } from "../core/task.ts";
import type { SqlTransaction } from "../core/transaction.ts";
import type { StartRequest } from "../protocol/views.ts";
import { checkKnown, checkObject, checkText, checkTexts, configInvalid, isoDate, spanMs } from "./check.ts";
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
  /** Waits before the run's first attempt. Not together with `startAt`. @default none */
  delay?: Duration;
  /** Starts at that instant; at once when it has passed. Not together with `delay`. @default now */
  startAt?: Date;
  /**
   * By when the whole run must have ended, waits included: a span from this call, or an instant. When it passes, the run
   * fails with FLOTILLA_TIMEOUT (`after: "deadline"`) and all tasks under it are canceled, whatever they do. @default none
   */
  deadline?: Duration | Date;
  /**
   * How long the run may wait for its first attempt, from when it may start. After that it is not worth beginning: it
   * fails with FLOTILLA_TIMEOUT (`after: "ttl"`) and is never run. @default none
   */
  ttl?: Duration;
  /**
   * A transaction of yours that is open, in the database that the fleet's PostgreSQL store is in: the run starts when it
   * commits, and never if it is rolled back. `delay` and `deadline` count from the call. A pool will not do: each of its
   * statements is on another connection. @default none: the run is stored when `start` resolves
   */
  tx?: SqlTransaction;
  /**
   * With `tx`: the commit tells the fleet's orchestrators at once, instead of within about 0.3 s. All commits that tell
   * something take turns on one lock of the database server: set it where that wait matters. @default false
   */
  notify?: boolean;
}

/** What a start in a transaction says beside what every start says. */
export interface InTransaction {
  readonly tx: SqlTransaction;
  readonly notify: boolean;
}

/** The options as they travel, and the transaction that they name. @throws FLOTILLA_CONFIG_INVALID */
export function splitTransaction(
  name: string,
  o: StartOptions | undefined,
): { readonly options: StartOptions | undefined; readonly within: InTransaction | null } {
  if (o === undefined || o === null || typeof o !== "object" || !("tx" in o || "notify" in o))
    return { options: o, within: null };
  const where = `start(${JSON.stringify(name)})`;
  const { tx, notify = false, ...options } = o;
  if (typeof notify !== "boolean")
    throw configInvalid(`${where}.notify`, "it is neither true nor false", "leave it out, or pass true");
  if (tx === undefined) {
    if (notify)
      throw configInvalid(`${where}.notify`, "there is no tx to commit", "leave it out: a start without tx is seen at once");
    return { options, within: null };
  }
  checkTransaction(tx, `${where}.tx`);
  return { options, within: { tx, notify } };
}

function checkTransaction(tx: unknown, field: string): void {
  const given = tx as { query?: unknown; totalCount?: unknown; connect?: unknown } | null;
  if (typeof given?.query !== "function")
    throw configInvalid(field, "it has no query(text, params)", "pass the client that has begun the transaction");
  // As pg's pools have it.
  if (typeof given.totalCount === "number" && typeof given.connect === "function")
    throw configInvalid(
      field,
      "it is a pool, each statement of which is on another connection",
      "pass the client that pool.connect() gave",
    );
}

const known = ["idempotencyKey", "budget", "tenant", "tags", "priority", "delay", "startAt", "deadline", "ttl"];

/** A hash of a text, as short as a row wants it. Passed in: a client from afar has none, there the server hashes. */
export type Hash = (text: string) => string;

/**
 * Checks the input (when its definition is known) and the options, and puts them on the wire. Synchronous when the schema is, so that starts made in
 * one turn stay one batch.
 * @throws FLOTILLA_INPUT_INVALID, FLOTILLA_VALUE_NOT_JSON, FLOTILLA_TOO_LARGE, FLOTILLA_CONFIG_INVALID
 */
export function startRequest(
  definition: Definition | undefined,
  name: string,
  input: unknown,
  o: StartOptions | undefined,
  hash: Hash | null,
): StartRequest | Promise<StartRequest> {
  const where = `start(${JSON.stringify(name)})`;
  const options = o === undefined ? undefined : startOptions(o, where);
  const parsed = definition && parseInput(definition, input, where);
  // The raw input travels: the worker parses it, once, so a transform is not applied twice.
  const request = () => requestOf(name, input, options, where, hash);
  return parsed instanceof Promise ? parsed.then(request) : request();
}

/** The same check for an input that is kept for later. @param definition null: nobody here knows its schema. */
export async function checkedInput(definition: Definition | undefined, input: unknown, where: string): Promise<string> {
  if (definition) await parseInput(definition, input, where);
  return inputText(input, where);
}

function parseInput(definition: Definition, input: unknown, where: string): unknown {
  return parse(
    definition.input,
    input,
    (issues) => new FlotillaError("FLOTILLA_INPUT_INVALID", { issues: plainIssues(issues) }, { where }),
  );
}

function inputText(input: unknown, where: string): string {
  if (input === undefined)
    throw new FlotillaError("FLOTILLA_VALUE_NOT_JSON", { path: "", why: "undefined is not JSON; pass null or {}" }, { where });
  const text = toJson(input, where);
  checkSize(text, where);
  return text;
}

function requestOf(
  name: string,
  input: unknown,
  options: Partial<StartRequest> | undefined,
  where: string,
  hash: Hash | null,
): StartRequest {
  const text = inputText(input, where);
  if (options === undefined) return { name, input: text };
  const request = { name, input: text, ...options };
  return options.idempotencyKey === undefined || hash === null ? request : { ...request, inputHash: hash(canonicalJson(input)) };
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
  const { idempotencyKey, tenant, tags, priority, delay, startAt, deadline, ttl } = o;
  if (o.budget !== undefined) throw notSupported(`${where}.budget`, "leave it out; this version caps no spending");
  if (idempotencyKey !== undefined) checkText(idempotencyKey, `${where}.idempotencyKey`, bounds.keyLength);
  if (tenant !== undefined) checkText(tenant, `${where}.tenant`, bounds.tenantLength);
  if (tags !== undefined) checkTexts(tags, `${where}.tags`, { most: bounds.tagsMax, length: bounds.tagLength });
  if (priority !== undefined && !priorities.includes(priority)) {
    throw configInvalid(`${where}.priority`, `${JSON.stringify(priority)} is not a priority`, `use ${priorities.join(", ")}`);
  }
  if (delay !== undefined && startAt !== undefined)
    throw configInvalid(`${where}.startAt`, "delay says when it starts too", "give one of both");
  const ttlMs = spanMs(ttl, `${where}.ttl`);
  return {
    ...(idempotencyKey !== undefined && { idempotencyKey }),
    ...(tenant !== undefined && { tenant }),
    ...(tags !== undefined && { tags }),
    ...(priority !== undefined && { priority }),
    ...(delay !== undefined && { delayMs: durationMs(delay, `${where}.delay`) }),
    ...(startAt !== undefined && { startAt: isoDate(startAt, `${where}.startAt`) }),
    ...(deadline !== undefined && deadlineOf(deadline, `${where}.deadline`)),
    ...(ttlMs !== null && { ttlMs }),
  };
}

function deadlineOf(
  deadline: Duration | Date,
  field: string,
): Pick<StartRequest, "deadlineAt"> | Pick<StartRequest, "deadlineMs"> {
  if (typeof deadline !== "string") return { deadlineAt: isoDate(deadline, field) };
  return { deadlineMs: spanMs(deadline, field) as number };
}
