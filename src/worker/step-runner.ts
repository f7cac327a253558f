// Steps of a workflow. The ask queues the intent; the function runs after the turn, outside the window, so that what
// it awaits is its own affair; its result leaves as an act and comes back to the code only by its seq.
import { FlotillaError, type ErrorJson } from "../core/error.ts";
import type { Delivery } from "../protocol/worker.ts";
import { boundedError } from "./classify.ts";
import { writtenKey, type Scope } from "./keys.ts";
import { noop, outcomeOf, quietPromise, rejectedPending } from "./pending.ts";
import { onDoubtOf, runStep, type OnDoubt, type StepFn } from "./steps.ts";
import type { Asked, WorkflowBody } from "./workflow.ts";

interface Job {
  readonly act: number;
  readonly key: string;
  readonly fn: StepFn;
  /** Run only when the intent is committed. */
  readonly afterAck: boolean;
  /** An earlier attempt began it and its result was never recorded. */
  readonly failsInDoubt: boolean;
}

export class StepRunner {
  readonly #body: WorkflowBody;
  /** Functions under way. */
  running = 0;
  /**
   * Asked and not delivered: yet to start, under way, or its result on the way through the store. The code keeps its slot
   * meanwhile: giving it away for one commit costs more than it gains.
   */
  pending = 0;
  #asked: Job[] = [];
  #unacked: Job[] = [];
  #acked = 0;

  constructor(body: WorkflowBody) {
    this.#body = body;
  }

  ask(scope: Scope, written: string, fn: StepFn, o: { onDoubt?: OnDoubt } | undefined): Promise<unknown> {
    const body = this.#body;
    const onDoubt = onDoubtOf(o);
    const key = writtenKey(written, "step");
    let asked: Asked | undefined;
    try {
      asked = body.ask("step", scope, key, "");
    } catch (e) {
      return rejectedPending(e);
    }
    if (!asked) return new Promise(noop);
    const { act, row } = asked;
    const kept = !row && body.isKept(asked.key);
    const runs = !kept && (!row || row.seq === null);
    const result = quietPromise<unknown>();
    body.await(act, {
      scope,
      awaited: true,
      take: (d: Delivery) => {
        if (runs) this.pending--;
        const outcome = outcomeOf(d);
        if (outcome.status === "succeeded") result.resolve(outcome.value);
        else result.reject(outcome.error);
        return true;
      },
    });
    if (!row)
      body.submit({ kind: "step", act, key: asked.key, askedAfter: body.pump.delivered, ...(kept ? { adopts: true } : {}) });
    if (runs) {
      this.#asked.push({
        act,
        key: asked.key,
        fn,
        afterAck: onDoubt === "fail",
        failsInDoubt: row !== undefined && onDoubt === "fail",
      });
      this.pending++;
    }
    return result.promise;
  }

  /** The turn has drained and the code is live: run what was asked. @returns whether anything was */
  start(): boolean {
    const jobs = this.#asked;
    if (jobs.length === 0) return false;
    this.#asked = [];
    for (const job of jobs) {
      if (job.failsInDoubt) this.#ended(job, null, boundedError(new FlotillaError("FLOTILLA_STEP_IN_DOUBT", { key: job.key })));
      else if (job.afterAck && job.act > this.#acked) this.#unacked.push(job);
      else this.#run(job);
    }
    return true;
  }

  ack(act: number): void {
    this.#acked = Math.max(this.#acked, act);
    const due = this.#unacked.filter((job) => job.act <= this.#acked);
    if (due.length === 0) return;
    this.#unacked = this.#unacked.filter((job) => job.act > this.#acked);
    for (const job of due) this.#run(job);
  }

  #run(job: Job): void {
    this.running++;
    const ended = (value: string | null, error: ErrorJson | null): void => {
      this.running--;
      this.#ended(job, value, error);
    };
    runStep(this.#body.attempt, job.key, job.fn).then(
      (value) => ended(value, null),
      (e: unknown) => ended(null, boundedError(e)),
    );
  }

  #ended(job: Job, value: string | null, error: ErrorJson | null): void {
    const { attempt } = this.#body;
    if (attempt.closed) {
      if (this.running === 0) attempt.codeEnded();
    } else this.#body.submit({ kind: "step-result", act: job.act, value, error });
  }
}
