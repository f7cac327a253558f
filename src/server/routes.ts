import { approve, getApproval, listApprovals, reject } from "./handlers/approvals.ts";
import { drainWorkers, resumeBuild } from "./handlers/builds.ts";
import { bulk, bulkCount, bulkPurge } from "./handlers/bulk.ts";
import { getDefinition, getHealth, getMetrics, getOpenApi, getVersion, listWorkers, livez, readyz } from "./handlers/fleet.ts";
import { forkTask, redriveTask, repairRun } from "./handlers/origin.ts";
import {
  cancelRun,
  getOutcome,
  getRun,
  listRuns,
  listTasks,
  queryState,
  sendMessage,
  startRun,
  streamEvents,
} from "./handlers/runs.ts";
import {
  deleteSchedule,
  getSchedule,
  listSchedules,
  pauseSchedule,
  putSchedule,
  resumeSchedule,
  triggerSchedule,
} from "./handlers/schedules.ts";
import { explainTask, getArtifact, getPlans, getTask } from "./handlers/tasks.ts";
import { createToken, listTokens, revokeToken } from "./handlers/tokens.ts";
import { backup, purge } from "./handlers/upkeep.ts";
import { receiveHook } from "./handlers/hooks.ts";
import { listWebhookCalls, retryWebhookCall } from "./handlers/webhooks.ts";
import { route, type Route } from "./route.ts";

/**
 * The one table of routes: what they do, who may (`least`), and what they take and give. The app, the OpenAPI document and
 * the tests of the roles are all made from it.
 */
