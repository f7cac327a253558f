// Options that several commands share, and the checks of their values.
import { InvalidArgumentError, Option } from "commander";
import { durationMs, type Duration } from "../core/duration.ts";
import { priorities } from "../core/task.ts";

export function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const n = Number(text);
    if (Number.isInteger(n) && n >= least && n <= most) return n;
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
  };
}

function instant(text: string): string {
  const at = /^\d{4}-\d\d-\d\d/.test(text) ? new Date(text) : undefined;
  if (at && !Number.isNaN(at.getTime())) return at.toISOString();
  throw new InvalidArgumentError("It must be an instant such as 2026-12-01T06:00:00Z.");
}

function span(text: string): number {
  try {
    const ms = durationMs(text as Duration, "");
    if (ms > 0) return ms;
  } catch {
    // Said below, as the command line says such things.
  }
  throw new InvalidArgumentError("It must be a span such as 30s, 10m, 2h or 7d.");
}

export type Deadline = { readonly deadlineMs: number } | { readonly deadlineAt: string };

function deadline(text: string): Deadline {
  return /^\d{4}-/.test(text) ? { deadlineAt: instant(text) } : { deadlineMs: span(text) };
}

export const inputOption = (): Option =>
  new Option("-i, --input <input>", "key=value (again for more keys), @file.json, - for stdin, or JSON")
    .argParser(collect)
    .default([], "{}");
export const planOnlyOption = (): Option =>
  new Option("--plan-only", "show the plan and stop: sets the input's planOnly, where the definition has it");
export const idempotencyOption = (): Option =>
  new Option("--idempotency-key <key>", "the same key starts it once only and then gives the same run");
export const tagOption = (): Option =>
  new Option("--tag <tag>", "label the run (again for more)").argParser(collect).default([], "none");
export const priorityOption = (): Option => new Option("--priority <priority>", "before or after others").choices(priorities);
export const detachOption = (): Option => new Option("-d, --detach", "print its id and do not wait");
export const startAtOption = (): Option =>
  new Option("--start-at <instant>", "not before it, such as 2026-12-01T06:00:00Z; this machine's time zone when it names none")
    .argParser(instant)
    .default(undefined, "now");
export const deadlineOption = (): Option =>
  new Option("--deadline <when>", "by when it must have ended, or fail: a span such as 2h, or an instant").argParser(deadline);
/** A length of time, as ms. */
export const spanOption = (flags: string, description: string): Option => new Option(flags, description).argParser(span);
export const ttlOption = (): Option =>
  new Option("--ttl <span>", "how long it may wait to begin, or never run: such as 10m").argParser(span);
export const limitOption = (): Option => new Option("--limit <n>", "rows of one page").argParser(wholeNumber(1, 500)).default(50);
export const afterOption = (): Option => new Option("--after <cursor>", "the next page, as the last one told");

export const byOption = (): Option => new Option("--by <name>", "who answers (default: this user's name)");

export interface StartOptions {
  readonly input: readonly string[];
  readonly planOnly?: true;
  readonly idempotencyKey?: string;
  readonly tag: readonly string[];
  readonly priority?: (typeof priorities)[number];
}
