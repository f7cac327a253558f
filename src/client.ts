// The door for programs that only talk to a fleet, in a browser too: it loads no runtime and no `node:` module.

export { connect } from "./client/connect.ts";
export { contract } from "./client/contract.ts";
export { message } from "./client/message.ts";
export { schedule } from "./client/schedule.ts";
export { isFlotillaError } from "./core/error.ts";

export type { Bulk, BulkExecution, BulkFilter, BulkOptions, BulkResult } from "./client/bulk.ts";
export type { Client } from "./client/client.ts";
export type { ConnectOptions, ConnectRetry, RemoteFleet } from "./client/connect.ts";
export type { FleetDefinition } from "./client/fleet-definition.ts";
export type { Queued, Run, RunOutcome } from "./client/run.ts";
export type { Schedule, ScheduleOptions } from "./client/schedule.ts";
export type { ClientSchedules } from "./client/schedules.ts";
export type { StartOptions } from "./client/start.ts";
export type { SqlTransaction } from "./core/transaction.ts";
export type { Contract } from "./core/definition.ts";
export type { Duration } from "./core/duration.ts";
export type { AnyFlotillaError as FlotillaError, ErrorCode, ErrorDetails, FlotillaErrorOf } from "./core/error.ts";
export type { Jsonify } from "./core/json.ts";
export type { Message } from "./core/message.ts";
export type { Gap, Settled } from "./core/settled.ts";
export type { RunEvent } from "./protocol/events.ts";
export type { ScheduleView } from "./protocol/schedules.ts";
