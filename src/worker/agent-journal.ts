// Steps and emits of an agent: memoised by key over its attempts, without a pump, because an agent's code may await
// what it likes. A step's intent goes out before its result; its promise resolves when the result is committed (the
// `deliver` with its act), so a step that has returned is durable.
//
// Only success is recorded: a step runs until it has succeeded once. A step whose function threw stays an intent
// without a result, which is the truth about its effect: a payment that timed out may have happened.
import { FlotillaError, errorFromJson } from "../core/error.ts";
import type { Delivery, JournalEntry } from "../protocol/worker.ts";
import type { Attempt } from "./attempt.ts";
import { boundedError } from "./classify.ts";
import { checkEmit, type AnyMessage } from "./emit.ts";
import { Scope, writtenKey } from "./keys.ts";
import { quietPromise, type Resolvers } from "./pending.ts";
import { onDoubtOf, runStep, type OnDoubt, type StepFn } from "./steps.ts";

export class AgentJournal {
  readonly #attempt: Attempt;
  readonly #scope = new Scope("", undefined);
  readonly #rows = new Map<string, JournalEntry>();
  readonly #settled = new Map<number, Delivery>();
  readonly #results = new Map<number, Resolvers<unknown>>();
  readonly #acks = new Map<number, Resolvers<void>>();
  readonly #texts = new Map<number, string>();
  #lastAct: number;
  #acked: number;
  #emits = 0;

  constructor(attempt: Attempt) {
    this.#attempt = attempt;
    const { acts, journal, deliveries } = attempt.assignment;
    this.#lastAct = acts;
    this.#acked = acts;
    for (const row of journal) this.#rows.set(row.key, row);
    for (const d of deliveries) this.#settled.set(d.act, d);
  }

  async step(key: string, fn: StepFn, o: { onDoubt?: OnDoubt } | undefined): Promise<unknown> {
    const onDoubt = onDoubtOf(o);
    const asked = this.#claim("step", this.#scope.key(writtenKey(key, "step")), "");
    const settled = asked.row && this.#settled.get(asked.row.act);
    if (settled) return valueOf(settled);
    const { act } = asked;
    if (asked.row && onDoubt === "fail") throw new FlotillaError("FLOTILLA_STEP_IN_DOUBT", { key });
    if (!asked.row) this.#attempt.act({ kind: "step", act, key: asked.key, askedAfter: 0 });
    if (onDoubt === "fail") await this.#ackOf(act);
    const text = await runStep(this.#attempt, asked.key, fn);
    this.#refuseClosed();
    const result = quietPromise<unknown>();
    this.#results.set(act, result);
    this.#texts.set(act, text);
    this.#attempt.act({ kind: "step-result", act, value: text, error: null });
    return result.promise;
  }

  emit(message: AnyMessage, value: unknown): void {
    if (this.#attempt.closed) return;
    const emit = checkEmit(message, value, ++this.#emits);
    const { key, act, row } = this.#claim("emit", this.#scope.key(emit.key), "");
    // An earlier attempt has said it.
    if (!row) this.#attempt.act({ kind: "emit", act, key, askedAfter: 0, name: emit.name, value: emit.value });
  }

  deliver(deliveries: readonly Delivery[]): void {
    for (const d of deliveries) {
      const waiting = this.#results.get(d.act);
      this.#results.delete(d.act);
      if (!waiting) continue;
      try {
        waiting.resolve(valueOf(d, this.#texts.get(d.act)));
      } catch (e) {
        waiting.reject(e);
      }
      this.#texts.delete(d.act);
    }
  }

  ack(act: number): void {
    if (act <= this.#acked) return;
    this.#acked = act;
    for (const [n, waiting] of this.#acks) {
      if (n > act) continue;
      this.#acks.delete(n);
      waiting.resolve();
    }
  }

  abort(error: Error): void {
    for (const waiting of [...this.#results.values(), ...this.#acks.values()]) waiting.reject(error);
  }

  #ackOf(act: number): Promise<void> {
    if (act <= this.#acked) return Promise.resolve();
    const waiting = quietPromise<void>();
    this.#acks.set(act, waiting);
    return waiting.promise;
  }

  #claim(
    kind: JournalEntry["kind"],
    key: string,
    inputHash: string,
  ): { key: string; act: number; row: JournalEntry | undefined } {
    this.#refuseClosed();
    const row = this.#rows.get(key);
    if (!row) return { key, act: ++this.#lastAct, row };
    if (row.kind === kind && row.inputHash === inputHash) return { key, act: row.act, row };
    const error = new FlotillaError("FLOTILLA_HISTORY_MISMATCH", { key, recorded: `a ${row.kind}`, asked: `a ${kind}` });
    this.#attempt.refuse({ status: "mismatch", error: boundedError(error) });
    throw error;
  }

  #refuseClosed(): void {
    const { closed, abortedBy, assignment } = this.#attempt;
    if (closed) throw abortedBy ?? new FlotillaError("FLOTILLA_LEASE_LOST", { task: assignment.publicId });
  }
}

function valueOf(d: Delivery, text?: string): unknown {
  if (d.status === "succeeded") return JSON.parse(d.value ?? text ?? "null");
  throw d.error ? errorFromJson(d.error) : new Error(`the step ended as ${d.status}`);
}
