// What a workflow's code holds: one object per key scope. As in agent-context.ts, parts are made on first use and work
// without `this`.
import type { BaseContext, Child, WorkflowContext } from "../core/context.ts";
import type { AnyCallable } from "../core/definition.ts";
import { declaredError } from "../core/error.ts";
import { childTaskId, runOf } from "../core/id.ts";
import type { Message } from "../core/message.ts";
import { call, definitionOf, detach } from "./child.ts";
import { race, reduce } from "./combine.ts";
import { budgetViewOf, logOf, progressOf, spendOf } from "./context-parts.ts";
import { drawUuid, randomOf, uuidOf } from "./draws.ts";
import { each, runScope } from "./each.ts";
import type { AnyMessage } from "./emit.ts";
import type { Scope } from "./keys.ts";
import { map } from "./map.ts";
import { unsupported } from "./unsupported.ts";
import { emitOnce } from "./workflow-emit.ts";
import { workflowArtifacts } from "./workflow-artifacts.ts";
import type { WorkflowBody } from "./workflow.ts";

export function createWorkflowContext(body: WorkflowBody, scope: Scope): WorkflowContext {
  return new Context(body, scope) as unknown as WorkflowContext;
}

const sleepInstead = "start the run later with `delay`, or wait inside an agent";
const messageInstead = "pass what it waits for as input, or poll for it in an agent that retries";

// The public types infer from each call; inside, inputs and values are unknown.
class Context {
  readonly kind = "workflow";
  readonly #body: WorkflowBody;
  readonly #scope: Scope;

  constructor(body: WorkflowBody, scope: Scope) {
    this.#body = body;
    this.#scope = scope;
  }

  // ---------- children

  get call() {
    return (target: AnyCallable, input: unknown, o?: Parameters<WorkflowContext["call"]>[2]) =>
      call(this.#body, this.#scope, target, input, o).pending;
  }
  get start() {
    return (target: AnyCallable, input: unknown, o?: Parameters<WorkflowContext["start"]>[2]): Promise<Child<unknown, never>> => {
      const { pending, act } = call<unknown, never>(this.#body, this.#scope, target, input, o);
      // Refused at the ask: the handle is refused, not its result.
      if (act === undefined) return pending as Promise<unknown> as Promise<never>;
      return Promise.resolve({
        id: childTaskId(this.#body.attempt.assignment.publicId, act),
        result: () => pending,
        cancel: async (reason?: string) => pending.cancel(reason),
        send: () => unsupported(`sending a message to ${definitionOf(target, "ctx.start").name}`, messageInstead),
      });
    };
  }
  get detach() {
    return (target: AnyCallable, input: unknown, o?: Parameters<WorkflowContext["detach"]>[2]) =>
      detach(this.#body, this.#scope, target, input, o);
  }
  get map() {
    return (target: AnyCallable, inputs: Iterable<unknown> | AsyncIterable<unknown>, o?: Parameters<typeof map>[4]) =>
      map(this.#body, this.#scope, target, inputs, o);
  }
  get each() {
    return (items: Iterable<unknown>, fn: Parameters<typeof each>[4], o?: Parameters<typeof each>[5]) =>
      each(this.#body, this.#scope, (inner) => createWorkflowContext(this.#body, inner), items, fn, o);
  }
  get scope() {
    return <O>(key: string, fn: (ctx: WorkflowContext) => O) =>
      runScope(this.#body, this.#scope, (inner) => createWorkflowContext(this.#body, inner), key, fn);
  }
  get reduce() {
    return (target: AnyCallable, items: Iterable<unknown>, o: { fanIn: number; empty: unknown }) =>
      reduce(this.#body, this.#scope, target, items, o);
  }
  get race() {
    return race;
  }

  // ---------- its own durable acts

  get step(): BaseContext["step"] {
    return ((key, fn, o) => this.#body.steps.ask(this.#scope, key, fn, o)) as BaseContext["step"];
  }
  get emit(): BaseContext["emit"] {
    return (message: AnyMessage, value: unknown) => emitOnce(this.#body, this.#scope, message, value);
  }
  get artifact(): BaseContext["artifact"] {
    return workflowArtifacts(this.#body, this.#scope);
  }

  // ---------- the same on a re-run

  /** Outside a turn it is a step's function that asks: its result is recorded, so it may have the real thing. */
  get now(): BaseContext["now"] {
    return () => new Date(this.#body.pump.open ? this.#body.pump.now : this.#body.attempt.host.clock.now());
  }
  get random(): BaseContext["random"] {
    return () => (this.#body.pump.open ? randomOf(this.#seed()) : this.#body.attempt.host.random());
  }
  get uuid(): BaseContext["uuid"] {
    return () => (this.#body.pump.open ? uuidOf(this.#seed()) : drawUuid(this.#body.attempt.host.random));
  }

  #seed(): string {
    const { pump, attempt } = this.#body;
    const scope = this.#scope;
    if (scope.drawsAt !== pump.delivered) {
      scope.drawsAt = pump.delivered;
      scope.draws = 0;
    }
    return `${attempt.assignment.publicId} ${scope.path} ${pump.delivered} ${++scope.draws}`;
  }

  // ---------- what is told, not recorded

  get signal(): AbortSignal {
    return this.#body.attempt.signal;
  }
  get log(): BaseContext["log"] {
    return logOf(this.#body.attempt, () => this.#body.muted);
  }
  get progress(): BaseContext["progress"] {
    return progressOf(this.#body.attempt, () => this.#body.muted);
  }
  get spend(): BaseContext["spend"] {
    return spendOf(this.#body.attempt);
  }
  get budget(): BaseContext["budget"] {
    return budgetViewOf(this.#body.attempt, this.#body.children);
  }
  get task(): BaseContext["task"] {
    const { publicId, attempt, tenant } = this.#body.attempt.assignment;
    return { id: publicId, runId: runOf(publicId), attempt, tenant };
  }
  get fail() {
    return (name: string, data: unknown): never => {
      throw declaredError(name, data);
    };
  }

  // ---------- not in this version

  get acquire() {
    return () => unsupported("ctx.acquire", "call an agent: worker slots and `concurrency` bound what runs at a time");
  }
  get execute() {
    return () => unsupported("ctx.execute(plan)", "write the plan as calls: ctx.call, ctx.map, ctx.reduce");
  }
  get shield() {
    return () => unsupported("ctx.shield", "compensate in a workflow of its own, started by the client");
  }
  get continueAs() {
    return () => unsupported("ctx.continueAs", "split the work over child workflows");
  }
  get sleep() {
    return () => unsupported("ctx.sleep", sleepInstead);
  }
  get sleepUntil() {
    return () => unsupported("ctx.sleepUntil", sleepInstead);
  }
  get waitFor() {
    return (message?: Message<string, never, unknown>) => unsupported(`ctx.waitFor(${message?.name ?? ""})`, messageInstead);
  }
  get approve() {
    return () => unsupported("ctx.approve", "end the run with what needs approval, and start the next one when it is given");
  }
}
