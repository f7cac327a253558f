// What is known of a run that is being watched. Pure: each fact gives the next model, drawing reads it.
import type { ApprovalView, EventView, HealthView, RunView } from "../../protocol/views.ts";

export interface ProgressModel {
  readonly run: RunView;
  readonly health: HealthView | undefined;
  readonly nowMs: number;
  /** Done tasks over the last seconds, oldest first: what the rate is taken from. */
  readonly samples: readonly { readonly atMs: number; readonly done: number }[];
  /** Why some task waits, as last told; cleared when tasks move again. */
  readonly waiting: { readonly reason: string; readonly fix: string } | undefined;
  /** Approvals that were asked, by id and in order, those left out that are known to be answered. */
  readonly asked: readonly string[];
  /** The first of them that are open, as last looked at. */
  readonly open: readonly ApprovalView[];
}

/** What a look at the approvals of a run found. */
export interface ApprovalsSeen {
  readonly open: readonly ApprovalView[];
  /** Ids of those that are not open any more. */
  readonly closed: readonly string[];
}

/** The rate follows the load within this time, in ms; shorter jumps about, longer lags behind. */
const rateWindowMs = 10_000;
/** Rates of less time than this say nothing, in ms. */
const rateLeastMs = 1_000;

export function startModel(run: RunView, nowMs: number): ProgressModel {
  return {
    run,
    health: undefined,
    nowMs,
    samples: [{ atMs: nowMs, done: run.tasks.done }],
    waiting: undefined,
    asked: [],
    open: [],
  };
}

export function withViews(
  model: ProgressModel,
  run: RunView,
  health: HealthView | undefined,
  nowMs: number,
  { open, closed }: ApprovalsSeen = { open: model.open, closed: [] },
): ProgressModel {
  const moved = run.tasks.done > model.run.tasks.done;
  const samples = [...model.samples.filter((s) => nowMs - s.atMs <= rateWindowMs), { atMs: nowMs, done: run.tasks.done }];
  const asked = model.asked.filter((id) => !closed.includes(id));
  return { run, health: health ?? model.health, nowMs, samples, waiting: moved ? undefined : model.waiting, asked, open };
}

export function withEvent(model: ProgressModel, event: EventView): ProgressModel {
  if (event.type === "approval.asked") {
    const { approval } = event.data as { approval: string };
    return model.asked.includes(approval) ? model : { ...model, asked: [...model.asked, approval] };
  }
  if (event.type !== "task.waiting") return model;
  const { reason, fix } = event.data as { reason: string; fix: string };
  return { ...model, waiting: { reason, fix } };
}

export function atTime(model: ProgressModel, nowMs: number): ProgressModel {
  return { ...model, nowMs };
}

/** Tasks per second, or undefined while there is too little to tell. */
export function rateOf({ samples }: ProgressModel): number | undefined {
  const first = samples[0];
  const last = samples.at(-1);
  if (!first || !last || last.atMs - first.atMs < rateLeastMs) return undefined;
  return ((last.done - first.done) * 1_000) / (last.atMs - first.atMs);
}

/** Time to the end at the present rate, in ms. Runs that still plan grow, so it is a guess. */
export function etaMsOf(model: ProgressModel): number | undefined {
  const rate = rateOf(model);
  const left = model.run.tasks.total - model.run.tasks.done;
  return rate === undefined || rate === 0 || model.run.status !== "running" ? undefined : (left * 1_000) / rate;
}

export function shareDone({ run }: ProgressModel): number {
  return run.tasks.total === 0 ? 0 : run.tasks.done / run.tasks.total;
}
