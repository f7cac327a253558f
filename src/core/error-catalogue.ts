// Every code of ours, in one place: this generates docs/reference/errors.md and `flotilla explain CODE`.
import type { Budget } from "./budget.ts";
import { issueLine } from "./issue.ts";
import type { FailedNode, PlanIssue } from "./plan.ts";
import type { StandardSchemaV1 as Schema } from "@standard-schema/spec";

export interface ErrorDetails {
  FLOTILLA_INPUT_INVALID: { issues: readonly Schema.Issue[] };
  FLOTILLA_OUTPUT_INVALID: { issues: readonly Schema.Issue[] };
  FLOTILLA_AGENT_FAILED: { agent: string; task: string; attempts: number };
  FLOTILLA_TIMEOUT: { after: "timeout" | "idleTimeout" | "deadline" | "ttl" | "waitFor" | "query" };
  FLOTILLA_JOIN_UNMET: { wanted: number; succeeded: number; gaps: number };
  FLOTILLA_BUDGET_EXHAUSTED: { budget: keyof Budget; limit: number; spent: number };
  FLOTILLA_REJECTED: { by: string; reason: string };
  FLOTILLA_NO_WORKER: { needs: readonly string[]; nearest: readonly string[] };
  FLOTILLA_HISTORY_MISMATCH: { key: string; recorded: string; asked: string };
  FLOTILLA_QUARANTINED: { crashes: number };
  FLOTILLA_CANCELED: { by: string };
  FLOTILLA_FOREIGN_AWAIT: { key: string };
  FLOTILLA_UNKNOWN_DEFINITION: { name: string; known: readonly string[] };
  FLOTILLA_DUPLICATE_NAME: { name: string };
  FLOTILLA_CONFIG_INVALID: { field: string; problem: string; fix: string };
  FLOTILLA_VALUE_NOT_JSON: { path: string; why: string };
  FLOTILLA_TOO_LARGE: { what: string; bytes: number; max: number };
  FLOTILLA_TOO_MANY: { what: string; count: number; max: number };
  FLOTILLA_IDEMPOTENCY_CONFLICT: { key: string; run: string; overtook?: true };
  FLOTILLA_NOT_FOUND: { what: string; id: string; why?: string };
  FLOTILLA_LEASE_LOST: { task: string };
  FLOTILLA_TOO_LATE: { what: string; why: string };
  FLOTILLA_STEP_IN_DOUBT: { key: string };
  FLOTILLA_STORE_LOCKED: { path: string; pid: number | null };
  FLOTILLA_STORE_UNUSABLE: { path: string; problem: string; fix: string };
  FLOTILLA_STORE_NEWER: { path: string; schema: number; known: number };
  FLOTILLA_STORE_FULL: { path: string };
  FLOTILLA_STORE_UNREACHABLE: { path: string; problem: string };
  FLOTILLA_LIFE_OVER: { boot: number };
  FLOTILLA_STILL_OPEN: { run: string };
  FLOTILLA_DEFINITION_UNREADABLE: { file: string; problem: string; fix: string };
  FLOTILLA_CLOSED: { what: string };
  FLOTILLA_UNREACHABLE: { target: string };
  FLOTILLA_UNEXPECTED_REPLY: { target: string; status: number; problem: string };
  FLOTILLA_WORKER_LOST: { worker: string; how: string };
  FLOTILLA_PROTOCOL_VERSION: { worker: number; orchestrator: number };
  FLOTILLA_MESSAGE_INVALID: { problem: string };
  FLOTILLA_PLAN_INVALID: { issues: readonly PlanIssue[] };
  FLOTILLA_PLAN_FAILED: { failed: readonly FailedNode[]; succeeded: readonly string[]; notRun: readonly string[] };
  FLOTILLA_BULK_GREW: { action: string; expected: number; found: number };
  FLOTILLA_UNAUTHENTICATED: { why: string };
  FLOTILLA_FORBIDDEN: { what: string; needs: string };
  FLOTILLA_RATE_LIMITED: { what: string; retryAfterMs: number };
  FLOTILLA_SIGNATURE_INVALID: { hook: string };
  FLOTILLA_NOT_SUPPORTED: { what: string; instead: string };
}
export type ErrorCode = keyof ErrorDetails;

interface Entry<D> {
  readonly title: string;
  readonly retryable: boolean;
  why(d: D): string;
  fix(d: D): readonly string[];
}

