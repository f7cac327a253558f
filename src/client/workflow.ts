import type { WorkflowContext } from "../core/context.ts";
import type { Awaitable, DeclaredOf, ErrorMap, Workflow, WorkflowSettings } from "../core/definition.ts";
import type { Jsonify } from "../core/json.ts";
import type { Parsed, Schema, Wire } from "../core/schema.ts";
import { define } from "./define.ts";

/**
 * Defines a workflow: a typed, named, durable function that calls agents and other workflows.
 *
 * After a crash its code runs again, and every call that was made already gives its recorded result. So side effects,
 * models and clocks belong in agents or in `ctx.step`; awaiting anything else is refused (FLOTILLA_FOREIGN_AWAIT).
 * It is not tried again when its code throws, and takes no `retry`: its children retried already.
 *
 * ```ts
 * const audit = workflow({
 *   name: "audit",
 *   input: z.object({ files: z.array(z.string()) }),
 *   run: async ({ files }, ctx) => ({ reviews: await ctx.map(review, files.map((path) => ({ path }))) }),
 * });
 * ```
 * @throws FLOTILLA_CONFIG_INVALID naming the option that is missing, unknown or out of range.
 */
export function workflow<const N extends string, IS extends Schema, R, P = R, const E extends ErrorMap = {}>(
  d: WorkflowSettings<Parsed<IS>> & {
    name: N;
    input: IS;
    output?: Schema<R, P>;
    errors?: E;
    run(input: Parsed<IS>, ctx: WorkflowContext<E>): Awaitable<R>;
  },
): Workflow<N, Wire<IS>, Jsonify<P>, DeclaredOf<E>> {
  const definition = define("workflow", d);
  return Object.freeze({ kind: "workflow", name: d.name, "~definition": definition });
}
