// Follows a run to its end. Events tell that something moved, the views tell what: their counts are exact.
import type { ApprovalView, HealthView, OrchestratorApi, OutcomeReply, RunView } from "../../protocol/views.ts";
import type { Context } from "../context.ts";
import { pause } from "../pause.ts";
import { approvalLine, isDue, progressLine } from "./log-line.ts";
import { atTime, startModel, withEvent, withViews } from "./model.ts";
import type { ApprovalsSeen, ProgressModel } from "./model.ts";
import { renderProgress } from "./render.ts";

export interface Watched {
  readonly run: RunView;
  readonly outcome: OutcomeReply;
}

/** Redraws, at most, in ms. */
const frameMs = 100;
/** Views are asked for again, when something moved and when nothing did, in ms. */
const refreshMs = 250;
const quietRefreshMs = 1_000;

/**
 * Draws on stderr until the run has ended. On a terminal in place, elsewhere a line now and then, with `quiet` nothing.
 * @throws what `signal` was aborted with.
 */
export async function watchRun(api: OrchestratorApi, id: string, c: Context, signal: AbortSignal): Promise<Watched> {
  const done = new AbortController();
  const both = AbortSignal.any([signal, done.signal]);
  const drawing = draw(api, id, c, both);
  try {
    const outcome = await Promise.race([api.outcome(id, both), aborted(signal)]);
    done.abort();
    await drawing;
    return { outcome, run: await api.run(id) };
  } finally {
    done.abort();
    await drawing;
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  const fail = (): void => reject(signal.reason as Error);
  if (signal.aborted) fail();
  else signal.addEventListener("abort", fail, { once: true });
  promise.catch(() => {}); // Whoever races it may have gone.
  return promise;
}

/** Ends when `signal` aborts. A look that fails ends the drawing, not the wait: the outcome tells what is wrong. */
async function draw(api: OrchestratorApi, id: string, c: Context, signal: AbortSignal): Promise<void> {
  if (c.globals.quiet) return;
  const view = c.err.isTTY ? screenView(c) : logView(c);
  let moved = true;
  try {
    let model = startModel(await api.run(id), c.io.clock.now());
    const listening = listen(api, id, signal, (event) => {
      moved = true;
      model = withEvent(model, event);
    });
    let refreshedAt = -Infinity;
    while (!signal.aborted) {
      const now = c.io.clock.now();
      if (now - refreshedAt >= (moved ? refreshMs : quietRefreshMs)) {
        moved = false;
        refreshedAt = now;
        const [run, health, approvals] = await look(api, id, model.asked);
        model = withViews(model, run, health, c.io.clock.now(), approvals);
      }
      view.show(atTime(model, c.io.clock.now()));
      await pause(c, frameMs, signal);
    }
    await listening;
  } catch {
    // See above.
  } finally {
    view.end();
  }
}

async function look(api: OrchestratorApi, id: string, asked: readonly string[]): Promise<[RunView, HealthView, ApprovalsSeen]> {
  return await Promise.all([api.run(id), api.health(), lookAtApprovals(api, asked)]);
}

/** Open approvals that are shown; the others are behind `flotilla approvals ls`. */
const approvalsMax = 3;

/** Events tell what was asked, and none tells that it was answered: so those that are shown are looked at. */
async function lookAtApprovals(api: OrchestratorApi, asked: readonly string[]): Promise<ApprovalsSeen> {
  const open: ApprovalView[] = [];
  const closed: string[] = [];
  for (const id of asked) {
    if (open.length === approvalsMax) break;
    const approval = await api.approval(id).catch(() => undefined);
    if (approval?.state === "open") open.push(approval);
    else closed.push(id);
  }
  return { open, closed };
}

async function listen(
  api: OrchestratorApi,
  id: string,
  signal: AbortSignal,
  on: (event: Parameters<typeof withEvent>[1]) => void,
): Promise<void> {
  try {
    for await (const event of api.events(id, { signal })) on(event);
  } catch {
    // Without events the views are asked for every second.
  }
}

interface ProgressView {
  show(model: ProgressModel): void;
  end(): void;
}

function screenView(c: Context): ProgressView {
  return {
    show: (model) => c.err.draw(renderProgress(model, (c.err.columns ?? 80) - 1, c.err.theme)),
    end: () => c.err.draw([]),
  };
}

function logView(c: Context): ProgressView {
  let last: ProgressModel | undefined;
  const told = new Set<string>();
  return {
    show(model) {
      for (const approval of model.open) {
        if (told.has(approval.id)) continue;
        told.add(approval.id);
        c.err.line(approvalLine(model, approval));
      }
      if (!isDue(last, model)) return;
      last = model;
      c.err.line(progressLine(model));
    },
    end() {},
  };
}
