import { bounds } from "../core/bounds.ts";
import { FlotillaError } from "../core/error.ts";
import type { Attempt } from "./attempt.ts";
import { boundedError } from "./classify.ts";
import { untracked } from "./track.ts";
import { boundedText } from "./values.ts";

/** What a workflow's code says of its state when it is asked: `ctx.query` names it, nothing of it is recorded. */
export class StateAnswers {
  readonly #attempt: Attempt;
  #answers: Map<string, () => unknown> | undefined;
  /** Its code says what it knows: it must not ask. */
  telling = false;
  #asked: { readonly request: number; readonly name: string }[] | undefined;

  constructor(attempt: Attempt) {
    this.#attempt = attempt;
  }

  register(name: string, answer: () => unknown): void {
    (this.#answers ??= new Map()).set(name, answer);
  }

  ask(request: number, name: string): void {
    (this.#asked ??= []).push({ request, name });
  }

  /** The code has caught up with its history and is between two turns. */
  answer(): void {
    const asked = this.#asked;
    if (!asked) return;
    this.#asked = undefined;
    for (const { request, name } of asked) untracked(() => this.#tell(request, name));
  }

  #tell(request: number, name: string): void {
    const attempt = this.#attempt;
    const answer = this.#answers?.get(name);
    if (!answer) return refuseQuery(attempt, request, name, [...(this.#answers?.keys() ?? [])]);
    try {
      this.telling = true;
      const value = boundedText(answer(), `query ${name}`, bounds.emitBytes);
      attempt.host.send({ t: "answer", fence: attempt.fence, request, value, error: null });
    } catch (e) {
      attempt.host.send({ t: "answer", fence: attempt.fence, request, value: null, error: boundedError(e) });
    } finally {
      this.telling = false;
    }
  }
}

export function refuseQuery(attempt: Attempt, request: number, name: string, known: readonly string[]): void {
  const what = known.length === 0 ? "query (it answers none)" : `query (it answers ${known.join(", ")})`;
  const error = boundedError(new FlotillaError("FLOTILLA_NOT_FOUND", { what, id: name }));
  attempt.host.send({ t: "answer", fence: attempt.fence, request, value: null, error });
}
