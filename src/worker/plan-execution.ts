// One execute of a plan.
//
//   waiting ──▶ ready ──▶ running ──▶ succeeded   its dependents may become ready
//      │          │           └─────▶ failed      whatever needs it, however far away, is not run
//      │          └──▶ succeeded                  kept: an earlier plan ran it with the same input
//      └──▶ not run
//
// Of the ready ones the one with the longest way to the end is asked first, and the plan's order decides between equals: the
// order of asks depends on nothing but the plan and the order of deliveries.
import type { AnyCallable, Definition } from "../core/definition.ts";
import { FlotillaError, isFlotillaError, type FlotillaErrorOf } from "../core/error.ts";
import { shortHash } from "../core/hash.ts";
import { canonicalJson } from "../core/json.ts";
import {
  inputOf,
  isMapNode,
  targetOf,
  type Definitions,
  type FailedNode,
  type MapNode,
  type NodeOptions,
  type Plan,
  type PlanNode,
} from "../core/plan.ts";
import { dependentsOf, needsOf, orderOf, remainingOf, tasksOf, type Needs } from "../core/plan-graph.ts";
import { planMessage, planNoteMessage, planParts, type PlanNote, type PlanPart } from "../core/plan-record.ts";
import { parsePath, resolveRefs } from "../core/plan-refs.ts";
import { childTaskId } from "../core/id.ts";
import type { Joined, Settled } from "../core/settled.ts";
import { call } from "./child.ts";
import { defaultKey, type Scope } from "./keys.ts";
import { map } from "./map.ts";
import { noop, quietPromise } from "./pending.ts";
import type { WorkflowBody } from "./workflow.ts";

export interface ExecutionOptions {
  /** Of every node that says nothing else. */
  readonly options: NodeOptions;
  readonly tasks: number;
  readonly concurrency: number;
  /** Whose results are kept. */
  readonly earlier: Execution | undefined;
}

interface Succeeded {
  /** Of its agent and its input: the same print means the same task. */
  readonly print: string;
  readonly value: unknown;
  /** The scope of the plan that ran it. */
  readonly ranIn: string;
}

interface Failed extends FailedNode {
  readonly error: unknown;
}

type Prepared = { readonly input: unknown; readonly print: string } | { readonly problem: FlotillaError };

export class Execution {
  readonly body: WorkflowBody;
  readonly #scope: Scope;
  readonly #plan: Plan<unknown>;
  readonly #definitions: Definitions;
  readonly #o: ExecutionOptions;
  readonly #nodes: ReadonlyMap<string, PlanNode>;
  readonly #needs: Needs;
  readonly #dependents: Needs;
  readonly #remaining: ReadonlyMap<string, number>;
  readonly #places: ReadonlyMap<string, number>;
  /** By id: what it still waits for. */
  readonly #waiting = new Map<string, number>();
  #ready: string[] = [];
  #running = 0;
  #starting = false;
  #canceled: string | undefined;
  #tasks: number;
  readonly #succeeded = new Map<string, Succeeded>();
  readonly #failed: Failed[] = [];
  readonly #notRun = new Set<string>();
  /** By map node and print: what items gave, to be kept although others failed. */
  readonly #items = new Map<string, Map<string, unknown[]>>();
  readonly #end = quietPromise<unknown>();

  constructor(body: WorkflowBody, scope: Scope, plan: Plan<unknown>, definitions: Definitions, o: ExecutionOptions) {
    this.body = body;
    this.#scope = scope;
    this.#plan = plan;
    this.#definitions = definitions;
    this.#o = o;
    this.#nodes = new Map(plan.nodes.map((node) => [node.id, node]));
    this.#needs = needsOf(plan.nodes);
    this.#dependents = dependentsOf(this.#needs);
    this.#remaining = remainingOf(plan.nodes, this.#needs);
    this.#places = new Map(plan.nodes.map((node, i) => [node.id, i]));
    this.#tasks = tasksOf(plan.nodes).tasks;
  }

