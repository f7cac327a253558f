import type { AnyCallable, Definition } from "../core/definition.ts";
import { FlotillaError } from "../core/error.ts";
import { toJson } from "../core/json.ts";
import { checkPlan } from "../core/plan-check.ts";
import { looksLikeRef, parsePath, pathText, type Segment } from "../core/plan-refs.ts";
import type { NodeRef, Plan, PlanBuilder } from "../core/plan.ts";
import { configInvalid } from "./check.ts";

type Ref = NodeRef<unknown>;
type Options = Record<string, unknown> & { key?: string; after?: readonly Ref[] };

/** Collects what `build` calls. A class, so that a reference of another plan is known as a stranger. */
export class Builder {
  readonly #definitions = new Map<string, Definition>();
  readonly #nodes: object[] = [];
  readonly #ids = new Set<string>();
  readonly #own = new WeakSet<object>();

  /** @throws FLOTILLA_PLAN_INVALID with all of its issues */
  build(build: (p: PlanBuilder) => Ref): Plan<unknown> {
    // The public types infer from each call; inside, inputs and values are unknown.
    const result = build({ call: this.#call, map: this.#map, part: this.#part } as unknown as PlanBuilder);
    this.#mustOwn(result, "what the function gives");
    if (result.path !== undefined)
      throw configInvalid("plan()", "its result is a part of a node", "give a node; the caller takes the part of its value");
    const json = { kind: "plan", nodes: this.#nodes, result: result.$node };
    const checked = checkPlan(json, this.#definitions);
    if (!checked.ok) throw new FlotillaError("FLOTILLA_PLAN_INVALID", { issues: checked.issues }, { where: "plan()" });
    return checked.plan;
  }

  #call = (target: AnyCallable, input: unknown, o: Options = {}): Ref => this.#add("call", "input", target, input, o);
  #map = (target: AnyCallable, items: unknown, o: Options = {}): Ref => this.#add("map", "items", target, items, o);
  #part = (ref: Ref, ...segments: Segment[]): Ref => {
    this.#mustOwn(ref, "p.part");
    return this.#ref(ref.$node, pathText([...(parsePath(ref.path ?? "") ?? []), ...segments]));
  };

  #add(kind: "call" | "map", field: string, target: AnyCallable, given: unknown, o: Options): Ref {
    const definition = target?.["~definition"];
    if (!definition)
      throw configInvalid(
        `plan().${kind}`,
        "its first argument is not an agent, a workflow or a contract",
        "pass what agent(), workflow() or contract() gave",
      );
    const { key, after, estimate, note, concurrency, ...options } = o;
    const id = key ?? this.#freeId(definition.name);
    if (this.#definitions.has(definition.name) && this.#definitions.get(definition.name) !== definition)
      throw new FlotillaError("FLOTILLA_DUPLICATE_NAME", { name: definition.name }, { where: "plan()" });
    this.#definitions.set(definition.name, definition);
    this.#ids.add(id);
    this.#mustOwnAll(given, id);
    for (const ref of after ?? []) this.#mustOwn(ref, `${id}.after`);
    this.#nodes.push({
      id,
      [kind]: definition.name,
      // A copy: what the caller does to it later does not reach the plan.
      [field]: JSON.parse(toJson(given, `${id}.${field}`)) as unknown,
      ...(concurrency === undefined ? {} : { concurrency }),
      ...(after === undefined ? {} : { after: after.map((ref) => ref.$node) }),
      ...(estimate === undefined ? {} : { estimate }),
      ...(note === undefined ? {} : { note }),
      ...(Object.keys(options).length === 0 ? {} : { options }),
    });
    return this.#ref(id, "");
  }

  #freeId(name: string): string {
    let id = name;
    for (let n = 2; this.#ids.has(id); n++) id = `${name}-${n}`;
    return id;
  }

  #ref(id: string, path: string): Ref {
    const ref: Ref = Object.freeze(path === "" ? { $node: id } : { $node: id, path });
    this.#own.add(ref);
    return ref;
  }

  #mustOwn(ref: unknown, where: string): asserts ref is Ref {
    if (typeof ref === "object" && ref !== null && this.#own.has(ref)) return;
    throw configInvalid(
      `plan(): ${where}`,
      "it is not a node of this plan",
      "pass what p.call, p.map or p.part of this plan gave",
    );
  }

  /** `$node` is reserved, so whatever has it is meant as a reference. */
  #mustOwnAll(value: unknown, id: string, depth = 0): void {
    if (looksLikeRef(value)) return this.#mustOwn(value, id);
    // Deeper than JSON goes here, or a circle: the copy says so.
    if (typeof value !== "object" || value === null || depth > 200) return;
    for (const field of Object.values(value)) this.#mustOwnAll(field, id, depth + 1);
  }
}
