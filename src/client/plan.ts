import type { Budget } from "../core/budget.ts";
import type { AnyCallable, Definition } from "../core/definition.ts";
import { FlotillaError } from "../core/error.ts";
import { checkPlan, type PlanCheck } from "../core/plan-check.ts";
import { schemaOfPlans } from "../core/plan-schema.ts";
import type { NodeRef, Plan, PlanBuilder } from "../core/plan.ts";
import { checkKnown, checkObject, checkWhole, configInvalid } from "./check.ts";
import { Builder } from "./plan-builder.ts";

/**
 * A graph of calls, typed when built in code, for `ctx.execute`. What a call gives stands for its value in the inputs of
 * others; `p.part` takes a part of it. The plan is checked whole, here.
 *
 * ```ts
 * const report = plan((p) => {
 *   const files = p.call(ls, { dir: "src" });
 *   const parts = p.map(review, files);
 *   return p.call(join, { parts, title: "Review" });
 * });
 * ```
 * @throws FLOTILLA_PLAN_INVALID with all issues, FLOTILLA_CONFIG_INVALID for a reference of another plan,
 * FLOTILLA_VALUE_NOT_JSON
 */
export function plan<R>(build: (p: PlanBuilder) => NodeRef<R>): Plan<R> {
  return new Builder().build(build) as Plan<R>;
}

/**
 * Checks a plan that came from outside, such as a model's answer, whole: ids, agents, references, circles, inputs, bounds.
 * Gives the plan for `ctx.execute`, or every issue, each with what to do, fit to be handed back to whoever wrote it. Pure,
 * so workflow code may call it.
 *
 * @param catalogue the agents, workflows and contracts that the plan may call; nobody else is found.
 * @param o `budget.tasks` refuses a plan that asks for more tasks. What money it will take cannot be known here.
 */
export function parsePlan(
  json: unknown,
  catalogue: readonly AnyCallable[],
  o: { budget?: Pick<Budget, "tasks"> } = {},
): PlanCheck {
  checkObject(o, "parsePlan()");
  checkKnown(o, ["budget"], "parsePlan()");
  const { tasks } = o.budget ?? {};
  if (o.budget !== undefined) checkKnown(o.budget, ["tasks"], "parsePlan().budget");
  if (tasks !== undefined) checkWhole(tasks, "parsePlan().budget.tasks", { least: 1, most: Number.MAX_SAFE_INTEGER });
  return checkPlan(json, definitionsIn(catalogue, "parsePlan()"), { tasks });
}

/**
 * The JSON Schema (2020-12) of plans over `catalogue`, to be given to a model: the agents' names as an enum with what they
 * are for, their inputs with a reference allowed in every place. What it cannot say, `parsePlan` does.
 */
export function planSchema(catalogue: readonly AnyCallable[]): Readonly<Record<string, unknown>> {
  return schemaOfPlans(definitionsIn(catalogue, "planSchema()"));
}

function definitionsIn(catalogue: readonly AnyCallable[], where: string): ReadonlyMap<string, Definition> {
  if (!Array.isArray(catalogue) || catalogue.length === 0)
    throw configInvalid(where, "it was given no agents", "pass what the plan may call: [search, summarize]");
  const definitions = new Map<string, Definition>();
  catalogue.forEach((callable: AnyCallable, i) => {
    const definition = callable?.["~definition"];
    if (!definition)
      throw configInvalid(`${where}[${i}]`, "it was not made by agent(), workflow() or contract()", "pass what those gave");
    if (definitions.has(definition.name))
      throw new FlotillaError("FLOTILLA_DUPLICATE_NAME", { name: definition.name }, { where });
    definitions.set(definition.name, definition);
  });
  return definitions;
}
