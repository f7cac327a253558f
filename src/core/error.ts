import { catalogue } from "./error-catalogue.ts";
import type { ErrorCode, ErrorDetails } from "./error-catalogue.ts";
import type { Duration } from "./duration.ts";

export type { ErrorCode, ErrorDetails } from "./error-catalogue.ts";

/** One shape for terminal, JSON and UI. Callers branch on `code`; people read the rest. */
export interface FlotillaErrorOf<C extends ErrorCode> extends Error {
  readonly code: C;
  readonly details: ErrorDetails[C];
  /** True when the same call may succeed later without a change. */
  readonly retryable: boolean;
  readonly title: string;
  readonly where: string;
  readonly why: string;
  readonly fix: readonly string[];
  readonly doc: string;
}
/** Every error of ours, narrowed by `code`. */
export type AnyFlotillaError = { [C in ErrorCode]: FlotillaErrorOf<C> }[ErrorCode];

export interface ErrorJson {
  readonly code: string;
  readonly message: string;
  readonly title?: string;
  readonly where?: string;
  readonly why?: string;
  readonly fix?: readonly string[];
  readonly doc?: string;
  readonly details?: unknown;
  readonly retryable?: boolean;
  /** A declared error's name; the class name of a foreign one. */
  readonly name?: string;
  /** A declared error's data. */
  readonly data?: unknown;
  readonly stack?: string;
  readonly cause?: ErrorJson;
}

const brand = Symbol.for("flotilla.error");

export class FlotillaError<C extends ErrorCode = ErrorCode> extends Error implements FlotillaErrorOf<C> {
  readonly code: C;
  readonly details: ErrorDetails[C];
  readonly where: string;
  /** Own, not a getter: so Node prints what to do next when nobody catches the error. */
  readonly fix: readonly string[];

  constructor(code: C, details: ErrorDetails[C], o: { where?: string; cause?: unknown } = {}) {
    const entry = catalogue[code];
    super(`${entry.title}: ${entry.why(details)}`, o.cause === undefined ? undefined : { cause: o.cause });
    // Not enumerable: it would be printed, and say nothing to a person.
    Object.defineProperty(this, brand, { value: true });
    this.code = code;
    this.details = details;
    this.where = o.where ?? "";
    this.fix = entry.fix(details);
  }
  override get name(): string {
    return "FlotillaError";
  }
  get title(): string {
    return catalogue[this.code].title;
  }
  get retryable(): boolean {
    return catalogue[this.code].retryable;
  }
  get why(): string {
    return catalogue[this.code].why(this.details);
  }
  get doc(): string {
    return `docs/reference/errors.md#${this.code.toLowerCase()}`;
  }
  toJSON(): ErrorJson {
    return errorJson(this);
  }
}

export function isFlotillaError(e: unknown): e is AnyFlotillaError;
export function isFlotillaError<C extends ErrorCode>(e: unknown, code: C): e is FlotillaErrorOf<C>;
export function isFlotillaError(e: unknown, code?: string): boolean {
  // A brand instead of instanceof: a child process or a second copy of the package throws the same errors.
  return typeof e === "object" && e !== null && brand in e && (code === undefined || (e as { code?: unknown }).code === code);
}

/** An error that an agent declared in `errors`. Terminal. */
export interface DeclaredError<N extends string, D> extends Error {
  readonly code: "FLOTILLA_DECLARED";
  readonly name: N;
  readonly data: D;
}

class Declared extends Error implements DeclaredError<string, unknown> {
  readonly code = "FLOTILLA_DECLARED";
  override readonly name: string;
  readonly data: unknown;
  constructor(name: string, data: unknown) {
    super(`${name} ${dataText(data)}`.trim().slice(0, 500));
    this.name = name;
    this.data = data;
  }
}

function dataText(data: unknown): string {
  try {
    return JSON.stringify(data) ?? "";
  } catch {
    return ""; // a cycle or a bigint: the schema will say so
  }
}

export function declaredError(name: string, data: unknown): DeclaredError<string, unknown> {
  return new Declared(name, data);
}

export function isDeclaredError(e: unknown): e is DeclaredError<string, unknown> {
  return e instanceof Declared || (e instanceof Error && (e as { code?: unknown }).code === "FLOTILLA_DECLARED");
}

/** Throw to retry, with the wait the far side asked for. Every other thrown error retries too, by the agent's `retry`. */
export class RetryableError extends Error {
  override readonly name = "RetryableError";
  readonly retryAfter: Duration | undefined;
  constructor(message: string, o: { retryAfter?: Duration; cause?: unknown } = {}) {
    super(message, o.cause === undefined ? undefined : { cause: o.cause });
    this.retryAfter = o.retryAfter;
  }
}

/** Throw to stop at once: no further attempt. */
export class TerminalError extends Error {
  override readonly name = "TerminalError";
  constructor(message: string, o: { cause?: unknown } = {}) {
    super(message, o.cause === undefined ? undefined : { cause: o.cause });
  }
}

const causeDepthMax = 5;
const stackMax = 4_000;

/** Any thrown value as JSON. Stacks are cut to 4,000 characters, causes to five levels. Never throws, whatever was thrown. */
export function errorJson(thrown: unknown, depth = 0): ErrorJson {
  try {
    return readError(thrown, depth);
  } catch {
    // A getter that throws, a revoked proxy: it still is an error.
    return { code: "ERROR", name: "Error", message: "an error that cannot be read" };
  }
}

function readError(thrown: unknown, depth: number): ErrorJson {
  if (isFlotillaError(thrown)) {
    const { code, message, title, where, why, fix, doc, details, retryable } = thrown;
    return { code, title, message, where, why, fix, doc, details, retryable, ...causeJson(thrown, depth) };
  }
  if (isDeclaredError(thrown)) return { code: thrown.code, name: thrown.name, data: thrown.data, message: thrown.message };
  if (thrown instanceof Error) {
    const stack = thrown.stack === undefined ? undefined : String(thrown.stack).slice(0, stackMax);
    return {
      code: "ERROR",
      name: String(thrown.name),
      message: String(thrown.message),
      ...(stack ? { stack } : {}),
      ...causeJson(thrown, depth),
    };
  }
  return { code: "ERROR", name: typeof thrown, message: safeString(thrown) };
}

function causeJson(e: Error, depth: number): { cause?: ErrorJson } {
  return e.cause === undefined || depth >= causeDepthMax ? {} : { cause: errorJson(e.cause, depth + 1) };
}

function safeString(value: unknown): string {
  try {
    return typeof value === "object" ? (JSON.stringify(value) ?? String(value)).slice(0, 500) : String(value).slice(0, 500);
  } catch {
    return "a value that cannot be shown";
  }
}

/** The error behind its JSON: what a parent's code or a client gets. */
export function errorFromJson(json: ErrorJson): Error {
  const cause = json.cause === undefined ? undefined : errorFromJson(json.cause);
  if (json.code === "FLOTILLA_DECLARED") return declaredError(json.name ?? "Error", json.data);
  // Errors come from other processes and versions: one that cannot be rebuilt is still an error, with its code in words.
  if (Object.hasOwn(catalogue, json.code) && typeof json.details === "object" && json.details !== null) {
    try {
      return new FlotillaError(json.code as ErrorCode, json.details as never, { where: json.where ?? "", cause });
    } catch {
      // details of another shape
    }
  }
  const error = new Error(json.message, cause === undefined ? undefined : { cause });
  if (json.name && json.name !== "Error") error.name = json.name;
  if (json.stack) error.stack = json.stack;
  return error;
}
