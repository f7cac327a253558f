// The one door. Everything that a program needs comes from here, by name.

export { agent } from "./client/agent.ts";
export { workflow } from "./client/workflow.ts";
export { contract } from "./client/contract.ts";
export { message } from "./client/message.ts";
export { limit } from "./client/limit.ts";
export { schedule } from "./client/schedule.ts";
export { plan, parsePlan, planSchema } from "./client/plan.ts";
export { defineFleet } from "./client/fleet-definition.ts";
export { connect } from "./client/connect.ts";
export { script } from "./client/script.ts";
export { createFleet } from "./runtime/create-fleet.ts";
export { serveWorker } from "./runtime/serve-worker.ts";
export { openWorld } from "./runtime/open-world.ts";
export { isFlotillaError, RetryableError, TerminalError } from "./core/error.ts";

// Definitions
export type {
  Agent,
  AnyCallable,
  Callable,
  Contract,
  DeclaredOf,
  ErrorMap,
  ErrorsOf,
  OutOf,
  Placement,
  Resources,
  Settings,
  WireOf,
  Workflow,
} from "./core/definition.ts";
export type { Budget, BudgetView } from "./core/budget.ts";
export type { Duration, Percent, Percentile, Size } from "./core/duration.ts";
export type { Jsonify } from "./core/json.ts";
export type { Limit, Reservation } from "./core/limit.ts";
export type { Message } from "./core/message.ts";
export type { Retry } from "./core/retry.ts";

// Contexts
export type {
  AgentContext,
  Approval,
  BaseContext,
  CallOptions,
  Child,
  Fanout,
  Grant,
  Join,
  JoinOf,
  MapOptions,
  Ref,
  Usage,
  WorkflowContext,
} from "./core/context.ts";
export type {
  CallNode,
  ExecuteOptions,
  FailedNode,
  Late,
  MapNode,
  NodeOptions,
  NodeRef,
  Plan,
  PlanBuilder,
  PlanError,
  PlanIssue,
  PlanNode,
} from "./core/plan.ts";
export type { Gap, Item, Joined, Pending, Settled } from "./core/settled.ts";

// Errors
export type { AnyFlotillaError as FlotillaError, DeclaredError, ErrorCode, ErrorDetails, FlotillaErrorOf } from "./core/error.ts";

// Fleets and runs
export type { Bulk, BulkExecution, BulkFilter, BulkOptions, BulkResult } from "./client/bulk.ts";
export type { Client } from "./client/client.ts";
export type { ConnectOptions, ConnectRetry, RemoteFleet } from "./client/connect.ts";
export type { FleetConfig, FleetDefinition } from "./client/fleet-definition.ts";
export type { HmacScheme, HookConfig, WebhookConfig } from "./client/webhooks.ts";
export type { WebhookEvent } from "./core/webhook.ts";
export type { Queued, Run, RunOutcome } from "./client/run.ts";
export type { Schedule, ScheduleOptions } from "./client/schedule.ts";
export type { ClientSchedules } from "./client/schedules.ts";
export type { StartOptions } from "./client/start.ts";
export type { SqlTransaction } from "./core/transaction.ts";
export type { Fleet } from "./runtime/create-fleet.ts";
export type { RunOutcomeName as Outcome } from "./core/task.ts";
export type { RunEvent } from "./protocol/events.ts";
export type { ScheduleView } from "./protocol/schedules.ts";

// Tests
export type { Script, ScriptStep } from "./client/script.ts";
export type { World } from "./runtime/open-world.ts";
