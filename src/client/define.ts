import { bounds } from "../core/bounds.ts";
import type { Definition, ErrorMap, Settings } from "../core/definition.ts";
import { defaultRetry, resolveRetry, type ResolvedRetry } from "../core/retry.ts";
import type { Schema } from "../core/schema.ts";
import {
  checkBoolean,
  checkErrors,
  checkFunction,
  checkKnown,
  checkName,
  checkObject,
  checkSchema,
  checkText,
  checkTexts,
  configInvalid,
  spanMs,
} from "./check.ts";

/** What agent(), workflow() and contract() were given, whatever its types were. */
export interface Given extends Settings<never> {
  readonly name?: string;
  readonly input?: Schema;
  readonly output?: Schema | undefined;
  readonly errors?: ErrorMap;
  readonly onOrphan?: "wait" | "move-if-unchanged";
  readonly run?: ((input: never, ctx: never) => unknown) | undefined;
}

const placement = ["needs", "prefers", "resources"];
const settings = [
  "name",
  "description",
  "version",
  ...placement,
  "limits",
  "retry",
  "timeout",
  "idleTimeout",
  "budget",
  "idempotent",
  "onOrphan",
  "run",
];
const typed = ["input", "output", "errors"];

/** Named in `unenforced` when given: a fleet refuses them rather than ignore a cap that somebody relies on. */
const notYetEnforced = ["limits", "budget", "prefers", "resources"] as const;

/** A workflow that throws has failed: its children retried already, and re-runs after a lost worker are not attempts. */
const workflowRetry: ResolvedRetry = Object.freeze({ ...defaultRetry, attempts: 1 });

const descriptionLength = 4_000;

/**
 * Resolves once: defaults, check, freeze. Inside the house nothing of a definition is optional any more.
 * @param contract what it implements: name, schemas and errors come from there.
 * @throws FLOTILLA_CONFIG_INVALID naming the field.
 */
export function define(kind: Definition["kind"], given: Given, contract: Definition | null = null): Definition {
  checkObject(given, `${kind}()`);
  const name = given.name ?? contract?.name;
  checkName(name, `${kind}().name`);
  const where = `${kind}(${JSON.stringify(name)})`;
  checkKnown(given, knownOptions(kind, contract), where);

  const input = contract?.input ?? given.input;
  const output = contract?.output ?? given.output;
  const errors = contract?.errors ?? given.errors ?? {};
  checkSchema(input, `${where}.input`);
  if (output !== undefined || kind === "contract") checkSchema(output, `${where}.output`);
  checkErrors(errors, `${where}.errors`);
  if (kind !== "contract") checkFunction(given.run, `${where}.run`);
  if (given.description !== undefined) checkText(given.description, `${where}.description`, descriptionLength);
  if (given.version !== undefined) checkText(given.version, `${where}.version`, bounds.nameLength);
  if (given.needs !== undefined) checkTexts(given.needs, `${where}.needs`, { most: bounds.needsMax, length: bounds.nameLength });
  if (given.idempotent !== undefined) checkBoolean(given.idempotent, `${where}.idempotent`);
  if (given.onOrphan !== undefined) checkOnOrphan(given.onOrphan, where, kind);
  if (given.retry !== undefined) checkRetry(given.retry, where, kind);

  return Object.freeze({
    kind,
    name,
    description: given.description ?? contract?.description ?? "",
    version: given.version ?? "",
    implements: contract?.name ?? null,
    input,
    output,
    errors: Object.freeze({ ...errors }),
    needs: Object.freeze(union(contract?.needs ?? [], given.needs ?? [])),
    retry: resolveRetry(given.retry, where, kind === "workflow" ? workflowRetry : defaultRetry),
    timeoutMs: spanMs(given.timeout, `${where}.timeout`),
    idleTimeoutMs: spanMs(given.idleTimeout, `${where}.idleTimeout`),
    idempotent: given.idempotent ?? false,
    onOrphan: given.onOrphan ?? "wait",
    unenforced: Object.freeze(
      union(
        contract?.unenforced ?? [],
        notYetEnforced.filter((option) => isGiven(given[option])),
      ),
    ),
    run: kind === "contract" ? undefined : given.run,
  });
}

function knownOptions(kind: Definition["kind"], contract: Definition | null): readonly string[] {
  if (contract) return settings;
  return kind === "contract" ? ["name", "description", ...placement, ...typed] : [...settings, ...typed];
}

function checkOnOrphan(given: unknown, where: string, kind: Definition["kind"]): void {
  if (kind !== "workflow")
    throw configInvalid(`${where}.onOrphan`, "an agent's task is begun anew by any build", "leave it out: it is a workflow's");
  if (given !== "wait" && given !== "move-if-unchanged")
    throw configInvalid(
      `${where}.onOrphan`,
      `${JSON.stringify(given)} is none of its values`,
      'use "wait" or "move-if-unchanged"',
    );
}

function checkRetry(retry: unknown, where: string, kind: Definition["kind"]): void {
  if (kind === "workflow")
    throw configInvalid(
      `${where}.retry`,
      "a workflow that throws has failed and is not tried again: what it called was retried already",
      "give retry to the agents that it calls, or to single calls: ctx.call(agent, input, { retry: { attempts: 5 } })",
    );
  checkObject(retry, `${where}.retry`);
  checkKnown(retry, ["attempts", "backoff", "from", "to"], `${where}.retry`);
}

/** An empty list or object asks for nothing, so there is nothing to refuse. */
function isGiven(option: unknown): boolean {
  if (option === undefined) return false;
  return typeof option !== "object" || option === null || Object.keys(option).length > 0;
}

/** Sorted and without repeats, so that equal needs are one lane whatever the order in which they were written. */
function union(a: readonly string[], b: readonly string[]): string[] {
  return [...new Set([...a, ...b])].toSorted();
}
