import type { AgentContext } from "../core/context.ts";
import type { Agent, Awaitable, DeclaredOf, ErrorMap, Settings } from "../core/definition.ts";
import type { Jsonify } from "../core/json.ts";
import type { Parsed, Schema, Wire } from "../core/schema.ts";
import { define } from "./define.ts";

/**
 * Defines an agent: a typed, named unit of work. Plain code or a model; a leaf, it calls no other agent.
 *
 * Its code gets the parsed input. Callers, near or far, get what JSON gives back of its result: dates are strings.
 * It is tried 3 times by default, with exponential backoff; throw `TerminalError` to stop at once, `ctx.fail` for an
 * error that callers are meant to handle.
 *
 * ```ts
 * const greet = agent({
 *   name: "greet",
 *   input: z.object({ who: z.string() }),
 *   run: ({ who }) => ({ text: `Hello, ${who}` }),
 * });
 * ```
 * @throws FLOTILLA_CONFIG_INVALID naming the option that is missing, unknown or out of range.
 */
// R: what run returns, which is the output schema's input. P: after the schema.
export function agent<const N extends string, IS extends Schema, R, P = R, const E extends ErrorMap = {}>(
  d: Settings<Parsed<IS>> & {
    name: N;
    input: IS;
    output?: Schema<R, P>;
    errors?: E;
    run(input: Parsed<IS>, ctx: AgentContext<E>): Awaitable<R>;
  },
): Agent<N, Wire<IS>, Jsonify<P>, DeclaredOf<E>> {
  const definition = define("agent", d);
  return Object.freeze({ kind: "agent", name: d.name, "~definition": definition });
}
