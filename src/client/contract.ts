import type { AnyCallable, Contract, Definition, ErrorMap, Placement } from "../core/definition.ts";
import type { Schema } from "../core/schema.ts";
import { define, type Given } from "./define.ts";

/**
 * Defines a contract: name and schemas without code. Workers in other languages, browsers, workflows that call
 * themselves, and "any agent that fits" share it. Call it like an agent: an implementation that a live worker has runs.
 *
 * ```ts
 * const translate = contract({ name: "translate", input: z.object({ text: z.string() }), output: z.object({ text: z.string() }) });
 * const translateFr = translate.agent({ name: "translate.fr", needs: ["lang:fr"], run: ({ text }) => ({ text }) });
 * await ctx.call(translate, { text: "hi" }, { needs: ["lang:fr"] });
 * ```
 * @throws FLOTILLA_CONFIG_INVALID naming the option that is missing, unknown or out of range.
 */
export function contract<const N extends string, IS extends Schema, OS extends Schema, const E extends ErrorMap = {}>(
  d: Placement & { name: N; description?: string; input: IS; output: OS; errors?: E },
): Contract<N, IS, OS, E> {
  const definition = define("contract", d);
  const made = {
    kind: "contract",
    name: d.name,
    "~definition": definition,
    agent: (o: Given) => implementation("agent", o, definition),
    workflow: (o: Given) => implementation("workflow", o, definition),
  };
  // The inference of agent() and workflow() lives in the interface; what they hold at run time is the same everywhere.
  return Object.freeze(made) as unknown as Contract<N, IS, OS, E>;
}

function implementation(kind: "agent" | "workflow", o: Given, of: Definition): Implementation {
  const definition = define(kind, o, of);
  return Object.freeze({ kind, name: definition.name, "~definition": definition, "~contract": of });
}

interface Implementation extends AnyCallable {
  readonly "~contract": Definition;
}

/** What it implements. A fleet that has only implementations knows their contract from here. */
export function contractOf(callable: AnyCallable): Definition | undefined {
  return (callable as Partial<Implementation>)["~contract"];
}
