// The states of a task, and what may follow what. Status is where the row is: `ready`, `delayed`, `running`, `outcome`
// are tables; `waiting` is a running workflow whose gate is armed, so it holds no slot.
//
//   blocked | delayed | keyed ──▶ ready ──▶ running ──▶ succeeded | failed | canceled | quarantined
//                                   ▲        │   ▲
//                                   │        │   └──▶ waiting (no slot held)
//                                   └────────┘  retry, lease lost (by way of delayed when it backs off)

export const openStates = ["blocked", "delayed", "keyed", "ready", "running", "waiting"] as const;
export const closedStates = ["succeeded", "failed", "canceled", "quarantined"] as const;
export type OpenState = (typeof openStates)[number];
export type ClosedState = (typeof closedStates)[number];
export type TaskState = OpenState | ClosedState;

/** Outcomes have no way out: they are immutable. */
export const transitions: Readonly<Record<TaskState, readonly TaskState[]>> = {
  blocked: ["ready", "canceled"],
  // `failed` from a queue: a deadline or a ttl passed.
  delayed: ["ready", "failed", "canceled"],
  keyed: ["ready", "canceled"],
  ready: ["running", "failed", "canceled"],
  running: ["waiting", "ready", "delayed", "succeeded", "failed", "canceled", "quarantined"],
  // Waking is told in memory only, so in the store a waiting task may take any step of a running one next.
  waiting: ["running", "ready", "delayed", "succeeded", "failed", "canceled", "quarantined"],
  succeeded: [],
  failed: [],
  canceled: [],
  quarantined: [],
};

export type RunOutcomeName = "succeeded" | "partial" | "failed" | "canceled" | "stopped";

/** The order is the number that is stored: append only. */
export const outcomeCodes = ["succeeded", "failed", "canceled", "quarantined", "stopped", "partial"] as const;
export type OutcomeStatus = (typeof outcomeCodes)[number];
export function outcomeCode(status: OutcomeStatus): number {
  return outcomeCodes.indexOf(status);
}

export const priorities = ["high", "normal", "low"] as const;
export type Priority = (typeof priorities)[number];
export function priorityCode(priority: Priority | undefined): number {
  return priority === undefined ? 1 : priorities.indexOf(priority);
}

/** Crashes of a task that ran alone before it is quarantined. */
export const crashesMax = 3;