const stopInTime = "pass ctx.signal on, so that the work stops when the attempt does";
const timeouts: Readonly<Record<ErrorDetails["FLOTILLA_TIMEOUT"]["after"], { why: string; fix: readonly string[] }>> = {
  timeout: { why: "the attempt outlived its timeout", fix: ["raise timeout, or give the work in smaller pieces", stopInTime] },
  idleTimeout: {
    why: "the attempt showed no progress within its idleTimeout",
    fix: ["call ctx.progress in long work, or raise idleTimeout", stopInTime],
  },
  deadline: {
    why: "the run had not ended when its deadline passed; what it was still doing is canceled",
    fix: ["start it again with a later deadline, or with less to do", "see where the time went: flotilla tasks ls --run RUN"],
  },
  ttl: {
    why: "the run was not begun within its ttl, so it was never run",
    fix: ["add workers or slots: workers: { count, slots }", "or start it again, with a longer ttl"],
  },
  waitFor: {
    why: "no such message came in time",
    fix: ["take it as an outcome, `await ctx.waitFor(...).settled()`, or raise its timeout"],
  },
  query: { why: "the workflow's code did not answer in time", fix: ["ask again: its worker may have been busy or starting"] },
};

export const catalogue: { readonly [C in ErrorCode]: Entry<ErrorDetails[C]> } = {
  FLOTILLA_INPUT_INVALID: {
    title: "Input does not match the schema",
    retryable: false,
    why: (d) => issueLine(d.issues),
    fix: () => ["correct the field above, or widen the schema that it was checked with"],
  },
  FLOTILLA_OUTPUT_INVALID: {
    title: "Output does not match the schema",
    retryable: true,
    why: (d) => issueLine(d.issues),
    fix: () => ["return what `output` asks for, or widen the schema; a model's answer may fit on the next attempt"],
  },
  FLOTILLA_AGENT_FAILED: {
    title: "Agent failed",
    retryable: false,
    why: (d) => `${d.agent} gave up after ${d.attempts} attempt${d.attempts === 1 ? "" : "s"}`,
    fix: (d) => [`see every attempt: flotilla tasks get ${d.task}`, "the cause below is the last attempt's error"],
  },
  FLOTILLA_TIMEOUT: {
    title: "Timed out",
    retryable: true,
    why: (d) => timeouts[d.after].why,
    fix: (d) => timeouts[d.after].fix,
  },
  FLOTILLA_JOIN_UNMET: {
    title: "Too few children succeeded",
    retryable: false,
    why: (d) => `${d.succeeded} of the ${d.wanted} wanted succeeded, ${d.gaps} did not`,
    fix: () => ["read the gaps: `.settled()` gives every item with its outcome", "accept fewer with `join: { atLeast }`"],
  },
  FLOTILLA_BUDGET_EXHAUSTED: {
    title: "Budget exhausted",
    retryable: false,
    why: (d) => `${d.spent} of ${d.limit} ${d.budget} are spent`,
    fix: () => ["start it again with a larger budget, or give the work in smaller pieces"],
  },
  FLOTILLA_REJECTED: {
    title: "Rejected",
    retryable: false,
    why: (d) => `${d.by}: ${d.reason}`,
    fix: () => ["change what was asked for and ask again"],
  },
  FLOTILLA_NO_WORKER: {
    title: "No worker can run this",
    retryable: true,
    why: (d) =>
      `no live worker offers ${d.needs.length > 0 ? d.needs.join(", ") : "this definition"}${d.nearest.length > 0 ? `; nearest: ${d.nearest.join(", ")}` : ""}`,
    fix: (d) => [
      d.needs.length > 0 ? `start a worker with offers: ${JSON.stringify(d.needs)}` : "register the definition with a worker",
      'or wait for one: ifNoWorker: "wait"',
    ],
  },
  FLOTILLA_HISTORY_MISMATCH: {
    title: "The workflow's code does not fit its history",
    retryable: false,
    why: (d) => `at ${d.key} the journal holds ${d.recorded}, the code asked ${d.asked}`,
    fix: () => ["bring back the code that began this run", "or give the changed call a new key and start a new run"],
  },
  FLOTILLA_QUARANTINED: {
    title: "Quarantined",
    retryable: false,
    why: (d) => `its worker died ${d.crashes} times while nothing else ran there`,
    fix: () => [
      "run it under a debugger with the input that `flotilla tasks get` shows",
      "look for process.exit, native crashes and memory",
    ],
  },
  FLOTILLA_CANCELED: {
    title: "Canceled",
    retryable: false,
    why: (d) => d.by,
    fix: () => ["start it again when it is wanted after all"],
  },
  FLOTILLA_FOREIGN_AWAIT: {
    title: "A workflow awaited something that is not durable",
    retryable: false,
    why: (d) => `${d.key} was asked after the code awaited a timer, a file, fetch or another promise that Flotilla did not give`,
    fix: () => [
      'do it in ctx.step("name", () => ...): its result is recorded, so that a re-run sees the same',
      "or move it into an agent and ctx.call that",
    ],
  },
  FLOTILLA_UNKNOWN_DEFINITION: {
    title: "Unknown agent or workflow",
    retryable: false,
    why: (d) =>
      `nothing is registered as ${JSON.stringify(d.name)}${d.known.length > 0 ? `; known: ${d.known.slice(0, 8).join(", ")}${d.known.length > 8 ? ", ..." : ""}` : ""}`,
    fix: (d) => {
      const near = nearest(d.name, d.known);
      return [near ? `did you mean ${JSON.stringify(near)}?` : "add it to `definitions`"];
    },
  },
  FLOTILLA_DUPLICATE_NAME: {
    title: "Two definitions share a name",
    retryable: false,
    why: (d) => `${JSON.stringify(d.name)} is defined twice, and tasks are found by name`,
    fix: () => ["rename one of them"],
  },
  FLOTILLA_CONFIG_INVALID: {
    title: "Option out of range",
    retryable: false,
    why: (d) => `${d.field}: ${d.problem}`,
    fix: (d) => [d.fix],
  },
  FLOTILLA_VALUE_NOT_JSON: {
    title: "JSON would change this value",
    retryable: false,
    why: (d) => `${d.path === "" ? "the value" : d.path}: ${d.why}`,
    fix: () => [
      "pass plain objects, arrays, strings, finite numbers, booleans and null",
      "turn a Map into entries, a bigint into a string, a class into a plain object",
    ],
  },
  FLOTILLA_TOO_LARGE: {
    title: "Too large",
    retryable: false,
    why: (d) => `${d.what} has ${d.bytes.toLocaleString("en")} bytes, the limit is ${d.max.toLocaleString("en")}`,
    fix: () => [
      "pass less: a path, a URL or an id in place of the content",
      "in running code ctx.artifact.put keeps a large value and gives a reference to pass",
    ],
  },
  FLOTILLA_TOO_MANY: {
    title: "Too many",
    retryable: false,
    why: (d) => `${d.count.toLocaleString("en")} ${d.what}, the limit is ${d.max.toLocaleString("en")}`,
    fix: () => ["split the work: let workflows fan out in levels"],
  },
  FLOTILLA_IDEMPOTENCY_CONFLICT: {
    title: "Idempotency key was used with another input",
    retryable: false,
    why: (d) =>
      `key ${JSON.stringify(d.key)} belongs to run ${d.run}, which ${d.overtook ? "another start got while the transaction of this one was open" : "has a different input"}`,
    fix: () => ["use a key that changes with the input, or fetch the existing run"],
  },
  FLOTILLA_NOT_FOUND: {
    title: "Not found",
    retryable: false,
    why: (d) => `no ${d.what} ${d.id}${d.why === undefined ? "" : `: ${d.why}`}`,
    fix: (d) => [`list them: flotilla ${d.what.endsWith("build") ? "worker" : d.what}s ls`],
  },
  FLOTILLA_LEASE_LOST: {
    title: "Lease lost",
    retryable: false,
    why: (d) => `task ${d.task} passed to another attempt, or was canceled; this attempt's result was dropped`,
    fix: () => ["nothing to do: the newer attempt counts"],
  },
  FLOTILLA_TOO_LATE: {
    title: "Too late",
    retryable: false,
    why: (d) => `${d.what}: ${d.why}`,
    fix: () => ["look at what came of it: flotilla runs get RUN"],
  },
  FLOTILLA_STEP_IN_DOUBT: {
    title: "A step may or may not have happened",
    retryable: false,
    why: (d) => `step ${JSON.stringify(d.key)} was begun, and the process died before its result was recorded`,
    fix: () => ["look at the far side with the step's effectKey", 'pass onDoubt: "retry" when doing it twice is harmless'],
  },
  FLOTILLA_STORE_LOCKED: {
    title: "Another process owns this database",
    retryable: true,
    why: (d) =>
      `${d.path} is open in ${d.pid === null ? "another process" : `process ${d.pid}`}; one process owns an SQLite file`,
    fix: () => ["talk to that process: flotilla runs ls", "or stop it, or use another file"],
  },
  FLOTILLA_LIFE_OVER: {
    title: "This orchestrator was taken for dead",
    retryable: true,
    why: () =>
      "it had not reached the database for longer than its lease, so others took back what it was running; it begins anew by itself",
    fix: () => [
      "ask again: a start with an idempotency key is never done twice",
      "if it comes back: look for a machine that stalls, or a network between orchestrator and database that drops connections",
    ],
  },
  FLOTILLA_STORE_UNUSABLE: {
    title: "The database cannot be used",
    retryable: false,
    why: (d) => `${d.path}: ${d.problem}`,
    fix: (d) => [d.fix],
  },
  FLOTILLA_STORE_NEWER: {
    title: "The database is newer than this version",
    retryable: false,
    why: (d) => `${d.path} has schema ${d.schema}, this version knows ${d.known}`,
    fix: () => ["install the version of flotilla that wrote it, or a newer one"],
  },
  FLOTILLA_STORE_FULL: {
    title: "The disk is full",
    retryable: true,
    why: (d) => `${d.path} could not be written; nothing of this batch was stored`,
    fix: () => ["free some space and call again"],
  },
  FLOTILLA_STORE_UNREACHABLE: {
    title: "The database does not answer",
    retryable: true,
    why: (d) => `${d.path}: ${d.problem}; nothing of what was asked is stored`,
    fix: () => [
      "nothing to do if it comes back: the same call is made again",
      "or see that the database is up and can be reached from here",
    ],
  },
  FLOTILLA_STILL_OPEN: {
    title: "The run is still open",
    retryable: false,
    why: (d) => `a task of ${d.run}, or a run that goes on from it, has not ended; only what is over is deleted`,
    fix: (d) => [`see what it does: flotilla runs get ${d.run}`, `or stop it first: flotilla runs cancel ${d.run}`],
  },
  FLOTILLA_DEFINITION_UNREADABLE: {
    title: "A definition file cannot be loaded",
    retryable: false,
    why: (d) => `${d.file}: ${d.problem}`,
    fix: (d) => [d.fix],
  },
  FLOTILLA_CLOSED: {
    title: "Closed",
    retryable: false,
    why: (d) => `${d.what} is closed`,
    fix: () => ["create a new one; close() last"],
  },
  FLOTILLA_UNREACHABLE: {
    title: "Nothing is running there",
    retryable: true,
    why: (d) => `no orchestrator answers at ${d.target}`,
    fix: (d) =>
      /^https?:/.test(d.target)
        ? [`see whether it is up: curl ${d.target}/readyz`, "check the URL, and what lies between here and there"]
        : ["start one: flotilla up", "or point --store at the file that it uses"],
  },
  FLOTILLA_UNEXPECTED_REPLY: {
    title: "Something else answers there",
    retryable: false,
    why: (d) => `${d.target} answered ${d.status}: ${d.problem}`,
    fix: (d) => unexpectedFix(d.status),
  },
  FLOTILLA_WORKER_LOST: {
    title: "The worker ended under the attempt",
    retryable: true,
    why: (d) => `${d.worker} ${d.how}`,
    fix: () => ["nothing to do unless it repeats: the task is tried again"],
  },
  FLOTILLA_PROTOCOL_VERSION: {
    title: "Worker and orchestrator speak different versions",
    retryable: false,
    why: (d) => `the worker speaks version ${d.worker} of the protocol, the orchestrator version ${d.orchestrator}`,
    fix: (d) => [
      d.worker < d.orchestrator
        ? "install the orchestrator's version of flotilla on the worker"
        : "upgrade the orchestrator first, then its workers",
    ],
  },
  FLOTILLA_MESSAGE_INVALID: {
    title: "A message does not follow the protocol",
    retryable: false,
    why: (d) => d.problem,
    fix: () => ["compare it with docs/reference/worker-protocol.md; nothing of it was taken"],
  },
  FLOTILLA_PLAN_INVALID: {
    title: "The plan cannot be run",
    retryable: false,
    why: (d) => moreOf(d.issues, (i) => `${[i.node, i.path].filter((part) => part !== "").join(" ") || "the plan"}: ${i.why}`),
    fix: (d) => [
      ...new Set(d.issues.slice(0, shownMax).map((i) => i.fix)),
      "details.issues has all of them, for whoever wrote the plan",
    ],
  },
  FLOTILLA_PLAN_FAILED: {
    title: "A node of the plan failed",
    retryable: false,
    why: (d) =>
      `${moreOf(d.failed, (f) => `${f.node} ended with ${f.code}: ${f.why}`)}; ${d.succeeded.length} succeeded, ${d.notRun.length} not run`,
    fix: () => [
      "write a plan with another node in its place, and keep what has succeeded: ctx.execute(next, { after: error })",
      "the cause below is the first failed node's error",
    ],
  },
  FLOTILLA_BULK_GREW: {
    title: "More fits than was counted",
    retryable: false,
    why: (d) =>
      `${d.expected.toLocaleString("en")} were to ${d.action}, and ${d.found.toLocaleString("en")} fit now; nothing was done`,
    fix: () => ["count again, and look at what is new", "name a time to close the set: startedBefore"],
  },
  FLOTILLA_UNAUTHENTICATED: {
    title: "Not let in",
    retryable: false,
    why: (d) => d.why,
    fix: () => [
      "send a token: the header Authorization: Bearer flt_...",
      "make one where the fleet runs: flotilla tokens create NAME --role submitter",
    ],
  },
  FLOTILLA_FORBIDDEN: {
    title: "Not allowed",
    retryable: false,
    why: (d) => `${d.what} needs ${d.needs}`,
    fix: () => ["ask whoever runs the fleet for a token that may: flotilla tokens create NAME --role ROLE --namespace NAMESPACE"],
  },
  FLOTILLA_RATE_LIMITED: {
    title: "Too many requests",
    retryable: true,
    why: (d) => d.what,
    fix: (d) => [
      `ask again in ${Math.ceil(d.retryAfterMs / 1_000)} s`,
      "start many runs in fewer requests, or raise server.requestsPerMinute",
    ],
  },
  FLOTILLA_SIGNATURE_INVALID: {
    title: "Not signed as it must be",
    retryable: false,
    // What it is of these is not said: whoever tries to forge one would learn from it.
    why: () => "there is no such hook, or its secret did not make this signature, or it was made too long ago",
    fix: () => [
      "compare the path with the names in the fleet's hooks, and the sender's secret with the hook's",
      "sign the bytes that are sent: a proxy that parses and writes the body anew breaks the signature",
      "set the clocks: the sender's and this machine's may differ by the hook's tolerance",
    ],
  },
  FLOTILLA_NOT_SUPPORTED: {
    title: "Not in this version",
    retryable: false,
    why: (d) => d.what,
    fix: (d) => [d.instead],
  },
};

function unexpectedFix(status: number): readonly string[] {
  if (status === 401) return ["pass a token that is valid: connect(url, { token }), or FLOTILLA_TOKEN for the command line"];
  if (status === 403) return ["use a token with a role that may do it", "or ask whoever runs what stands before the fleet"];
  if (status === 426) return ["install the version of flotilla that the fleet runs: GET /version tells which"];
  return ["name the URL that the fleet is served under, without /api/v1", "look at what stands between: a proxy, a login page"];
}

const shownMax = 3;

/** The first three in one line. */
function moreOf<T>(list: readonly T[], text: (one: T) => string): string {
  const shown = list.slice(0, shownMax).map(text).join("; ");
  return list.length > shownMax ? `${shown}; and ${list.length - shownMax} more` : shown;
}

/** The known name within two edits, if there is one. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  return known
    .filter((k) => Math.abs(k.length - name.length) <= 2)
    .map((k) => [k, distance(name, k)] as const)
    .filter(([, d]) => d <= 2)
    .toSorted((a, b) => a[1] - b[1])[0]?.[0];
}

/** Levenshtein distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(
        Math.min((row[j] as number) + 1, (next[j - 1] as number) + 1, (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)),
      );
    }
    row = next;
  }
  return row[b.length] as number;
}