  get promise(): Promise<unknown> {
    return this.#end.promise;
  }

  begin(): void {
    // What is kept at once is known before the plan is recorded, so that one row tells it.
    for (const id of orderOf(this.#needs)) {
      const open = this.#needsOf(id).filter((other) => !this.#succeeded.has(other)).length;
      this.#waiting.set(id, open);
      if (open > 0) continue;
      const kept = this.#keep(id, this.#prepare(this.#node(id)));
      if (kept) this.#succeeded.set(id, kept);
      else this.#ready.push(id);
    }
    const nodes = this.#plan.nodes.map((node) => {
      const kept = this.#succeeded.get(node.id);
      return kept ? { ...node, kept: kept.ranIn } : node;
    });
    for (const part of planParts(this.#scope.path, this.#plan.result, nodes)) this.#record(planMessage, part);
    this.#go();
  }

  /** By the code: what is ready never starts; what runs is canceled by whoever cancels the scope. */
  cancel(reason: string): void {
    if (this.#canceled !== undefined) return;
    this.#canceled = reason;
    this.#ready = [];
    this.#go();
  }

  // ---------- nodes

  #node(id: string): PlanNode {
    return this.#nodes.get(id) as PlanNode;
  }

  #needsOf(id: string): readonly string[] {
    return this.#needs.get(id) ?? [];
  }

