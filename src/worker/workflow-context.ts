// What a workflow's code holds: one object per key scope. As in agent-context.ts, parts are made on first use and work
// without `this`.
import type { BaseContext, Child, WorkflowContext } from "../core/context.ts";
import type { AnyCallable } from "../core/definition.ts";
import type { Duration } from "../core/duration.ts";
import { declaredError, FlotillaError } from "../core/error.ts";
import { childTaskId, runOf } from "../core/id.ts";
import type { Message } from "../core/message.ts";
import type { ExecuteOptions, Plan } from "../core/plan.ts";
import { call, detach, snapshot } from "./child.ts";
import { race, reduce } from "./combine.ts";
import { budgetViewOf, logOf, progressOf, spendOf } from "./context-parts.ts";
import { drawUuid, randomOf, uuidOf } from "./draws.ts";
import { each, runScope } from "./each.ts";
import type { AnyMessage } from "./emit.ts";
import { execute } from "./execute.ts";
import type { Scope } from "./keys.ts";
import { map } from "./map.ts";
import { send } from "./send.ts";
import { shield } from "./shield.ts";
import { unsupported } from "./unsupported.ts";
import { approve, sleep, sleepUntil, waitFor } from "./waits.ts";
import { emitOnce } from "./workflow-emit.ts";
import { workflowArtifacts } from "./workflow-artifacts.ts";
import type { WorkflowBody } from "./workflow.ts";

export function createWorkflowContext(body: WorkflowBody, scope: Scope): WorkflowContext {
  return new Context(body, scope) as unknown as WorkflowContext;
}

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
        send: (message: Message<string, never, unknown>, value: unknown) =>
          send(this.#body, this.#scope, { act }, message, value),
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
  get execute() {
    return (plan: Plan<unknown>, o?: ExecuteOptions) => execute(this.#body, this.#scope, plan, o);
  }

  // ---------- waits

  get sleep(): WorkflowContext["sleep"] {
    return (d) => sleep(this.#body, this.#scope, d);
  }
  get sleepUntil(): WorkflowContext["sleepUntil"] {
    return (at) => sleepUntil(this.#body, this.#scope, at);
  }
  get waitFor() {
    return (message: Message<string, never, unknown>, o?: { timeout?: Duration }) => waitFor(this.#body, this.#scope, message, o);
  }
  get approve() {
    return (o: Parameters<typeof approve>[2]) => approve(this.#body, this.#scope, o);
  }
  get send() {
    return (task: string, message: Message<string, never, unknown>, value: unknown) =>
      send(this.#body, this.#scope, { task }, message, value);
  }
  get query() {
    return (name: string, answer: () => unknown): void => this.#body.answers.register(name, answer);
  }

  // ---------- its end

  get shield() {
    return (fn: Parameters<WorkflowContext["shield"]>[0], o: { within: Duration }) =>
      shield(this.#body, this.#scope, (inner) => createWorkflowContext(this.#body, inner), fn, o);
  }
  get continueAs() {
    return (input: unknown): never => {
      this.#body.continueAs(snapshot(this.#body.attempt.definition, input).text);
      throw new FlotillaError("FLOTILLA_CLOSED", { what: "this execution: it goes on with the input of ctx.continueAs" });
    };
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
}
