// A plan is data: a graph of calls that a program or a model writes, checked whole before anything of it runs.
//
//   { "kind": "plan",
//     "nodes": [
//       { "id": "files",  "call": "ls",     "input": { "dir": "src" } },
//       { "id": "parts",  "map":  "review", "items": { "$node": "files" } },
//       { "id": "report", "call": "join",   "input": { "parts": { "$node": "parts" }, "first": { "$node": "files", "path": "[0].name" } } }
//     ],
//     "result": "report" }
//
// `{ "$node": id, "path"? }` stands for what that node gives, or for a part of it.
import type { Budget } from "./budget.ts";
import type { CallOptions } from "./context.ts";
import type { Callable, Definition } from "./definition.ts";
import type { Duration } from "./duration.ts";
import type { FlotillaErrorOf } from "./error.ts";

/** Stands in an input for what a node will give. */
export interface NodeRef<T> {
  readonly $node: string;
  /** A part of it, such as `files[0].name`. @default all of it */
  readonly path?: string;
  readonly "~n"?: T;
}
export type Late<T> =
  | T
  | NodeRef<T>
  | (T extends readonly (infer U)[] ? readonly Late<U>[] : T extends object ? { [K in keyof T]: Late<T[K]> } : never);

/** What may be said of one node's calls; the rest is its definition's. */
export type NodeOptions = Pick<CallOptions, "needs" | "priority" | "retry" | "timeout" | "ifNoWorker">;

interface BaseNode {
  /** Its name in the plan, and the key of its task: letters, digits and `_ . : / -`, at most 100. */
  readonly id: string;
  /** Nodes that must have succeeded first although nothing of them is used. @default none */
  readonly after?: readonly string[];
  readonly options?: NodeOptions;
  /** How long it is expected to take, to find the critical path. @default every node counts the same */
  readonly estimate?: Duration;
  /** For people: why it is there. At most 500 characters. */
  readonly note?: string;
}
/** One task. */
export interface CallNode extends BaseNode {
  /** Name of an agent, a workflow or a contract. */
  readonly call: string;
  readonly input: unknown;
}
/** One task for each item; gives the list of what they gave. */
export interface MapNode extends BaseNode {
  readonly map: string;
  /** A list, or a reference to one. */
  readonly items: unknown;
  /** Items under way at a time. @default all */
  readonly concurrency?: number;
}
export type PlanNode = CallNode | MapNode;

/** Checked and frozen. `JSON.stringify(plan)` is its JSON form; `parsePlan` makes a plan of that again. */
export interface Plan<R> {
  readonly kind: "plan";
  readonly nodes: readonly PlanNode[];
  /** The node whose value the plan gives. */
  readonly result: string;
  readonly "~r"?: R;
}

/** What stands in the way of a plan: fit to be handed back to the model that wrote it. */
export interface PlanIssue {
  /** The node's id, its place such as `nodes[3]` where it has none, or "" for the plan as a whole. */
  readonly node: string;
  /** Where in the node, such as `input.files[0].path`; "" for all of it. */
  readonly path: string;
  readonly why: string;
  readonly fix: string;
}

/** A node that failed itself; what needs it was not run. */
export interface FailedNode {
  readonly node: string;
  /** Public id of its task; of a map, of the first item that failed. null: it was refused before there was one. */
  readonly task: string | null;
  readonly code: string;
  readonly why: string;
}

export interface ExecuteOptions extends NodeOptions {
  /** Names the plan in the journal; its nodes are keyed by their ids below it. @default "plan" */
  key?: string;
  /** Tasks that the plan itself may ask for: one that asks for more is refused whole. @default no bound */
  budget?: Pick<Budget, "tasks">;
  /** Nodes under way at a time: then the critical path goes first. @default all that are ready */
  concurrency?: number;
  /**
   * What an earlier execute of the same workflow was rejected with: nodes, and items of maps, that succeeded there under the
   * same id with the same agent and the same input are kept and not run again. @default nothing is kept
   */
  after?: FlotillaErrorOf<"FLOTILLA_PLAN_FAILED">;
}
/** What an execute is rejected with, besides a cancel. */
export type PlanError = FlotillaErrorOf<"FLOTILLA_PLAN_INVALID" | "FLOTILLA_PLAN_FAILED">;

interface Placing {
  /** Nodes that must have succeeded first although nothing of them is used. @default none */
  after?: readonly NodeRef<unknown>[];
  /** How long it is expected to take, to find the critical path. @default every node counts the same */
  estimate?: Duration;
  /** For people: why it is there. */
  note?: string;
}

export interface PlanBuilder {
  /** One task. `key` is the node's id. @default the definition's name, from the second on with its number: "review-2" */
  call<W, O, X>(
    target: Callable<string, W, O, X>,
    input: Late<NoInfer<W>>,
    o?: NodeOptions & Placing & { key?: string },
  ): NodeRef<O>;
  /** One task for each item; gives the list of what they gave. */
  map<W, O, X>(
    target: Callable<string, W, O, X>,
    items: NodeRef<NoInfer<W>[]> | readonly Late<NoInfer<W>>[],
    o?: NodeOptions & Placing & { key?: string; concurrency?: number },
  ): NodeRef<O[]>;
  /** A part of what a node gives: `p.part(files, 0, "name")`. A part that is not there fails the node that wants it. */
  part<T, A extends keyof T>(ref: NodeRef<T>, a: A): NodeRef<T[A]>;
  part<T, A extends keyof T, B extends keyof T[A]>(ref: NodeRef<T>, a: A, b: B): NodeRef<T[A][B]>;
  part<T, A extends keyof T, B extends keyof T[A], C extends keyof T[A][B]>(
    ref: NodeRef<T>,
    a: A,
    b: B,
    c: C,
  ): NodeRef<T[A][B][C]>;
}

export function isMapNode(node: PlanNode): node is MapNode {
  return "map" in node;
}

export function targetOf(node: PlanNode): string {
  return isMapNode(node) ? node.map : node.call;
}

/** What a node's tasks are made of. */
export function inputOf(node: PlanNode): unknown {
  return isMapNode(node) ? node.items : node.input;
}

export type Definitions = ReadonlyMap<string, Definition>;

// A symbol of the registry: a plan that another copy of the package checked is still a checked one.
const checked = Symbol.for("flotilla.plan");

/** Freezes a plan that has passed its check, with the definitions that it was checked against. */
export function sealPlan(nodes: readonly PlanNode[], result: string, definitions: Definitions): Plan<unknown> {
  const plan: Plan<unknown> = { kind: "plan", nodes, result };
  // Not enumerable: it is no part of the JSON.
  Object.defineProperty(plan, checked, { value: definitions });
  return freezeAll(plan);
}

/** The definitions behind a plan, or undefined when nobody has checked it: JSON, or one that travelled as JSON. */
export function definitionsOf(plan: unknown): Definitions | undefined {
  return (plan as { readonly [checked]?: Definitions } | null | undefined)?.[checked];
}

function freezeAll<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(freezeAll);
  }
  return value;
}
