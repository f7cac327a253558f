// Why a task is not running now, each with a next step. The same words in API, CLI and dashboard.

export const reasons = {
  WORKERS_BUSY: "every capable worker is busy",
  NO_CAPABLE_WORKER: "no live worker can run it",
  WAITING_CHILDREN: "it waits for its children",
  WAITING_APPROVAL: "it waits for a person's word",
  WAITING_MESSAGE: "it waits for a message",
  WAITING_TIMER: "it sleeps until its timer ends",
  BACKOFF: "its last attempt failed; the next one is due later",
  SCHEDULED: "it is to start later, at an instant that was asked for",
  RUNS_ALONE: "a worker died with several tasks on it; this one is tried again alone on an idle worker",
  DISPATCHING: "it is next",
  VALUE_MISSING: "a stored value that it needs cannot be read; it goes on when a worker joins",
  HISTORY_MISMATCH: "the workflow's code does not fit its history",
  BUILD_GONE: "no live worker has the code that it was begun with",
  WORKER_UNRESPONSIVE: "its worker's main loop is blocked",
  STORE_FULL: "the store has no room: nothing is claimed until it has",
  DRAINING: "the fleet is draining",
} as const;
export type Reason = keyof typeof reasons;
