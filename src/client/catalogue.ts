import type { AnyCallable, Definition } from "../core/definition.ts";

/** What a client may start, by name. */
export interface Catalogue {
  find(name: string): Definition | undefined;
  names(): readonly string[];
  /** A name that it does not find is nobody's. False far from the fleet: there the orchestrator knows. */
  readonly complete: boolean;
}

/** Of a client that has no code: what is started by a definition is checked with that, what by its name at the fleet's door. */
export const noCatalogue: Catalogue = Object.freeze({ complete: false, find: () => undefined, names: () => [] });

/** Definitions and the contracts that they implement. A contract's name finds an implementation: the schemas are the same. */
export class CallableCatalogue implements Catalogue {
  readonly complete = true;
  readonly #byName = new Map<string, Definition>();
  readonly #byContract = new Map<string, Definition>();

  constructor(definitions: readonly AnyCallable[] = []) {
    this.add(definitions);
  }

  add(definitions: readonly AnyCallable[]): void {
    for (const { "~definition": definition } of definitions) {
      this.#byName.set(definition.name, definition);
      if (definition.implements !== null) this.#byContract.set(definition.implements, definition);
    }
  }

  find(name: string): Definition | undefined {
    return this.#byName.get(name) ?? this.#byContract.get(name);
  }

  names(): readonly string[] {
    return [...new Set([...this.#byName.keys(), ...this.#byContract.keys()])];
  }
}
