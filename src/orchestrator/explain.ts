import { formatMs } from "../core/duration.ts";
import { reasons, type Reason } from "../core/reason.ts";
import type { Explanation } from "../protocol/views.ts";
import { approvalId, runOf } from "../core/id.ts";
import type { TaskRow, WaitKind, Whereabouts } from "../store/contract.ts";
import type { TaskOptions } from "./attempt.ts";
import { goneAfterMs, isCode } from "./builds.ts";
import type { Lane } from "./lane.ts";
import type { State } from "./state.ts";
import { hearOthers } from "./roster.ts";
import { liveState } from "./queries.ts";
import { freeSlots } from "./workers.ts";

type Why = Pick<Explanation, "reason" | "detail" | "fix">;

/** Why a task is not running now, and what to do about it. */
export async function explain(state: State, id: string, task: TaskRow, where: Whereabouts): Promise<Explanation> {
  const now = state.clock.now();
  const lane = state.definitions.lane(task.lane);
  const waiting = async (children: number, leaseNo: number): Promise<Explanation> => {
    const why = await whyWaiting(state, id, task.id, children);
    return { task: id, state: "waiting", ...why, detail: why.detail + endsText(task, leaseNo, now) };
  };
  switch (where.in) {
    case "outcome": {
      const { status, error, finishedAt, startedAt } = where.outcome;
      const detail = error ? error.message : `it took ${formatMs(finishedAt - (startedAt ?? finishedAt))}`;
      return {
        task: id,
        state: status === "partial" ? "succeeded" : status === "stopped" ? "failed" : status,
        reason: null,
        detail,
        fix: status === "succeeded" ? [] : [`flotilla tasks get ${id}`],
      };
    }
    case "ready": {
      if (lane.workers.size === 0) await hearOthers(state);
      const why = whyReady(state, lane, where, now);
      return { task: id, state: "ready", ...why, detail: why.detail + endsText(task, where.leaseNo, now) };
    }
    case "delayed": {
      const retry = where.attempt > 0;
      return {
        task: id,
        state: "delayed",
        reason: retry ? "BACKOFF" : "SCHEDULED",
        detail: `${reasons[retry ? "BACKOFF" : "SCHEDULED"]}: ${dueText(where.dueAt, now)}${retry ? `, as attempt ${where.attempt + 1}` : ""}${endsText(task, where.leaseNo, now)}`,
        fix: retry
          ? [`see what failed: flotilla tasks get ${id}`]
          : [`nothing to do; to end it now: flotilla runs cancel ${runOf(id)}`],
      };
    }
    case "held":
      return {
        task: id,
        state: "waiting",
        reason: where.reason as Reason,
        detail: `${reasons[where.reason as Reason]}${where.error ? `: ${where.error.message}` : ""}`,
        fix: where.error?.fix?.length ? where.error.fix : [`see what it needs: flotilla tasks get ${id}`],
      };
    case "parked":
      return waiting(where.remaining, where.leaseNo);
    case "running": {
      const worker = [...state.workers.values()].find((w) => w.id === where.worker);
      if (liveState(state, task.id, where) === "waiting") return waiting(where.remaining, where.leaseNo);
      const forMs = formatMs(now - where.claimedAt);
      if (worker?.unresponsive)
        return {
          task: id,
          state: "running",
          reason: "WORKER_UNRESPONSIVE",
          detail: `${reasons.WORKER_UNRESPONSIVE}: ${worker.hello.name}, task running for ${forMs}`,
          fix: ["keep long computations off the main loop, or give the agent a timeout"],
        };
      return {
        task: id,
        state: "running",
        reason: null,
        detail: `on ${worker?.hello.name ?? "a worker"} for ${forMs}${endsText(task, where.leaseNo, now)}`,
        fix: [],
      };
    }
  }
}

/** Waits that one explanation looks at. */
const waitsShown = 100;

/** People first: theirs is the next step. */
async function whyWaiting(state: State, id: string, task: number, children: number): Promise<Why> {
  const waits = await state.store.tasks.waits({ task, limit: waitsShown });
  const of = (kind: WaitKind) => waits.filter((w) => w.kind === kind);
  const run = runOf(id);
  const approvals = of("approval");
  const messages = of("message");
  const timers = of("timer");
  const facts = [
    ...approvals.map((a) => `approval "${(JSON.parse(a.detail ?? "{}") as { title?: string }).title ?? ""}"`),
    ...new Set(messages.map((m) => `message ${m.name}`)),
    ...timers.map((t) => `a timer until ${new Date(t.dueAt ?? 0).toISOString()}`),
    ...(children > 0 ? [`${children} children`] : []),
  ];
  const shown = facts.length > 5 ? [...facts.slice(0, 5), `${facts.length - 5} more`] : facts;
  const why = (reason: Reason, ...fix: string[]): Why => ({ reason, detail: `${reasons[reason]}: ${shown.join(", ")}`, fix });
  const [approval] = approvals;
  if (approval)
    return why("WAITING_APPROVAL", `flotilla approvals approve ${approvalId(id, approval.act)}`, "or `reject` it, with a reason");
  // A run's id is its root's: a message for a task below it needs that task's own.
  const to = id.includes(".") ? id : run;
  if (messages[0]) return why("WAITING_MESSAGE", `send it: flotilla runs send ${to} ${messages[0].name} VALUE`);
  if (children > 0 || timers.length === 0) return why("WAITING_CHILDREN", `flotilla tasks ls --run ${run} --state running`);
  return why("WAITING_TIMER", `nothing to do; to end it now: flotilla runs cancel ${run}`);
}

