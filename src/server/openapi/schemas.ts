// Every shape that goes in and out, by the name that the OpenAPI document gives it. What comes in is checked with these
// very schemas (requests.ts); what goes out is checked by the tests.
import { z } from "zod";
import { webhookEvents } from "../../core/webhook.ts";
import { missedPolicies, overlapPolicies } from "../../core/schedule.ts";
import { roles } from "../../core/role.ts";
import { closedStates, openStates, outcomeCodes, priorities } from "../../core/task.ts";
import { bulkActions } from "../../protocol/bulk.ts";
import { runStatuses } from "../../protocol/views.ts";
import {
  approvalsQuery,
  approveBody,
  backupBody,
  bulkBody,
  bulkCountBody,
  bulkPurgeBody,
  cancelBody,
  drainBody,
  emptyBody,
  eventsQuery,
  forkBody,
  messageBody,
  outcomeQuery,
  purgeBody,
  rejectBody,
  resumeBuildBody,
  runsQuery,
  scheduleBody,
  schedulesQuery,
  startBody,
  tasksQuery,
  tokenBody,
  tokensQuery,
  webhookCallsQuery,
} from "../requests.ts";

const id = z.string();
const at = z.iso.datetime();
const count = z.int().min(0);
const page = <T extends z.ZodType>(item: T) => z.object({ items: z.array(item), next: z.string().nullable() });

const error = z.object({
  code: z.string(),
  message: z.string(),
  title: z.string().optional(),
  where: z.string().optional(),
  why: z.string().optional(),
  fix: z.array(z.string()).optional(),
  doc: z.string().optional(),
  details: z.unknown().optional(),
  retryable: z.boolean().optional(),
  name: z.string().optional(),
  data: z.unknown().optional(),
  stack: z.string().optional(),
  cause: z.unknown().optional(),
});
const spent = z.object({ microUsd: count, inputTokens: count, outputTokens: count });
const gaps = z.object({ total: count, named: z.array(z.looseObject({})) });

const run = z.object({
  id,
  name: z.string(),
  status: z.enum(runStatuses),
  tenant: z.string(),
  tags: z.array(z.string()),
  origin: z.object({ how: z.enum(["repair", "fork", "redrive"]), of: id }).nullable(),
  createdAt: at,
  finishedAt: at.nullable(),
  deadlineAt: at.nullable(),
  ttlAt: at.nullable(),
  schedule: z.object({ name: z.string(), at: at.nullable() }).nullable(),
  tasks: z.object({ total: count, done: count, failed: count }),
  stages: z.array(
    z.object({
      stage: z.string(),
      total: count,
      running: count,
      succeeded: count,
      failed: count,
      canceled: count,
      quarantined: count,
      retried: count,
    }),
  ),
  error: error.nullable(),
  gaps,
  spent,
});

const state = z.enum([...openStates, ...closedStates]);
const taskFields = {
  id,
  runId: id,
  parentId: id.nullable(),
  key: z.string().nullable(),
  name: z.string(),
  kind: z.enum(["agent", "workflow"]),
  state,
  attempt: count,
  crashes: count,
  priority: z.enum(priorities),
  tenant: z.string(),
  worker: z.string().nullable(),
  createdAt: at,
  startedAt: at.nullable(),
  finishedAt: at.nullable(),
  waitMs: z.number().nullable(),
  runMs: z.number().nullable(),
  progress: z.object({ done: z.number().optional(), total: z.number().optional(), note: z.string().optional() }).nullable(),
  error: error.nullable(),
};
const task = z.object(taskFields);
const attempt = z.object({
  attempt: count,
  leaseNo: count,
  worker: z.string().nullable(),
  startedAt: at,
  endedAt: at.nullable(),
  outcome: z.string(),
  error: error.nullable(),
});
const taskDetail = z.object({
  ...taskFields,
  input: z.unknown(),
  output: z.unknown(),
  attempts: z.array(attempt),
  children: z.object({ total: count, unsettled: count }),
});

const planNode = z.object({
  id: z.string(),
  kind: z.enum(["call", "map"]),
  agent: z.string(),
  needs: z.array(z.string()),
  note: z.string().nullable(),
  state: z.string(),
  task: id.nullable(),
  tasks: z.object({ total: count, succeeded: count, failed: count, open: count }),
  keptFrom: z.string().nullable(),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
});

const approval = z.object({
  id,
  runId: id,
  taskId: id,
  title: z.string(),
  detail: z.string().nullable(),
  diff: z.string().nullable(),
  role: z.string().nullable(),
  value: z.unknown(),
  valueSchema: z.unknown(),
  askedAt: at,
  expiresAt: at.nullable(),
  onTimeout: z.enum(["reject", "approve"]),
  state: z.enum(["open", "approved", "rejected", "canceled"]),
});

const schedule = z.object({
  name: z.string(),
  target: z.string(),
  input: z.unknown(),
  cron: z.string().nullable(),
  everyMs: z.number().nullable(),
  timeZone: z.string().nullable(),
  tenant: z.string(),
  onMissed: z.enum(missedPolicies),
  overlap: z.enum(overlapPolicies),
  startAt: at.nullable(),
  endAt: at.nullable(),
  origin: z.enum(["code", "api"]),
  state: z.enum(["active", "paused", "ended"]),
  nextAt: at.nullable(),
  lastAt: at.nullable(),
  lastRun: id.nullable(),
  skipped: z.object({ fromAt: at, toAt: at, why: z.string() }).nullable(),
  createdAt: at,
  updatedAt: at,
});

