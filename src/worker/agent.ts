// An agent's attempt is a straight line: parse, validate, run, validate, JSON, settle. Synchronous as far as the schema
// and the code are, because most of the 3 us that a no-op attempt takes would else be promises.
import type { Delivery } from "../protocol/worker.ts";
import { AgentJournal } from "./agent-journal.ts";
import { createAgentContext } from "./agent-context.ts";
import type { Attempt, Body } from "./attempt.ts";
import { classify } from "./classify.ts";
import { track } from "./track.ts";
import { isThenable, parseInput, resultText } from "./values.ts";

type Run = (input: unknown, ctx: unknown) => unknown;

export class AgentBody implements Body {
  readonly attempt: Attempt;
  /** Made when the code first steps or emits: most never do. */
  #journal: AgentJournal | undefined;

  constructor(attempt: Attempt) {
    this.attempt = attempt;
  }

  get journal(): AgentJournal {
    return (this.#journal ??= new AgentJournal(this.attempt));
  }

  go(): void {
    const { attempt } = this;
    try {
      const input = parseInput(attempt.definition, attempt.assignment.input);
      if (input instanceof Promise) input.then(this.#invoke, this.#fail);
      else this.#invoke(input);
    } catch (e) {
      this.#fail(e);
    }
  }

  readonly #invoke = (input: unknown): void => {
    const { attempt } = this;
    if (attempt.closed) return this.#ended();
    try {
      const returned = track(attempt, attempt.definition.run as Run, input, createAgentContext(this));
      if (isThenable(returned)) returned.then(this.#finish, this.#fail);
      else this.#finish(returned);
    } catch (e) {
      this.#fail(e);
    }
  };

  readonly #finish = (returned: unknown): void => {
    if (this.attempt.closed) return this.#ended();
    try {
      const value = resultText(this.attempt.definition, returned);
      if (value instanceof Promise) value.then(this.#succeed, this.#fail);
      else this.#succeed(value);
    } catch (e) {
      this.#fail(e);
    }
  };

  readonly #succeed = (value: string): void => {
    if (this.attempt.closed) return this.#ended();
    this.attempt.settle({ status: "succeeded", value });
  };

  readonly #fail = (thrown: unknown): void => {
    const { attempt } = this;
    if (attempt.closed) return this.#ended();
    const result = classify(thrown, attempt.definition);
    if (result instanceof Promise) void result.then((r) => (attempt.closed ? this.#ended() : attempt.settle(r)));
    else attempt.settle(result);
  };

  /** Its code has stopped although it was no longer wanted; after a settle there is nothing left to say. */
  #ended(): void {
    if (this.attempt.abortedBy) this.attempt.codeEnded();
  }

  deliver(deliveries: readonly Delivery[]): void {
    this.#journal?.deliver(deliveries);
  }
  ack(act: number): void {
    this.#journal?.ack(act);
  }
  beforeFlush(): void {}

  abort(error: Error): boolean {
    this.#journal?.abort(error);
    return this.attempt.holdsSlot;
  }

  stray(error: unknown): void {
    this.#fail(error);
  }
}
