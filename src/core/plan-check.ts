// A plan is checked whole before anything of it runs, and says everything that is wrong with it at once. Pure.
//
//   shape   what each node is: ids, one of call and map, options      a node without one is left out of the rest
//   graph   references, circles, depth, the result
//   inputs  literals by the schema itself; where references stand, by what the JSON Schemas of both sides say
import { bounds } from "./bounds.ts";
import type { Definition } from "./definition.ts";
import { durationMs, type Duration } from "./duration.ts";
import { nearest } from "./error-catalogue.ts";
import { isFlotillaError } from "./error.ts";
import { issuePath } from "./issue.ts";
import { findNonJson } from "./json.ts";
import {
  inputOf,
  isMapNode,
  sealPlan,
  targetOf,
  type Definitions,
  type NodeOptions,
  type Plan,
  type PlanIssue,
  type PlanNode,
} from "./plan.ts";
import { circlesOf, depthOf, needsOf, tasksOf } from "./plan-graph.ts";
import { joinPath, looksLikeRef, parsePath, refProblem, refsIn } from "./plan-refs.ts";
import { resolveRetry } from "./retry.ts";
import { listOf, misfits, partAt, placeOf, type Place } from "./schema-fit.ts";
import { jsonSchema, type Schema } from "./schema.ts";
import { priorities, type Priority } from "./task.ts";

export type PlanCheck =
  | { readonly ok: true; readonly plan: Plan<unknown> }
  | { readonly ok: false; readonly issues: readonly PlanIssue[] };

export interface PlanCheckOptions {
  /** Tasks that the plan may ask for. @default no bound but those of all plans */
  readonly tasks?: number | undefined;
}

export const nodeIdShape = "^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,99}$";
const isNodeId = new RegExp(nodeIdShape);

export function checkPlan(json: unknown, definitions: Definitions, o: PlanCheckOptions = {}): PlanCheck {
  return new Checker(definitions, o).check(json);
}

/** Whoever wrote a plan with more issues than these has to begin anew. */
const issuesMax = 1_000;
const guessesMax = 100;
/** Names in a fix. */
const namesMax = 20;

type Fields = Readonly<Record<string, unknown>>;

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

class Checker {
  readonly #definitions: Definitions;
  readonly #o: PlanCheckOptions;
  readonly #issues: PlanIssue[] = [];
  readonly #outputs = new Map<string, Place>();
  readonly #byId = new Map<string, PlanNode>();
  #untold = 0;
  #guesses = 0;

  constructor(definitions: Definitions, o: PlanCheckOptions) {
    this.#definitions = definitions;
    this.#o = o;
  }

  check(given: unknown): PlanCheck {
    const json = this.#plain(given);
    const nodes = json && this.#nodes(json);
    if (json && nodes) {
      for (const node of nodes) this.#byId.set(node.id, node);
      this.#graph(nodes, json["result"]);
      for (const node of nodes) this.#input(node);
      this.#budget(nodes);
      if (this.#issues.length === 0) return { ok: true, plan: sealPlan(nodes, json["result"] as string, this.#definitions) };
    }
    if (this.#untold > 0) {
      const why = `there are ${this.#untold} issues more than these`;
      this.#issues.push({ node: "", path: "", why, fix: "mend these and check again" });
    }
    return { ok: false, issues: this.#issues };
  }

  #report(node: string, path: string, why: string, fix: string): void {
    if (this.#issues.length < issuesMax) this.#issues.push({ node, path, why, fix });
    else this.#untold++;
  }

  /** A name that was meant, perhaps. Comparing costs: a plan of nothing but misspelled names gets a few guesses. */
  #guess(name: unknown, known: readonly string[]): string | undefined {
    return typeof name === "string" && ++this.#guesses <= guessesMax ? nearest(name, known) : undefined;
  }

  // ---------- shape

  /** A copy that nobody else holds, or nothing when it is no plan at all. */
  #plain(given: unknown): Fields | undefined {
    const form = 'give an object such as {"kind":"plan","nodes":[...],"result":"id"}';
    if (!isFields(given)) {
      const why = typeof given === "string" ? "it is text, not an object" : "it is not an object";
      this.#report("", "", why, typeof given === "string" ? `JSON.parse it first; ${form}` : form);
      return undefined;
    }
    const lost = findNonJson(given);
    if (lost) {
      this.#report("", lost.path, lost.why, "a plan is JSON: objects, lists, strings, finite numbers, true, false, null");
      return undefined;
    }
    const text = JSON.stringify(given);
    const bytes = new TextEncoder().encode(text).length;
    if (bytes > bounds.planBytes) {
      const fix = "give large inputs to the plan's agents by another way: an artifact, a file, an agent that reads it";
      this.#report("", "", `it takes ${bytes} bytes, the limit is ${bounds.planBytes}`, fix);
      return undefined;
    }
    const json = JSON.parse(text) as Fields;
    if (json["kind"] !== "plan") this.#report("", "kind", `${shown(json["kind"])} is not "plan"`, 'begin with "kind": "plan"');
    this.#known("", json, ["kind", "nodes", "result"], "");
    return json;
  }

