// Where branching happens, once: what a thrown value means for the task.
import { bounds } from "../core/bounds.ts";
import type { Definition } from "../core/definition.ts";
import { durationMs } from "../core/duration.ts";
import {
  errorJson,
  FlotillaError,
  isDeclaredError,
  isFlotillaError,
  RetryableError,
  TerminalError,
  type DeclaredError,
  type ErrorJson,
} from "../core/error.ts";
import { findNonJson } from "../core/json.ts";
import { plainIssues } from "../core/issue.ts";
import { parse } from "../core/schema.ts";
import type { AttemptResult } from "../protocol/worker.ts";

type Failed = Extract<AttemptResult, { status: "failed" }>;

/**
 * A workflow's throw is terminal whatever it is, also a RetryableError: its children have retried already, and the same
 * history gives the same throw again. What is not the code's own doing does not come here: it is `returned`.
 */
export function classify(thrown: unknown, definition: Definition): Failed | Promise<Failed> {
  try {
    return classified(thrown, definition);
  } catch {
    // Getters that throw, revoked proxies: an attempt must end all the same.
    return classified(new Error("an error was thrown that cannot be read"), definition);
  }
}

function classified(thrown: unknown, definition: Definition): Failed | Promise<Failed> {
  if (isDeclaredError(thrown)) return classifyDeclared(thrown, definition);
  const error = boundedError(thrown);
  if (definition.kind === "workflow" || isTerminal(thrown)) return { status: "failed", error, terminal: true };
  const retryAfterMs = retryAfterOf(thrown);
  return retryAfterMs === undefined
    ? { status: "failed", error, terminal: false }
    : { status: "failed", error, terminal: false, retryAfterMs };
}

function isTerminal(thrown: unknown): boolean {
  // By name as well: a child process may load a second copy of the package.
  if (thrown instanceof TerminalError || (thrown instanceof Error && thrown.name === "TerminalError")) return true;
  return isFlotillaError(thrown) && !thrown.retryable;
}

function retryAfterOf(thrown: unknown): number | undefined {
  if (!(thrown instanceof RetryableError || (thrown instanceof Error && thrown.name === "RetryableError"))) return undefined;
  const wait = (thrown as RetryableError).retryAfter;
  if (wait === undefined) return undefined;
  try {
    return durationMs(wait, "retryAfter");
  } catch {
    return undefined; // a wait that cannot be read must not hide the error that carries it
  }
}

function classifyDeclared(thrown: DeclaredError<string, unknown>, definition: Definition): Failed | Promise<Failed> {
  const schema = Object.hasOwn(definition.errors, thrown.name) ? definition.errors[thrown.name] : undefined;
  if (!schema) {
    // A workflow that rethrows a child's declared error lands here: callers of the workflow know nothing of it.
    return terminal(
      new Error(`${definition.name} ended with ${thrown.name}, which it does not declare in \`errors\``, { cause: thrown }),
    );
  }
  const where = `${definition.name}.errors.${thrown.name}`;
  try {
    const data = parse(
      schema,
      thrown.data,
      (issues) => new FlotillaError("FLOTILLA_OUTPUT_INVALID", { issues: plainIssues(issues) }, { where, cause: thrown }),
    );
    return data instanceof Promise ? data.then((d) => declared(thrown, d), terminal) : declared(thrown, data);
  } catch (e) {
    return terminal(e);
  }
}

function declared(thrown: DeclaredError<string, unknown>, data: unknown): Failed {
  const lost = findNonJson(data);
  if (lost)
    return terminal(
      new FlotillaError("FLOTILLA_VALUE_NOT_JSON", { path: `data.${lost.path}`, why: lost.why }, { cause: thrown }),
    );
  const json = { ...errorJson(thrown), data };
  const bytes = Buffer.byteLength(JSON.stringify(data) ?? "");
  // Cut off, it would arrive as an error without its data, and nobody would know.
  if (bytes > bounds.errorBytes) {
    return terminal(
      new FlotillaError("FLOTILLA_TOO_LARGE", { what: `the data of ${thrown.name}`, bytes, max: bounds.errorBytes }),
    );
  }
  return {
    status: "failed",
    error: fits(json) ? json : { code: json.code, name: json.name ?? "", data, message: json.message.slice(0, 500) },
    terminal: true,
  };
}

function terminal(thrown: unknown): Failed {
  return { status: "failed", error: boundedError(thrown), terminal: true };
}

/** As JSON, at most bounds.errorBytes: first stacks go, then data and details. */
export function boundedError(thrown: unknown): ErrorJson {
  return boundedJson(errorJson(thrown));
}

const messageMax = 4_000;

function boundedJson(json: ErrorJson): ErrorJson {
  if (fits(json)) return json;
  const { stack: _, cause, ...rest } = json;
  const slim: ErrorJson = {
    ...rest,
    message: json.message.slice(0, messageMax),
    ...(cause ? { cause: { code: cause.code, message: cause.message.slice(0, messageMax) } } : {}),
  };
  if (fits(slim)) return slim;
  const { code, title, doc, retryable, name } = json;
  return {
    code,
    message: slim.message,
    ...(title ? { title } : {}),
    ...(doc ? { doc } : {}),
    ...(retryable === undefined ? {} : { retryable }),
    ...(name ? { name: name.slice(0, bounds.nameLength) } : {}),
  };
}

function fits(json: ErrorJson): boolean {
  try {
    return Buffer.byteLength(JSON.stringify(json)) <= bounds.errorBytes;
  } catch {
    return false; // data or details that JSON cannot say
  }
}
