import { bounds } from "../core/bounds.ts";
import type { Timer } from "../core/clock.ts";
import { errorFromJson, FlotillaError } from "../core/error.ts";
import type { Awaitable } from "../store/contract.ts";
import type { Answered } from "../store/shared.ts";
import type { FromWorker } from "../protocol/worker.ts";
import type { Attempt } from "./attempt.ts";
import type { Engine } from "./engine.ts";
import { findTask } from "./lookup.ts";

/** How long code may take to answer, its coming back from a parked state included. */
const patienceMs = 30_000;

interface Question {
  readonly name: string;
  readonly timer: Timer;
  /** An orchestrator elsewhere was asked, which runs the task. */
  passedOn: boolean;
  resolve(value: string): void;
  reject(error: unknown): void;
}

/**
 * Questions to running workflows about their state. Nothing of it is stored: an attempt that ends leaves its questions to
 * the next one, until their patience ends.
 */
export class StateQueries {
  readonly #after: (ms: number, fn: () => void) => Timer;
  readonly #open = new Map<number, Map<number, Question>>();
  #last = 0;

  constructor(after: (ms: number, fn: () => void) => Timer) {
    this.#after = after;
  }

  /** JSON text of the answer. `attempt`: where it lives now; without one it is asked when the next attempt begins. */
  ask(task: number, name: string, attempt: Attempt | undefined): Promise<string> {
    const request = ++this.#last;
    return new Promise((resolve, reject) => {
      const timer = this.#after(patienceMs, () => {
        this.#take(task, request);
        reject(new FlotillaError("FLOTILLA_TIMEOUT", { after: "query" }, { where: `query ${name}` }));
      });
      const questions = this.#open.get(task) ?? new Map<number, Question>();
      this.#open.set(task, questions.set(request, { name, timer, passedOn: false, resolve, reject }));
      if (attempt) attempt.worker.link.send({ t: "query", fence: attempt.fence, request, name });
    });
  }

  /** Asked of an orchestrator elsewhere: `ask` passes the question on, false when nobody holds the task. */
  elsewhere(task: number, name: string, ask: (request: number) => Awaitable<boolean>): Promise<string> {
    const answer = this.ask(task, name, undefined);
    const request = this.#last;
    this.passedOn(task, request);
    void Promise.resolve(ask(request)).then(
      // Nobody holds it: whoever begins it next, here or there, is asked again by whoever waits.
      (asked) =>
        asked ||
        this.#take(task, request)?.reject(new FlotillaError("FLOTILLA_TIMEOUT", { after: "query" }, { where: `query ${name}` })),
      (error: unknown) => this.#take(task, request)?.reject(error),
    );
    return answer;
  }

  /** The answer of an orchestrator elsewhere. */
  heard(a: Answered): void {
    for (const [task, questions] of this.#open) {
      if (!questions.has(a.request)) continue;
      const question = this.#take(task, a.request);
      if (a.error) question?.reject(errorFromJson(a.error));
      else question?.resolve(a.value ?? "null");
      return;
    }
  }

  /** Questions that nobody has been asked elsewhere, of tasks that are not `here`. */
  waiting(here: (task: number) => boolean): { readonly task: number; readonly request: number; readonly name: string }[] {
    return [...this.#open].flatMap(([task, questions]) =>
      here(task) ? [] : [...questions].flatMap(([request, { name, passedOn }]) => (passedOn ? [] : [{ task, request, name }])),
    );
  }

  /** Its answer comes from another orchestrator. */
  passedOn(task: number, request: number): void {
    const question = this.#open.get(task)?.get(request);
    if (question) question.passedOn = true;
  }

  /** Somebody waits for an answer of that task. */
  asked(task: number): boolean {
    return this.#open.has(task);
  }

  /** An attempt lives: what was asked of its task is asked there. */
  begun(attempt: Pick<Attempt, "fence" | "worker">): void {
    for (const [request, { name }] of this.#open.get(attempt.fence.task) ?? [])
      attempt.worker.link.send({ t: "query", fence: attempt.fence, request, name });
  }

  answered(attempt: Attempt, m: Extract<FromWorker, { t: "answer" }>): void {
    const question = this.#take(attempt.fence.task, m.request);
    if (m.error) question?.reject(errorFromJson(m.error));
    else question?.resolve(m.value ?? "null");
  }

  /** Its task has ended. */
  ended(task: number): void {
    const questions = this.#open.get(task);
    if (!questions) return;
    this.#open.delete(task);
    for (const q of questions.values()) {
      q.timer.cancel();
      q.reject(new FlotillaError("FLOTILLA_TOO_LATE", { what: `query ${q.name}`, why: "the task has ended" }));
    }
  }

  /** Nobody will answer any more. */
  close(error: Error): void {
    for (const questions of this.#open.values()) {
      for (const q of questions.values()) {
        q.timer.cancel();
        q.reject(error);
      }
    }
    this.#open.clear();
  }

  #take(task: number, request: number): Question | undefined {
    const questions = this.#open.get(task);
    const question = questions?.get(request);
    question?.timer.cancel();
    questions?.delete(request);
    if (questions?.size === 0) this.#open.delete(task);
    return question;
  }
}

/**
 * What a workflow's code answers to a query. One that is parked is brought back for it.
 * @throws FLOTILLA_NOT_FOUND, FLOTILLA_TOO_LATE when it has ended, FLOTILLA_TIMEOUT after 30 s
 */
export async function queryState(engine: Engine, id: string, name: string): Promise<string> {
  if (typeof name !== "string" || name.length === 0 || name.length > bounds.nameLength)
    throw new FlotillaError("FLOTILLA_CONFIG_INVALID", {
      field: "query",
      problem: "it is no name of a query",
      fix: `use 1 to ${bounds.nameLength} characters`,
    });
  const { state, queries } = engine;
  const task = await findTask(state, id);
  const attempt = state.attempts.get(task.id);
  // One that is being assigned is asked when that is done.
  if (attempt && !attempt.ended) return queries.ask(task.id, name, attempt.publicId === "" ? undefined : attempt);
  const where = await state.store.tasks.where(task.id);
  const { shared } = state.store;
  if (where?.in === "running" && shared)
    return queries.elsewhere(task.id, name, (request) => shared.ask({ task: task.id, from: state.boot, request, name }));
  if (where?.in === "outcome") throw new FlotillaError("FLOTILLA_TOO_LATE", { what: `query ${name}`, why: "the task has ended" });
  const answer = queries.ask(task.id, name, undefined);
  if (where?.in === "parked") engine.wake(task.id);
  return answer;
}