function dueText(at: number, now: number): string {
  return `at ${new Date(at).toISOString()}, in ${formatMs(Math.max(0, at - now))}`;
}

/** When the run is closed by itself; its ttl counts until an attempt has begun. */
function endsText(task: TaskRow, leaseNo: number, now: number): string {
  if (task.options === null) return "";
  const { ttlAt, deadlineAt } = JSON.parse(task.options) as TaskOptions;
  const ttl = ttlAt === undefined || leaseNo > 0 ? "" : `; its ttl passes ${dueText(ttlAt, now)}`;
  return ttl + (deadlineAt === undefined ? "" : `; its deadline passes ${dueText(deadlineAt, now)}`);
}

/** Its lane is bound to a version that no live worker has. */
function buildGone(state: State, lane: Lane, waited: string): Why {
  const last = state.builds.buildOf(lane.build);
  const build = last === undefined ? "its build" : `build ${last}`;
  const { name } = lane.definition;
  if (!isCode(lane.build))
    return {
      reason: "NO_CAPABLE_WORKER",
      detail: `no live worker has ${name} with the schemas that it was asked by; ready for ${waited}`,
      fix: [
        `start a worker of ${build}, or wait: ${formatMs(goneAfterMs)} after the last one left any worker with ${name} may take it`,
      ],
    };
  return {
    reason: "BUILD_GONE",
    detail: `${reasons.BUILD_GONE}: ${name} was begun by ${build} (code ${lane.build.slice(2, 10)}); ready for ${waited}`,
    fix: [
      `start a worker of ${build}: it goes on there`,
      `or let newer code try from its history: workflow({ name: "${name}", onOrphan: "move-if-unchanged" }), ${formatMs(goneAfterMs)} after the last such worker left`,
    ],
  };
}

function whyReady(state: State, lane: Lane, where: Extract<Whereabouts, { in: "ready" }>, now: number): Why {
  const waited = formatMs(now - where.since);
  if (state.draining)
    return { reason: "DRAINING", detail: `${reasons.DRAINING}; ready for ${waited}`, fix: ["start the fleet again"] };
  if (state.storeFullAt !== null)
    return {
      reason: "STORE_FULL",
      detail: `${reasons.STORE_FULL}, since ${formatMs(now - state.storeFullAt)}; ready for ${waited}`,
      fix: ["free some space: it goes on by itself within a second", "what is large: flotilla db status"],
    };
  if (lane.workers.size === 0 && (state.elsewhere.lanes.has(lane.id) || state.builds.isElsewhere(lane.build)))
    return {
      reason: "DISPATCHING",
      detail: `workers of another orchestrator serve it; ready for ${waited}`,
      fix: ["ask again in a moment; if it stays, see whether they have free slots: flotilla workers ls"],
    };
  if (lane.workers.size === 0 && lane.build !== "" && !state.builds.isHere(lane.build)) return buildGone(state, lane, waited);
  if (lane.workers.size === 0) {
    const nearest = state.definitions.nearest(lane);
    return {
      reason: "NO_CAPABLE_WORKER",
      detail: `${reasons.NO_CAPABLE_WORKER}: ${lane.definition.name}${lane.needs.length > 0 ? ` needs ${lane.needs.join(", ")}` : ""}; ready for ${waited}`,
      fix: [nearest ?? `start a worker that has ${lane.definition.name}`],
    };
  }
  if (where.alone)
    return {
      reason: "RUNS_ALONE",
      detail: `${reasons.RUNS_ALONE}; ready for ${waited}`,
      fix: ["nothing to do: it is next on an idle worker"],
    };
  const free = [...lane.workers.keys()].reduce((n, w) => n + Math.max(0, freeSlots(w)), 0);
  if (free > 0) return { reason: "DISPATCHING", detail: reasons.DISPATCHING, fix: ["nothing to do: ask again in a moment"] };
  return {
    reason: "WORKERS_BUSY",
    detail: `${reasons.WORKERS_BUSY}: ${lane.workers.size} capable, all slots taken; ${lane.ready} ready in its lane; ready for ${waited}`,
    fix: ["add workers or slots: workers: { count, slots }"],
  };
}