const tokenFields = {
  id,
  name: z.string(),
  role: z.enum(roles),
  namespace: z.string(),
  createdAt: at,
  expiresAt: at.nullable(),
  revokedAt: at.nullable(),
  lastUsedAt: at.nullable(),
  state: z.enum(["active", "expired", "revoked"]),
};
const token = z.object(tokenFields);

const worker = z.object({
  id,
  name: z.string(),
  pid: z.int(),
  isolation: z.string(),
  state: z.enum(["idle", "busy", "draining", "unresponsive"]),
  slots: count,
  busy: count,
  offers: z.array(z.string()),
  definitions: z.array(z.string()),
  build: z.string(),
  joinedAt: at,
  tasks: z.array(z.object({ id, name: z.string(), forMs: z.number() })),
});

const health = z.looseObject({
  version: z.string(),
  pid: z.int(),
  node: z.string(),
  store: z.string(),
  schema: count,
  durability: z.enum(["power", "process"]),
  startedAt: at,
  workers: z.looseObject({ live: count, slots: count, busy: count }),
  queue: z.looseObject({
    ready: count,
    delayed: count.nullable(),
    running: count,
    parked: count.nullable(),
    oldestReadyMs: z.number().nullable(),
  }),
  storeFullAt: at.nullable(),
  builds: z.array(z.looseObject({ build: z.string(), workers: count, slots: count, newest: z.boolean(), draining: z.boolean() })),
  uncovered: z.array(z.string()),
});

const webhookCall = z.object({
  id,
  webhook: z.string(),
  event: z.enum(webhookEvents),
  runId: id,
  definition: z.string(),
  namespace: z.string(),
  state: z.enum(["waiting", "under way", "given up"]),
  at,
  tries: count,
  nextAt: at.nullable(),
  problem: z.string().nullable(),
});

export const schemas = {
  Anything: z.unknown(),
  ApprovalAnswered: z.object({ id, state: z.enum(["approved", "rejected"]) }),
  ApprovalPage: page(approval),
  ApprovalView: approval,
  ApprovalsQuery: approvalsQuery,
  ApproveBody: approveBody,
  BackupBody: backupBody,
  BackupReply: z.object({
    folder: z.string(),
    schema: count,
    bytes: count,
    artifacts: count,
    missing: z.array(z.string()),
  }),
  BulkBody: bulkBody,
  BulkCountBody: bulkCountBody,
  BulkPurgeBody: bulkPurgeBody,
  BulkView: z.object({
    action: z.enum(bulkActions),
    phase: z.enum(["counting", "acting", "done"]),
    looked: count,
    count,
    runs: count,
    examples: z.array(id),
    asOf: z.string(),
    done: count,
    refused: count,
    refusals: z.array(z.object({ id, error })),
    started: z.array(z.object({ of: id, run: id })),
  }),
  CancelBody: cancelBody,
  Canceling: z.object({ id, canceling: z.literal(true) }),
  DefinitionView: z.object({
    name: z.string(),
    kind: z.enum(["agent", "workflow", "contract"]),
    description: z.string(),
    inputSchema: z.unknown(),
  }),
  EmptyBody: emptyBody,
  Error: error,
  EventStream: z.string(),
  EventsQuery: eventsQuery,
  Explanation: z.object({
    task: id,
    state,
    reason: z.string().nullable(),
    detail: z.string(),
    fix: z.array(z.string()),
  }),
  ForkBody: forkBody,
  HookReply: z.object({ id, existing: z.boolean() }),
  DrainBody: drainBody,
  DrainReply: z.object({ workers: z.array(z.string()) }),
  BuildResumed: z.object({ build: z.string(), draining: z.literal(false) }),
  ResumeBuildBody: resumeBuildBody,
  HealthView: health,
  Live: z.object({ live: z.literal(true) }),
  MessageBody: messageBody,
  MessageStored: z.object({ id, message: z.string(), stored: z.literal(true) }),
  Metrics: z.string(),
  OutcomeQuery: outcomeQuery,
  OutcomeReply: z.object({
    status: z.enum(outcomeCodes),
    value: z.unknown(),
    error: error.nullable(),
    gaps: z.unknown().optional(),
  }),
  PlanViews: z.array(z.object({ key: z.string(), result: z.string(), nodes: z.array(planNode) })),
  PurgeBody: purgeBody,
  PurgeReply: z.object({ runs: count, tasks: count, open: count }),
  Readiness: z.object({ ready: z.boolean(), error: error.optional() }),
  RejectBody: rejectBody,
  RunPage: page(run),
  RunView: run,
  RunsQuery: runsQuery,
  ScheduleBody: scheduleBody,
  ScheduleDeleted: z.object({ name: z.string(), deleted: z.literal(true) }),
  SchedulePage: page(schedule),
  ScheduleView: schedule,
  SchedulesQuery: schedulesQuery,
  StartBody: startBody,
  StartReply: z.object({ id, existing: z.boolean(), depth: z.int(), pressure: z.enum(["none", "some", "high"]) }),
  StillRunning: z.object({ status: z.literal("running") }),
  TaskDetail: taskDetail,
  TaskPage: page(task),
  TasksQuery: tasksQuery,
  TokenBody: tokenBody,
  TokenCreated: z.object({ ...tokenFields, token: z.string() }),
  TokenPage: page(token),
  TokenRevoked: z.object({ id, revoked: z.literal(true) }),
  TokensQuery: tokensQuery,
  Version: z.object({ version: z.string(), api: z.string(), node: z.string(), schema: z.int() }),
  WebhookCallPage: page(webhookCall),
  WebhookCallView: webhookCall,
  WebhookCallsQuery: webhookCallsQuery,
  WorkerViews: z.array(worker),
} as const;

export type Schemas = typeof schemas;
