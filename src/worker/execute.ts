// `ctx.execute`: a plan's nodes as children in a scope of their own, each keyed by its node's id. Nothing of it is recorded
// but the plan itself: which nodes start when follows from the order of deliveries, which is recorded.
import { FlotillaError, isFlotillaError } from "../core/error.ts";
import { definitionsOf, targetOf, type ExecuteOptions, type Plan, type PlanError, type PlanIssue } from "../core/plan.ts";
import { overBudget } from "../core/plan-check.ts";
import type { Pending } from "../core/settled.ts";
import { checkOptions, childSettings } from "./child.ts";
import { cancelScope } from "./each.ts";
import { writtenKey, type Scope } from "./keys.ts";
import { concurrencyOf } from "./map.ts";
import { failedOutcome, noop, pendingOf, rejectedPending } from "./pending.ts";
import { Execution } from "./plan-execution.ts";
import type { WorkflowBody } from "./workflow.ts";

const where = "ctx.execute";

/** What an execute was rejected with leads to what had succeeded, for the next one. */
const failures = new WeakMap<Error, Execution>();

/** @throws FLOTILLA_CONFIG_INVALID: at once, where it is written */
export function execute(
  body: WorkflowBody,
  scope: Scope,
  plan: Plan<unknown>,
  o: ExecuteOptions = {},
): Pending<unknown, PlanError> {
  const { key = "plan", budget, concurrency, after, ...options } = o;
  checkExecute(o);
  const earlier = after === undefined ? undefined : earlierOf(body, after);
  const definitions = definitionsOf(plan);
  if (!definitions) return refused(unchecked);
  const over = overBudget(plan.nodes, budget?.tasks);
  if (over) return refused(over);
  if (scope.canceled !== undefined) return rejectedPending(new FlotillaError("FLOTILLA_CANCELED", { by: scope.canceled }));
  for (const node of plan.nodes) {
    const definition = definitions.get(targetOf(node));
    if (definition) childSettings(definition, { ...options, ...node.options }, `${where}: ${node.id}`);
  }
  const inner = scope.inner(writtenKey(key, where));
  const execution = new Execution(body, inner, plan, definitions, {
    options,
    tasks: budget?.tasks ?? Infinity,
    concurrency: concurrencyOf(concurrency, where),
    earlier,
  });
  execution.begin();
  const promise = execution.promise.catch((e: unknown) => {
    if (e instanceof Error) failures.set(e, execution);
    throw e;
  });
  promise.catch(noop);
  return pendingOf<unknown, PlanError>(
    promise,
    () =>
      promise.then(
        (value) => ({ status: "succeeded", value }) as const,
        (e: unknown) => (isFlotillaError(e, "FLOTILLA_CANCELED") ? { status: "canceled", error: e } : failedOutcome(e)),
      ),
    (reason = "canceled by its parent") => {
      execution.cancel(reason);
      cancelScope(body, inner, reason);
    },
  );
}

const own = new Set(["key", "budget", "concurrency", "after", "needs", "priority", "retry", "timeout", "ifNoWorker"]);

function checkExecute(o: ExecuteOptions): void {
  const { budget, concurrency: _, after: __, ...options } = o;
  const refuse = (field: string, problem: string, fix: string): never => {
    throw new FlotillaError("FLOTILLA_CONFIG_INVALID", { field: `${where}.${field}`, problem, fix });
  };
  const stray = Object.keys(o).find((field) => !own.has(field));
  if (stray !== undefined) refuse(stray, "there is no such option", `use one of ${[...own].join(", ")}`);
  checkOptions(options, where);
  if (budget === undefined) return;
  const other = Object.keys(budget).find((field) => field !== "tasks");
  if (other !== undefined)
    refuse(`budget.${other}`, "what a plan will take of it is not known", "bound the plan's tasks: budget: { tasks: 50 }");
  const { tasks } = budget;
  if (tasks !== undefined && !(Number.isInteger(tasks) && tasks > 0))
    refuse("budget.tasks", `${tasks} is not a whole number above 0`, "leave it out for no bound");
}

function earlierOf(body: WorkflowBody, after: Error): Execution {
  const execution = failures.get(after);
  if (execution?.body === body) return execution;
  throw new FlotillaError("FLOTILLA_CONFIG_INVALID", {
    field: `${where}.after`,
    problem: "it is not what an execute of this workflow's code was rejected with",
    fix: "catch the error of the earlier ctx.execute and pass that same object",
  });
}

const unchecked: PlanIssue = {
  node: "",
  path: "",
  why: "nobody has checked it: it is plain JSON",
  fix: "give what parsePlan(json, [agents]) gave as `plan`",
};

function refused(issue: PlanIssue): Pending<unknown, PlanError> {
  return rejectedPending(new FlotillaError("FLOTILLA_PLAN_INVALID", { issues: [issue] }, { where }));
}
