import type { AnyCallable, Definition } from "../core/definition.ts";

/** What a client may start: definitions by name, and the contracts that they implement. */
export interface Catalogue {
  find(name: string): Definition | undefined;
  names(): readonly string[];
}

/** A contract's name finds an implementation, whose schemas are the contract's own. */
export function catalogueOf(definitions: readonly AnyCallable[]): Catalogue {
  const byName = new Map<string, Definition>();
  for (const { "~definition": definition } of definitions) byName.set(definition.name, definition);
  for (const { "~definition": definition } of definitions) {
    if (definition.implements !== null && !byName.has(definition.implements)) byName.set(definition.implements, definition);
  }
  return { find: (name) => byName.get(name), names: () => [...byName.keys()] };
}
