// The checks that every option passes when a definition or a config is made: each names the field, so that a typo is
// found where it was written and not when the first task runs.
import { bounds } from "../core/bounds.ts";
import type { ErrorMap } from "../core/definition.ts";
import { durationMs, type Duration } from "../core/duration.ts";
import { FlotillaError } from "../core/error.ts";
import type { Schema } from "../core/schema.ts";

export function configInvalid(field: string, problem: string, fix: string): FlotillaError<"FLOTILLA_CONFIG_INVALID"> {
  return new FlotillaError("FLOTILLA_CONFIG_INVALID", { field, problem, fix });
}

const nameShape = /^[A-Za-z0-9][\w.:/-]*$/;

/** A name of ours: it appears in URLs, metrics and files. */
export function checkName(name: unknown, field: string): asserts name is string {
  if (typeof name !== "string" || name.length > bounds.nameLength || !nameShape.test(name)) {
    throw configInvalid(
      field,
      `${shown(name)} is not a name`,
      `use 1 to ${bounds.nameLength} of the letters A-Z a-z 0-9 _ . : / -, the first a letter or digit`,
    );
  }
}

export function checkObject(value: unknown, field: string): asserts value is object {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw configInvalid(field, `${shown(value)} is not an options object`, "pass { ... }");
  }
}

/** Refuses an option that does not exist: a misspelled `timeout` would otherwise be no timeout. */
export function checkKnown(options: object, known: readonly string[], where: string): void {
  for (const key of Object.keys(options)) {
    if (!known.includes(key))
      throw configInvalid(`${where}.${key}`, "there is no such option", `the options are ${known.join(", ")}`);
  }
}

export function checkText(value: unknown, field: string, max: number): asserts value is string {
  if (typeof value !== "string" || value.length === 0 || value.length > max) {
    throw configInvalid(field, `${shown(value)} is not a text of 1 to ${max} characters`, "pass a shorter, non-empty string");
  }
  // UTF-8 has no half of a surrogate pair: stores would keep another text, and two of them would be one.
  if (!value.isWellFormed()) throw configInvalid(field, "it has half of a character (a lone surrogate)", wholeText);
}

const wholeText = "cut texts between characters, or call toWellFormed() on it";

export function checkTexts(
  value: unknown,
  field: string,
  o: { most: number; length: number },
): asserts value is readonly string[] {
  if (!Array.isArray(value))
    throw configInvalid(field, `${shown(value)} is not a list of strings`, 'pass an array, such as ["gpu"]');
  if (value.length > o.most) throw configInvalid(field, `${value.length} entries, the limit is ${o.most}`, "use fewer");
  value.forEach((text, i) => checkText(text, `${field}[${i}]`, o.length));
}

export function checkFunction(value: unknown, field: string): void {
  if (typeof value !== "function")
    throw configInvalid(field, `${shown(value)} is not a function`, "give the code: run(input, ctx) { ... }");
}

export function checkBoolean(value: unknown, field: string): void {
  if (typeof value !== "boolean") throw configInvalid(field, `${shown(value)} is not true or false`, "pass true or false");
}

export function checkWhole(value: unknown, field: string, o: { least: number; most: number }): void {
  if (!Number.isInteger(value) || (value as number) < o.least || (value as number) > o.most) {
    throw configInvalid(field, `${shown(value)} is not a whole number from ${o.least} to ${o.most}`, "correct the number");
  }
}

/** A duration above zero, in ms; null when it is not given. */
export function spanMs(text: Duration | undefined, field: string): number | null {
  if (text === undefined) return null;
  const ms = durationMs(text, field);
  if (ms === 0) throw configInvalid(field, "it is zero", "leave it out for no limit, or make it longer");
  return ms;
}

/** An instant as it travels. @throws FLOTILLA_CONFIG_INVALID for what is no Date, or an invalid one */
export function isoDate(at: unknown, field: string): string {
  if (at instanceof Date && Number.isFinite(at.getTime())) return at.toISOString();
  throw configInvalid(field, "it is not a date", "pass a Date, such as new Date(Date.now() + 60_000)");
}

/** Any Standard Schema: Zod, Valibot, ArkType ... Some libraries make them callable, so a function will do. */
export function checkSchema(schema: unknown, field: string): asserts schema is Schema {
  const standard = (schema as { "~standard"?: { validate?: unknown } } | null | undefined)?.["~standard"];
  if (typeof standard?.validate !== "function") {
    throw configInvalid(
      field,
      `${shown(schema)} is not a Standard Schema`,
      "pass a schema of Zod 3.24+, Valibot 1+, ArkType 2+ or another library that implements Standard Schema",
    );
  }
}

export function checkErrors(errors: unknown, field: string): asserts errors is ErrorMap {
  checkObject(errors, field);
  for (const [name, schema] of Object.entries(errors)) {
    checkName(name, `${field}[${JSON.stringify(name)}]`);
    checkSchema(schema, `${field}.${name}`);
  }
}

function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}...` : value);
  if (typeof value === "function") return "a function";
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "an array" : "an object";
  return String(value);
}
