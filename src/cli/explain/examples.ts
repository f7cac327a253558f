import type { ErrorCode, ErrorDetails } from "../../core/error-catalogue.ts";

const task = "t_7k2m9q4x.3";

/** Facts such as each code carries, so that its sentences can be shown. A new code does not compile until it has some. */
export const examples: { readonly [C in ErrorCode]: ErrorDetails[C] } = {
  FLOTILLA_INPUT_INVALID: { issues: [{ message: "expected string, received number", path: ["files", 3, "path"] }] },
  FLOTILLA_OUTPUT_INVALID: { issues: [{ message: "expected number, received string", path: ["findings", 4, "line"] }] },
  FLOTILLA_AGENT_FAILED: { agent: "review", task, attempts: 4 },
  FLOTILLA_TIMEOUT: { after: "timeout" },
  FLOTILLA_JOIN_UNMET: { wanted: 95, succeeded: 90, gaps: 10 },
  FLOTILLA_BUDGET_EXHAUSTED: { budget: "usd", limit: 2, spent: 2 },
  FLOTILLA_REJECTED: { by: "ada", reason: "not on a Friday" },
  FLOTILLA_NO_WORKER: { needs: ["gpu"], nearest: [] },
  FLOTILLA_HISTORY_MISMATCH: { key: "review#2", recorded: "review", asked: "summarize" },
  FLOTILLA_QUARANTINED: { crashes: 3 },
  FLOTILLA_CANCELED: { by: "canceled from the command line" },
  FLOTILLA_FOREIGN_AWAIT: { key: "review#2" },
  FLOTILLA_UNKNOWN_DEFINITION: { name: "reveiw", known: ["review", "summarize"] },
  FLOTILLA_DUPLICATE_NAME: { name: "review" },
  FLOTILLA_CONFIG_INVALID: { field: "fleet.workers.count", problem: "0 is less than 1", fix: "give 1 to 1000" },
  FLOTILLA_VALUE_NOT_JSON: { path: "files[3].at", why: "a bigint is not JSON" },
  FLOTILLA_TOO_LARGE: { what: "the input", bytes: 2_097_152, max: 1_048_576 },
  FLOTILLA_TOO_MANY: { what: "children of one task", count: 2_000_000, max: 1_000_000 },
  FLOTILLA_IDEMPOTENCY_CONFLICT: { key: "audit:main", run: "r_7k2m9q4x" },
  FLOTILLA_NOT_FOUND: { what: "run", id: "r_7k2m9q4x" },
  FLOTILLA_LEASE_LOST: { task },
  FLOTILLA_TOO_LATE: { what: "message approved", why: "the task that it is for has ended" },
  FLOTILLA_STEP_IN_DOUBT: { key: "charge" },
  FLOTILLA_STORE_LOCKED: { path: ".flotilla/dev.db", pid: 4242 },
  FLOTILLA_STILL_OPEN: { run: "r_7k2m9q4x" },
  FLOTILLA_STORE_UNUSABLE: {
    path: ".flotilla/dev.db",
    problem: "it is not a database",
    fix: "restore a copy, or move it away and start anew",
  },
  FLOTILLA_STORE_NEWER: { path: ".flotilla/dev.db", schema: 9, known: 1 },
  FLOTILLA_STORE_FULL: { path: ".flotilla/dev.db" },
  FLOTILLA_STORE_UNREACHABLE: { path: "postgres://db:5432/fleet", problem: "connect ECONNREFUSED" },
  FLOTILLA_LIFE_OVER: { path: "postgres://db:5432/fleet", boot: 12 },
  FLOTILLA_DEFINITION_UNREADABLE: {
    file: "agents.ts:12",
    problem: "an enum cannot be stripped",
    fix: 'use an object: const Color = { red: "red" } as const',
  },
  FLOTILLA_CLOSED: { what: "the fleet" },
  FLOTILLA_UNREACHABLE: { target: ".flotilla/dev.db" },
  FLOTILLA_WORKER_LOST: { worker: "laptop-1", how: "ended with signal SIGKILL" },
  FLOTILLA_PLAN_INVALID: {
    issues: [{ node: "report", path: "input.parts", why: 'there is no node "part"', fix: 'did you mean "parts"?' }],
  },
  FLOTILLA_PLAN_FAILED: {
    failed: [{ node: "parts", task, code: "FLOTILLA_AGENT_FAILED", why: "review gave up after 4 attempts" }],
    succeeded: ["files"],
    notRun: ["report"],
  },
  FLOTILLA_NOT_SUPPORTED: { what: "a PostgreSQL store is not in this version", instead: "use SQLite" },
};
