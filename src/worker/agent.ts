// An agent's attempt is a straight line: parse, validate, run, validate, JSON, settle. Synchronous as far as the schema
// and the code are, because most of the 3 us that a no-op attempt takes would else be promises.
import type { AttemptResult, Delivery } from "../protocol/worker.ts";
import { AgentJournal } from "./agent-journal.ts";
import { createAgentContext } from "./agent-context.ts";
import type { Attempt, Body } from "./attempt.ts";
import { classify } from "./classify.ts";
import { track } from "./track.ts";
import { inputOf } from "./input.ts";
import { refuseQuery } from "./state-answers.ts";
import { isThenable, resultText } from "./values.ts";

type Run = (input: unknown, ctx: unknown) => unknown;

export class AgentBody implements Body {
  readonly attempt: Attempt;
  /** Made when the code first steps or emits: most never do. */
  #journal: AgentJournal | undefined;
  busy = false;

  constructor(attempt: Attempt) {
    this.attempt = attempt;
  }

  get journal(): AgentJournal {
    return (this.#journal ??= new AgentJournal(this.attempt));
  }

  go(): void {
    const { attempt } = this;
    this.busy = true;
    try {
      const input = inputOf(attempt);
      if (input instanceof Promise) input.then(this.#invoke, this.#fail);
      else this.#invoke(input);
    } catch (e) {
      this.#fail(e);
    }
  }

  readonly #invoke = (input: unknown): void => {
    const { attempt } = this;
    if (attempt.closed) return this.#end();
    try {
      const returned = track(attempt, attempt.definition.run as Run, input, createAgentContext(this));
      if (isThenable(returned)) returned.then(this.#finish, this.#fail);
      else this.#finish(returned);
    } catch (e) {
      this.#fail(e);
    }
  };

  readonly #finish = (returned: unknown): void => {
    if (this.attempt.closed) return this.#end();
    try {
      const value = resultText(this.attempt.definition, returned);
      if (value instanceof Promise) value.then(this.#succeed, this.#fail);
      else this.#succeed(value);
    } catch (e) {
      this.#fail(e);
    }
  };

  readonly #succeed = (value: string): void => this.#end({ status: "succeeded", value });

  readonly #fail = (thrown: unknown): void => {
    if (this.attempt.closed) return this.#end();
    const result = classify(thrown, this.attempt.definition);
    if (result instanceof Promise) void result.then((r) => this.#end(r));
    else this.#end(result);
  };

  /** Its code has stopped; the result counts unless the attempt has ended already. */
  #end(result?: AttemptResult): void {
    this.busy = false;
    if (result && !this.attempt.closed) this.attempt.settle(result);
    else this.attempt.codeEnded();
  }

  deliver(deliveries: readonly Delivery[]): void {
    this.#journal?.deliver(deliveries);
  }
  ack(act: number): void {
    this.#journal?.ack(act);
  }
  beforeFlush(): void {}
  park(): boolean {
    return false;
  }
  query(request: number, name: string): void {
    refuseQuery(this.attempt, request, name, []);
  }

  abort(error: Error): void {
    this.#journal?.abort(error);
  }

  /** The attempt has failed, and its code goes on: it is told to stop, and keeps its slot until it has. */
  stray(thrown: unknown): void {
    const result = classify(thrown, this.attempt.definition);
    if (result instanceof Promise) void result.then((r) => this.attempt.settle(r));
    else this.attempt.settle(result);
  }
}