  #nodes(json: Fields): PlanNode[] | undefined {
    const { nodes } = json;
    if (!Array.isArray(nodes) || nodes.length === 0) {
      this.#report("", "nodes", "there are no nodes", 'write at least one: {"id":"a","call":"agent-name","input":{...}}');
      return undefined;
    }
    if (nodes.length > bounds.planNodes) {
      const fix = "give a list of inputs to one map node, or split the plan";
      this.#report("", "nodes", `there are ${nodes.length} nodes, the limit is ${bounds.planNodes}`, fix);
      return undefined;
    }
    const seen = new Map<string, number>();
    return nodes.flatMap((node: unknown, i) => this.#node(node, i, seen) ?? []);
  }

  #node(node: unknown, index: number, seen: Map<string, number>): PlanNode | undefined {
    const place = `nodes[${index}]`;
    if (!isFields(node)) {
      this.#report(place, "", "it is not an object", 'write {"id":"a","call":"agent-name","input":{...}}');
      return undefined;
    }
    const { id } = node;
    if (typeof id !== "string" || !isNodeId.test(id)) {
      const fix = "use 1 to 100 of the letters A-Z a-z 0-9 _ . : / -, the first a letter or digit";
      this.#report(place, "id", `${shown(id)} is not an id`, fix);
      return undefined;
    }
    const first = seen.get(id);
    if (first !== undefined) {
      this.#report(id, "id", `nodes[${first}] and ${place} have the same id`, "give each node an id of its own");
      return undefined;
    }
    seen.set(id, index);
    const isMap = Object.hasOwn(node, "map");
    const isCall = Object.hasOwn(node, "call");
    if (isMap === isCall) {
      const why = isMap ? 'it has both "call" and "map"' : 'it has neither "call" nor "map"';
      this.#report(id, "", why, '"call" with "input" is one task, "map" with "items" one for each item');
      return undefined;
    }
    const own = isMap ? ["map", "items", "concurrency"] : ["call", "input"];
    this.#known(id, node, ["id", ...own, "after", "options", "estimate", "note"], "");
    if (!Object.hasOwn(node, isMap ? "items" : "input")) {
      const want = isMap ? "items" : "input";
      this.#report(id, want, "it is missing", `add "${want}": what ${shown(node[isMap ? "map" : "call"])} is given`);
    }
    this.#agent(id, isMap ? "map" : "call", node[isMap ? "map" : "call"]);
    this.#settings(id, node, this.#definitions.get(String(node[isMap ? "map" : "call"])));
    return node as unknown as PlanNode;
  }

  #known(node: string, value: Fields, known: readonly string[], path: string): void {
    for (const key of Object.keys(value)) {
      if (known.includes(key)) continue;
      const near = this.#guess(key, known);
      const fix = near ? `did you mean "${near}"?` : `leave it out; there is ${known.join(", ")}`;
      this.#report(node, joinPath(path, key), "there is no such property", fix);
    }
  }

  #agent(id: string, path: string, name: unknown): void {
    if (typeof name === "string" && this.#definitions.has(name)) return;
    const known = [...this.#definitions.keys()];
    const near = this.#guess(name, known);
    const fix = near ? `did you mean "${near}"?` : `use one of ${known.slice(0, namesMax).join(", ")}`;
    this.#report(id, path, `nobody is called ${shown(name)}`, fix);
  }

  #settings(id: string, node: Fields, target: Definition | undefined): void {
    const { after, options, estimate, note, concurrency } = node;
    const isIds = Array.isArray(after) && after.every((other) => typeof other === "string");
    if (after !== undefined && !isIds) this.#report(id, "after", "it is not a list of ids", 'write "after": ["other-node"]');
    if (estimate !== undefined) {
      this.#refused(id, "estimate", () => {
        if (durationMs(estimate as Duration, "estimate") === 0) throw new Error("it is zero");
      });
    }
    if (note !== undefined && (typeof note !== "string" || note.length > bounds.planNoteLength))
      this.#report(id, "note", "it is not a short text", `write at most ${bounds.planNoteLength} letters`);
    if (concurrency !== undefined && !(Number.isInteger(concurrency) && (concurrency as number) > 0))
      this.#report(id, "concurrency", `${shown(concurrency)} is not a whole number above 0`, "leave it out for no bound");
    if (options === undefined) return;
    if (isFields(options)) this.#options(id, options, target);
    else this.#report(id, "options", "it is not an object", 'write "options": {"timeout":"5m"}, or leave it out');
  }

  #options(id: string, options: Fields, target: Definition | undefined): void {
    this.#known(id, options, ["needs", "priority", "retry", "timeout", "ifNoWorker"], "options");
    const { needs, priority, retry, timeout, ifNoWorker } = options as { readonly [K in keyof NodeOptions]: unknown };
    const isNeeds =
      Array.isArray(needs) &&
      needs.length <= bounds.needsMax &&
      needs.every((n) => typeof n === "string" && n.length > 0 && n.length <= bounds.nameLength);
    if (needs !== undefined && !isNeeds)
      this.#report(id, "options.needs", "it is not a list of capabilities", `write "needs": ["gpu"], at most ${bounds.needsMax}`);
    if (priority !== undefined && !priorities.includes(priority as Priority))
      this.#report(id, "options.priority", `${shown(priority)} is no priority`, `use one of ${priorities.join(", ")}`);
    if (ifNoWorker !== undefined && ifNoWorker !== "wait" && ifNoWorker !== "fail")
      this.#report(id, "options.ifNoWorker", `${shown(ifNoWorker)} is no choice`, 'use "wait" or "fail"');
    if (timeout !== undefined)
      this.#refused(id, "options.timeout", () => {
        if (durationMs(timeout as Duration, "timeout") === 0) throw new Error("it is zero");
      });
    if (retry === undefined) return;
    if (!isFields(retry)) return this.#report(id, "options.retry", "it is not an object", 'write "retry": {"attempts":5}');
    this.#known(id, retry, ["attempts", "backoff", "from", "to"], "options.retry");
    if (retry["backoff"] !== undefined && retry["backoff"] !== "exponential" && retry["backoff"] !== "fixed")
      this.#report(id, "options.retry.backoff", `${shown(retry["backoff"])} is no backoff`, 'use "exponential" or "fixed"');
    this.#refused(id, "options.retry", () => resolveRetry(retry, "", target?.retry));
  }

  /** A rule that throws when it is broken. */
  #refused(id: string, path: string, rule: () => unknown): void {
    try {
      rule();
    } catch (e) {
      if (!isFlotillaError(e, "FLOTILLA_CONFIG_INVALID"))
        return this.#report(id, path, (e as Error).message, "leave it out, or make it longer");
      this.#report(id, path, e.details.problem, e.details.fix);
    }
  }

  // ---------- graph

  #graph(nodes: readonly PlanNode[], result: unknown): void {
    const ids = nodes.map((node) => node.id);
    const known = new Set(ids);
    const missing = (node: string, path: string, id: unknown): void => {
      const near = this.#guess(id, ids);
      const fix = near ? `did you mean "${near}"?` : `use the id of a node: ${ids.slice(0, namesMax).join(", ")}`;
      this.#report(node, path, `there is no node ${shown(id)}`, fix);
    };
    for (const node of nodes) {
      for (const { at, ref } of refsIn(inputOf(node), isMapNode(node) ? "items" : "input")) {
        const problem = refProblem(ref);
        if (problem !== undefined)
          this.#report(node.id, at, problem, 'a reference is {"$node":"id"} or {"$node":"id","path":"items[0].name"}');
        else if (!known.has(ref.$node)) missing(node.id, at, ref.$node);
      }
      if (Array.isArray(node.after))
        node.after.forEach((id: unknown, i) => {
          if (typeof id === "string" && !known.has(id)) missing(node.id, `after[${i}]`, id);
        });
    }
    if (typeof result !== "string")
      this.#report("", "result", `${shown(result)} is not the id of a node`, 'write "result": "id"');
    else if (!known.has(result)) missing("", "result", result);
    this.#circles(nodes.map((node) => (Array.isArray(node.after) || node.after === undefined ? node : { ...node, after: [] })));
  }

  #circles(nodes: readonly PlanNode[]): void {
    const needs = needsOf(nodes);
    const circles = circlesOf(needs);
    for (const circle of circles) {
      const [first] = circle as [string];
      const why = `it waits for itself: ${[...circle, first].join(" needs ")}`;
      this.#report(first, "", why, "take one of these references or `after` away");
    }
    const depth = circles.length > 0 ? 0 : depthOf(needs);
    if (depth > bounds.planDepth) {
      const fix = "let one agent do several steps, or call a workflow";
      this.#report("", "nodes", `${depth} nodes need each other in a row, the limit is ${bounds.planDepth}`, fix);
    }
  }

  #budget(nodes: readonly PlanNode[]): void {
    const problem = overBudget(nodes, this.#o.tasks);
    if (problem) this.#issues.push(problem);
  }

  // ---------- inputs

  #input(node: PlanNode): void {
    const definition = this.#definitions.get(targetOf(node));
    if (!definition) return;
    if (!isMapNode(node)) return this.#value(node, node.input, definition, "input");
    if (Array.isArray(node.items)) {
      node.items.forEach((item: unknown, i) => this.#value(node, item, definition, `items[${i}]`));
      if (node.items.length > bounds.fanout)
        this.#report(node.id, "items", `${node.items.length} items, the limit is ${bounds.fanout}`, "give fewer");
      return;
    }
    if (looksLikeRef(node.items)) this.#holes(node, node.items, listOf(inputPlace(definition)), "items");
    else if (Object.hasOwn(node, "items"))
      this.#report(node.id, "items", "it is not a list", 'write a list, or {"$node":"id"} of a node that gives one');
  }

  #value(node: PlanNode, value: unknown, definition: Definition, path: string): void {
    // A missing one was told with the shape.
    if (value === undefined) return;
    if (refsIn(value, path).length > 0) return this.#holes(node, value, inputPlace(definition), path);
    const issues = literalIssues(definition.input, value);
    if (!issues) return this.#holes(node, value, inputPlace(definition), path);
    for (const issue of issues) {
      const at = issuePath(issue);
      const where = at === "" ? path : at.startsWith("[") ? path + at : `${path}.${at}`;
      this.#report(node.id, where, issue.message, `give what ${definition.name} takes`);
    }
  }

  #holes(node: PlanNode, value: unknown, place: Place, path: string): void {
    const target = targetOf(node);
    const typeOf = (ref: Fields): Place | undefined => {
      const from = this.#refPlace(ref);
      return typeof from === "string" ? undefined : from;
    };
    for (const { path: at, why } of misfits(value, place, path, typeOf))
      this.#report(node.id, at, why, `give what ${target} takes${isFields(value) ? "" : ", or another node's result"}`);
    for (const { at, ref } of refsIn(value, path)) {
      const from = this.#refPlace(ref);
      if (typeof from === "string") this.#report(node.id, at, `${ref.$node}: ${from}`, "correct the reference's path");
    }
  }

  /** What a reference gives: nothing is known, or why it gives nothing. */
  #refPlace(ref: Fields): Place | string | undefined {
    if (refProblem(ref) !== undefined) return undefined;
    const node = this.#byId.get(ref["$node"] as string);
    if (!node) return undefined;
    return partAt(this.#output(node), parsePath((ref["path"] as string | undefined) ?? "") ?? []);
  }

  #output(node: PlanNode): Place {
    let place = this.#outputs.get(node.id);
    if (!place) {
      const definition = this.#definitions.get(targetOf(node));
      const item = placeOf(jsonSchema(definition?.output, "output"));
      place = isMapNode(node) ? listOf(item) : item;
      this.#outputs.set(node.id, place);
    }
    return place;
  }
}

/** A plan asks for more tasks than it may: nothing of it runs. */
export function overBudget(nodes: readonly PlanNode[], most: number | undefined): PlanIssue | undefined {
  const { tasks, open } = tasksOf(nodes);
  if (most === undefined || tasks <= most) return undefined;
  return {
    node: "",
    path: "nodes",
    why: `it asks for ${tasks} tasks${open ? " and those of its maps" : ""}, the budget is ${most}`,
    fix: "do the same with fewer nodes or fewer items",
  };
}

const places = new WeakMap<Definition, Place>();

function inputPlace(definition: Definition): Place {
  let place = places.get(definition);
  if (!place) places.set(definition, (place = placeOf(jsonSchema(definition.input, "input"))));
  return place;
}

/** undefined: the schema answers later only, so its JSON Schema has to do. */
function literalIssues(schema: Schema, value: unknown): readonly Schema.Issue[] | undefined {
  try {
    const result = schema["~standard"].validate(value);
    if (!(result instanceof Promise)) return result.issues ?? [];
    result.catch(() => {});
    return undefined;
  } catch (e) {
    return [{ message: `its schema threw: ${e instanceof Error ? e.message : String(e)}` }];
  }
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "undefined";
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}
