import { configInvalid } from "../client/check.ts";
import type { AnyCallable, Definition } from "../core/definition.ts";
import { FlotillaError } from "../core/error.ts";

/** Whether agent(), workflow() or contract() made it. */
export function isCallable(value: unknown): value is AnyCallable {
  const definition = (value as { "~definition"?: { name?: unknown } } | null | undefined)?.["~definition"];
  return typeof definition === "object" && typeof definition.name === "string";
}

/**
 * Names are how tasks are found, so each has one meaning in a fleet. A contract that stands beside an implementation of
 * its own name is the one exception: it is left out, since the implementation carries the same schemas.
 * @throws FLOTILLA_CONFIG_INVALID, FLOTILLA_DUPLICATE_NAME
 */
export function checkDefinitions(given: unknown): readonly AnyCallable[] {
  if (!Array.isArray(given)) throw configInvalid("fleet.definitions", "it is not a list", "pass definitions: [greet, audit]");
  const byName = new Map<string, AnyCallable>();
  given.forEach((callable: unknown, i) => {
    if (!isCallable(callable))
      throw configInvalid(
        `fleet.definitions[${i}]`,
        "it was not made by agent(), workflow() or contract()",
        "pass what those functions return, not a promise, a class or a module",
      );
    const { "~definition": definition } = callable;
    const other = byName.get(definition.name);
    if (!other) byName.set(definition.name, callable);
    else if (isOwnImplementation(definition, other["~definition"])) byName.set(definition.name, callable);
    else if (!isOwnImplementation(other["~definition"], definition))
      throw new FlotillaError("FLOTILLA_DUPLICATE_NAME", { name: definition.name }, { where: `fleet.definitions[${i}]` });
  });
  for (const { "~definition": definition } of byName.values()) refuseTakenContract(definition, byName);
  return Object.freeze([...byName.values()]);
}

function isOwnImplementation(definition: Definition, contract: Definition): boolean {
  return (
    contract.kind === "contract" &&
    definition.implements === contract.name &&
    definition.input === contract.input &&
    definition.output === contract.output
  );
}

/** A call of the contract would reach the stranger that has its name. */
function refuseTakenContract(definition: Definition, byName: ReadonlyMap<string, AnyCallable>): void {
  if (definition.implements === null) return;
  const holder = byName.get(definition.implements)?.["~definition"];
  if (!holder || holder.implements === definition.implements || isOwnImplementation(definition, holder)) return;
  throw new FlotillaError(
    "FLOTILLA_DUPLICATE_NAME",
    { name: holder.name },
    { where: `${definition.name} implements another ${holder.kind} of that name` },
  );
}

/** @throws FLOTILLA_NOT_SUPPORTED naming every definition with the options that this version would have to ignore. */
export function refuseUnenforced(definitions: readonly AnyCallable[]): void {
  const asking = definitions.map((c) => c["~definition"]).filter((d) => d.unenforced.length > 0);
  if (asking.length === 0) return;
  throw new FlotillaError("FLOTILLA_NOT_SUPPORTED", {
    what: `this version cannot enforce ${asking.map((d) => `${d.unenforced.join(", ")} of ${d.kind} ${JSON.stringify(d.name)}`).join("; ")}`,
    instead: "leave those options out: an ignored cap would be worse than none",
  });
}

/** Contracts that nothing here implements: legal, since a worker that joins later may; worth a line at the start. */
export function unimplemented(definitions: readonly AnyCallable[]): readonly string[] {
  const implemented = new Set(definitions.map((c) => c["~definition"].implements));
  return definitions.filter((c) => c.kind === "contract" && !implemented.has(c.name)).map((c) => c.name);
}
