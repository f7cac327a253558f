import type { AnyCallable } from "../core/definition.ts";
import type { NodeRef, Plan, PlanBuilder } from "../core/plan.ts";
import { notSupported } from "../core/not-supported.ts";

/** A graph of calls, typed when built in code. @throws FLOTILLA_NOT_SUPPORTED in this version. */
export function plan<R>(_build: (p: PlanBuilder) => NodeRef<R>): Plan<R> {
  throw notSupported("plan()", "write the calls in a workflow: ctx.call, ctx.map");
}

export interface PlanIssue {
  readonly node: string;
  readonly path: string;
  readonly why: string;
  readonly fix: string;
}

/** Checks a plan that came from a model. @throws FLOTILLA_NOT_SUPPORTED in this version. */
export function parsePlan(
  _json: unknown,
  _catalogue: readonly AnyCallable[],
): { ok: true; plan: Plan<unknown> } | { ok: false; issues: readonly PlanIssue[] } {
  throw notSupported("parsePlan()", "check the model's answer with a schema and make the calls in a workflow");
}