  #go(): void {
    // A node may settle inside its start: a loop, not a recursion.
    if (this.#starting) return;
    this.#starting = true;
    while (this.#ready.length > 0 && this.#running < this.#o.concurrency) this.#start(this.#next());
    this.#starting = false;
    if (this.#running === 0 && this.#ready.length === 0) this.#finish();
  }

  #next(): string {
    const far = (id: string): number => this.#remaining.get(id) ?? 0;
    const place = (id: string): number => this.#places.get(id) ?? 0;
    let best = 0;
    this.#ready.forEach((id, i) => {
      const other = this.#ready[best] as string;
      if (far(id) > far(other) || (far(id) === far(other) && place(id) < place(other))) best = i;
    });
    return this.#ready.splice(best, 1)[0] as string;
  }

  #start(id: string): void {
    const node = this.#node(id);
    const prepared = this.#prepare(node);
    const kept = this.#keep(id, prepared);
    if (kept) {
      this.#note({ node: id, status: "succeeded", kept: kept.ranIn });
      return this.#succeed(id, kept);
    }
    if ("problem" in prepared) return this.#refuse(id, prepared.problem);
    if (isMapNode(node)) this.#startMap(node, prepared);
    else this.#startCall(node, prepared);
  }

  #startCall(node: PlanNode, { input, print }: { readonly input: unknown; readonly print: string }): void {
    this.#running++;
    const { pending, act } = call<unknown, never>(this.body, this.#scope, this.#target(node), input, {
      ...this.#options(node),
      key: node.id,
    });
    void pending.settled().then((outcome) => {
      this.#running--;
      if (outcome.status === "succeeded") this.#succeed(node.id, { print, value: outcome.value, ranIn: this.#scope.path });
      else if (act === undefined) this.#refuse(node.id, outcome.error);
      else this.#fail(node.id, childTaskId(this.body.attempt.assignment.publicId, act), outcome.error);
      this.#go();
    });
  }

  #startMap(node: MapNode, { input, print }: { readonly input: unknown; readonly print: string }): void {
    const items = input as readonly unknown[];
    const prints = items.map((item) => printOf(node, item));
    const kept = this.#keptItems(node.id, prints);
    const places = [...items.keys()].filter((i) => !kept.has(i));
    // Literal items were counted with the plan; these are known only now.
    if (!Array.isArray(node.items)) {
      const { tasks: limit } = this.#o;
      const spent = this.#tasks;
      if (spent + places.length > limit)
        return this.#refuse(node.id, new FlotillaError("FLOTILLA_BUDGET_EXHAUSTED", { budget: "tasks", limit, spent }));
      this.#tasks += places.length;
    }
    this.#running++;
    const scope = this.#scope.inner(node.id);
    const o = { ...this.#options(node), ...(node.concurrency === undefined ? {} : { concurrency: node.concurrency }) };
    const rest = places.map((i) => items[i]);
    // All of them, also when one fails: what succeeded is kept for the plan after this one. Then the node has failed, as a
    // call does: its items are no gaps of the run.
    void map(this.body, scope, this.#target(node), rest, o, noop)
      .settled()
      .then((joined) => {
        this.#running--;
        const values = items.map((_, i) => kept.get(i)?.value);
        joined.items.forEach((item: Settled<unknown>, k: number) => {
          if (item.status === "succeeded") values[places[k] as number] = item.value;
        });
        this.#keepItems(node.id, prints, kept, places, joined);
        if (joined.complete) {
          if (rest.length === 0) this.#note({ node: node.id, status: "succeeded" });
          this.#succeed(node.id, { print, value: values, ranIn: this.#scope.path });
        } else this.#failMap(node.id, joined, items.length);
        this.#go();
      });
  }

  #failMap(id: string, joined: Joined<unknown, unknown, never>, total: number): void {
    const [first] = joined.gaps;
    if (!first) return;
    const { error } = first.outcome;
    const why = `${joined.gaps.length} of ${total} items did not succeed; the first: ${messageOf(error)}`;
    if (first.task === "") this.#note({ node: id, status: "failed", error: { code: codeOf(error), message: why } });
    this.#fail(id, first.task === "" ? null : first.task, error, why);
  }

  #options(node: PlanNode): NodeOptions {
    return { ...this.#o.options, ...node.options };
  }

  #target(node: PlanNode): AnyCallable {
    const definition = this.#definitions.get(targetOf(node)) as Definition;
    return { kind: definition.kind, name: definition.name, "~definition": definition };
  }

  // ---------- inputs

  #prepare(node: PlanNode): Prepared {
    const field = isMapNode(node) ? "items" : "input";
    const resolved = resolveRefs(inputOf(node), field, (id) => this.#succeeded.get(id)?.value);
    if ("missing" in resolved) {
      const { at, node: from, part } = resolved.missing;
      return { problem: this.#misfit(node, at, `${JSON.stringify(from)} gave nothing at ${part}`) };
    }
    const { value } = resolved;
    if (isMapNode(node) && !Array.isArray(value)) return { problem: this.#misfit(node, field, "it is not a list") };
    return { input: value, print: printOf(node, value) };
  }

  #misfit(node: PlanNode, at: string, message: string): FlotillaError {
    const issues = [{ message, path: [...(parsePath(at) ?? [at])] }];
    return new FlotillaError("FLOTILLA_INPUT_INVALID", { issues }, { where: `node ${node.id}` });
  }

  // ---------- what an earlier plan ran

  #keep(id: string, prepared: Prepared): Succeeded | undefined {
    return "problem" in prepared ? undefined : this.#o.earlier?.ran(id, prepared.print);
  }

  /** The result that stands for a node with that input, of this plan or of those before it. */
  ran(id: string, print: string): Succeeded | undefined {
    const own = this.#succeeded.get(id);
    return own?.print === print ? own : this.#o.earlier?.ran(id, print);
  }

  /** By place: what an item with the same input gave. Each result stands for one item. */
  #keptItems(id: string, prints: readonly string[]): Map<number, { value: unknown }> {
    const kept = new Map<number, { value: unknown }>();
    const taken = new Map<string, number>();
    prints.forEach((print, i) => {
      const nth = taken.get(print) ?? 0;
      const given = this.#o.earlier?.ranItems(id, print) ?? [];
      if (nth >= given.length) return;
      taken.set(print, nth + 1);
      kept.set(i, { value: given[nth] });
    });
    return kept;
  }

  /** As `ran`, of the items of a map: equal items have a result each. */
  ranItems(id: string, print: string): readonly unknown[] {
    return this.#items.get(id)?.get(print) ?? this.#o.earlier?.ranItems(id, print) ?? [];
  }

  #keepItems(
    id: string,
    prints: readonly string[],
    kept: ReadonlyMap<number, { value: unknown }>,
    places: readonly number[],
    joined: Joined<unknown, unknown, never>,
  ): void {
    const byPrint = new Map<string, unknown[]>();
    const add = (i: number, value: unknown): void => {
      const print = prints[i] as string;
      const equals = byPrint.get(print);
      if (equals) equals.push(value);
      else byPrint.set(print, [value]);
    };
    for (const [i, { value }] of kept) add(i, value);
    joined.items.forEach((item: Settled<unknown>, k: number) => {
      if (item.status === "succeeded") add(places[k] as number, item.value);
    });
    this.#items.set(id, byPrint);
  }

  // ---------- ends

  #succeed(id: string, result: Succeeded): void {
    this.#succeeded.set(id, result);
    for (const dependent of this.#dependents.get(id) ?? []) {
      const left = (this.#waiting.get(dependent) as number) - 1;
      this.#waiting.set(dependent, left);
      if (left === 0 && this.#canceled === undefined) this.#ready.push(dependent);
    }
  }

  /** There is no task that could say so. */
  #refuse(id: string, error: unknown): void {
    this.#note({ node: id, status: "failed", error: { code: codeOf(error), message: messageOf(error) } });
    this.#fail(id, null, error);
  }

  #fail(id: string, task: string | null, error: unknown, why = messageOf(error)): void {
    this.#failed.push({ node: id, task, code: codeOf(error), why, error });
    const lost = [id];
    for (const one of lost) {
      for (const dependent of this.#dependents.get(one) ?? []) {
        if (this.#notRun.has(dependent)) continue;
        this.#notRun.add(dependent);
        lost.push(dependent);
      }
    }
  }

  #finish(): void {
    if (this.#canceled !== undefined) return this.#end.reject(new FlotillaError("FLOTILLA_CANCELED", { by: this.#canceled }));
    if (this.#failed.length === 0) return this.#end.resolve(this.#succeeded.get(this.#plan.result)?.value);
    this.#end.reject(this.#failure());
  }

  #failure(): FlotillaErrorOf<"FLOTILLA_PLAN_FAILED"> {
    const inOrder = (has: (id: string) => boolean): string[] => this.#plan.nodes.map((n) => n.id).filter(has);
    return new FlotillaError(
      "FLOTILLA_PLAN_FAILED",
      {
        failed: this.#failed.map(({ error: _, ...failed }) => failed),
        succeeded: inOrder((id) => this.#succeeded.has(id)),
        notRun: inOrder((id) => this.#notRun.has(id)),
      },
      { where: `ctx.execute(${this.#scope.path.slice(0, -1)})`, cause: this.#failed[0]?.error },
    );
  }

  // ---------- its rows

  #note(note: Omit<PlanNote, "plan">): void {
    this.#record(planNoteMessage, { plan: this.#scope.path, ...note });
  }

  #record(name: string, row: PlanPart | PlanNote): void {
    const base = defaultKey(name, shortHash(canonicalJson(row)));
    const asked = this.body.ask("emit", this.#scope, base, "");
    if (!asked || asked.row) return;
    this.body.submit({
      kind: "emit",
      act: asked.act,
      key: asked.key,
      askedAfter: this.body.pump.delivered,
      name,
      value: JSON.stringify(row),
    });
  }
}

function printOf(node: PlanNode, input: unknown): string {
  return shortHash(`${isMapNode(node) ? "map" : "call"} ${targetOf(node)}\n${canonicalJson(input)}`);
}

/** Of one node in the error. */
const messageMax = 500;

/** With the cause: whoever plans anew must know what went wrong, not only that an agent gave up. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error).slice(0, messageMax);
  const why = isFlotillaError(error) ? error.why : error.message;
  return (error.cause instanceof Error ? `${why}: ${error.cause.message}` : why).slice(0, messageMax);
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === "string" ? code : "ERROR";
}