export const routes: readonly Route[] = [
  route("POST", "/runs", startRun, {
    summary: "Start a run. The same idempotency key gives the same run.",
    least: "submitter",
    body: "StartBody",
    replies: { 200: "StartReply", 201: "StartReply" },
  }),
  route("GET", "/runs", listRuns, {
    summary: "List runs, the latest first.",
    least: "viewer",
    query: "RunsQuery",
    replies: { 200: "RunPage" },
  }),
  route("GET", "/runs/:id", getRun, {
    summary: "One run, with exact counts of its tasks.",
    least: "viewer",
    replies: { 200: "RunView" },
  }),
  route("GET", "/runs/:id/outcome", getOutcome, {
    summary: "Wait for the end of a run: 202 when it still goes on.",
    least: "viewer",
    query: "OutcomeQuery",
    replies: { 200: "OutcomeReply", 202: "StillRunning" },
  }),
  route("POST", "/runs/:id/cancel", cancelRun, {
    summary: "Cancel a run, or a task of one, and all below it.",
    least: "submitter",
    body: "CancelBody",
    replies: { 202: "Canceling" },
  }),
  route("POST", "/runs/:id/repair", repairRun, {
    summary: "A new run that does again what did not succeed.",
    least: "operator",
    body: "EmptyBody",
    replies: { 201: "StartReply" },
  }),
  route("POST", "/runs/:id/messages", sendMessage, {
    summary: "Send a message to a run or a task.",
    least: "submitter",
    body: "MessageBody",
    replies: { 202: "MessageStored" },
  }),
  route("GET", "/runs/:id/query/:name", queryState, {
    summary: "Ask the code of a workflow for its state.",
    least: "viewer",
    replies: { 200: "Anything" },
  }),
  route("GET", "/runs/:id/events", streamEvents, {
    summary: "Follow a run. Reconnect with Last-Event-ID.",
    least: "viewer",
    query: "EventsQuery",
    replies: { 200: "EventStream" },
    type: "text/event-stream",
  }),
  route("GET", "/runs/:id/tasks", listTasks, {
    summary: "List the tasks of a run.",
    least: "viewer",
    query: "TasksQuery",
    replies: { 200: "TaskPage" },
  }),
  route("GET", "/tasks/:id", getTask, {
    summary: "One task, with its attempts.",
    least: "viewer",
    replies: { 200: "TaskDetail" },
  }),
  route("GET", "/tasks/:id/explain", explainTask, {
    summary: "Why a task is not running.",
    least: "viewer",
    replies: { 200: "Explanation" },
  }),
  route("GET", "/tasks/:id/plans", getPlans, {
    summary: "The plans that a task executed.",
    least: "viewer",
    replies: { 200: "PlanViews" },
  }),
  route("POST", "/tasks/:id/fork", forkTask, {
    summary: "A new run that asks this task again with another input.",
    least: "operator",
    body: "ForkBody",
    replies: { 201: "StartReply" },
  }),
  route("POST", "/tasks/:id/redrive", redriveTask, {
    summary: "A failed or quarantined task once more, as a run of its own.",
    least: "operator",
    body: "EmptyBody",
    replies: { 201: "StartReply" },
  }),
  route("GET", "/approvals", listApprovals, {
    summary: "List open approvals, the oldest first.",
    least: "viewer",
    query: "ApprovalsQuery",
    replies: { 200: "ApprovalPage" },
  }),
  route("GET", "/approvals/:id", getApproval, { summary: "One approval.", least: "viewer", replies: { 200: "ApprovalView" } }),
  route("POST", "/approvals/:id/approve", approve, {
    summary: "Say yes. The first answer counts.",
    least: "operator",
    body: "ApproveBody",
    replies: { 200: "ApprovalAnswered" },
  }),
  route("POST", "/approvals/:id/reject", reject, {
    summary: "Say no, and why.",
    least: "operator",
    body: "RejectBody",
    replies: { 200: "ApprovalAnswered" },
  }),
  route("GET", "/artifacts/:ref", getArtifact, {
    summary: "The JSON text of an artifact.",
    least: "viewer",
    replies: { 200: "Anything" },
  }),
  route("GET", "/definitions/:name", getDefinition, {
    summary: "What may be started under a name, and with what input.",
    least: "viewer",
    replies: { 200: "DefinitionView" },
  }),
  route("GET", "/schedules", listSchedules, {
    summary: "List schedules by name.",
    least: "viewer",
    query: "SchedulesQuery",
    replies: { 200: "SchedulePage" },
  }),
  route("GET", "/schedules/:name", getSchedule, { summary: "One schedule.", least: "viewer", replies: { 200: "ScheduleView" } }),
  route("PUT", "/schedules/:name", putSchedule, {
    summary: "Put a schedule, or change it.",
    least: "operator",
    body: "ScheduleBody",
    replies: { 200: "ScheduleView" },
  }),
  route("DELETE", "/schedules/:name", deleteSchedule, {
    summary: "Delete a schedule.",
    least: "operator",
    replies: { 200: "ScheduleDeleted" },
  }),
  route("POST", "/schedules/:name/pause", pauseSchedule, {
    summary: "Stop it for a while.",
    least: "operator",
    replies: { 200: "ScheduleView" },
  }),
  route("POST", "/schedules/:name/resume", resumeSchedule, {
    summary: "Let it go on.",
    least: "operator",
    replies: { 200: "ScheduleView" },
  }),
  route("POST", "/schedules/:name/trigger", triggerSchedule, {
    summary: "Start its run now, besides its ticks.",
    least: "submitter",
    replies: { 201: "StartReply" },
  }),
  route("POST", "/tokens", createToken, {
    summary: "Make a token. It is shown this once.",
    least: "admin",
    body: "TokenBody",
    scope: "either",
    replies: { 201: "TokenCreated" },
  }),
  route("GET", "/tokens", listTokens, {
    summary: "List tokens, without the tokens themselves.",
    least: "admin",
    query: "TokensQuery",
    scope: "either",
    replies: { 200: "TokenPage" },
  }),
  route("DELETE", "/tokens/:id", revokeToken, {
    summary: "Revoke a token.",
    least: "admin",
    scope: "either",
    replies: { 200: "TokenRevoked" },
  }),
  route("POST", "/hooks/:name", receiveHook, {
    summary: "Start the run of a hook. The request is let in by its signature.",
    least: null,
    body: "Anything",
    replies: { 202: "HookReply" },
  }),
  route("GET", "/webhook-calls", listWebhookCalls, {
    summary: "What webhooks are not told yet, the oldest first.",
    least: "operator",
    query: "WebhookCallsQuery",
    scope: "either",
    replies: { 200: "WebhookCallPage" },
  }),
  route("POST", "/webhook-calls/:id/retry", retryWebhookCall, {
    summary: "Tell a webhook what was given up.",
    least: "operator",
    body: "EmptyBody",
    scope: "either",
    replies: { 202: "WebhookCallView" },
  }),
  route("GET", "/workers", listWorkers, {
    summary: "The live workers.",
    least: "viewer",
    scope: "either",
    replies: { 200: "WorkerViews" },
  }),
  route("POST", "/workers/drain", drainWorkers, {
    summary: "Let workers end what they have begun, and leave: all of a build, or one.",
    least: "operator",
    scope: "fleet",
    body: "DrainBody",
    replies: { 200: "DrainReply" },
  }),
  route("POST", "/workers/resume", resumeBuild, {
    summary: "Let a build that is being drained begin new tasks again.",
    least: "operator",
    scope: "fleet",
    body: "ResumeBuildBody",
    replies: { 200: "BuildResumed" },
  }),
  route("GET", "/openapi.json", getOpenApi, { summary: "This document.", least: null, replies: { 200: "Anything" } }),
  route("GET", "/health", getHealth, {
    summary: "How the fleet is.",
    least: "viewer",
    scope: "either",
    replies: { 200: "HealthView" },
  }),
  route("POST", "/purge", purge, {
    summary: "Delete closed runs now, with all that they hold.",
    least: "admin",
    body: "PurgeBody",
    replies: { 200: "PurgeReply" },
  }),
  route("POST", "/bulk/count", bulkCount, {
    summary: "Count what a bulk operation would be done to. Changes nothing.",
    least: "viewer",
    body: "BulkCountBody",
    replies: { 200: "BulkView" },
  }),
  route("POST", "/bulk", bulk, {
    summary: "Cancel, repair or redrive all that was counted, and tell how far it is; whoever hangs up stops it.",
    least: "operator",
    body: "BulkBody",
    replies: { 200: "EventStream" },
    type: "text/event-stream",
  }),
  route("POST", "/bulk/purge", bulkPurge, {
    summary: "Delete all closed runs that were counted, and tell how far it is; whoever hangs up stops it.",
    least: "admin",
    body: "BulkPurgeBody",
    replies: { 200: "EventStream" },
    type: "text/event-stream",
  }),
  route("POST", "/backup", backup, {
    summary: "Copy the store into a folder of the orchestrator's machine, while it works.",
    least: "admin",
    scope: "fleet",
    body: "BackupBody",
    replies: { 201: "BackupReply" },
  }),
];

/** Also served at the root, where load balancers, Kubernetes and Prometheus look for them. */
export const probes: readonly Route[] = [
  route("GET", "/livez", livez, { summary: "The process runs its loop.", least: null, replies: { 200: "Live" } }),
  route("GET", "/readyz", readyz, {
    summary: "The store answers: send it work.",
    least: null,
    replies: { 200: "Readiness", 503: "Readiness" },
  }),
  route("GET", "/version", getVersion, { summary: "What runs here.", least: null, replies: { 200: "Version" } }),
  route("GET", "/metrics", getMetrics, {
    summary: "Prometheus metrics of the whole fleet.",
    least: "viewer",
    scope: "fleet",
    replies: { 200: "Metrics" },
    type: "text/plain",
  }),
];
