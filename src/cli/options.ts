// Options that several commands share, and the checks of their values.
import { InvalidArgumentError, Option } from "commander";
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
