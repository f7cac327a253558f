import { approve, getApproval, listApprovals, reject } from "./handlers/approvals.ts";
import { getDefinition, getHealth, getVersion, listWorkers, livez, readyz } from "./handlers/fleet.ts";
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
import { route } from "./route.ts";

export const routes = [
  route("POST", "/runs", startRun),
  route("GET", "/runs", listRuns),
  route("GET", "/runs/:id", getRun),
  route("GET", "/runs/:id/outcome", getOutcome),
  route("POST", "/runs/:id/cancel", cancelRun),
  route("POST", "/runs/:id/repair", repairRun),
  route("POST", "/runs/:id/messages", sendMessage),
  route("GET", "/runs/:id/query/:name", queryState),
  route("GET", "/runs/:id/events", streamEvents),
  route("GET", "/runs/:id/tasks", listTasks),
  route("GET", "/tasks/:id", getTask),
  route("GET", "/tasks/:id/explain", explainTask),
  route("GET", "/tasks/:id/plans", getPlans),
  route("POST", "/tasks/:id/fork", forkTask),
  route("POST", "/tasks/:id/redrive", redriveTask),
  route("GET", "/approvals", listApprovals),
  route("GET", "/approvals/:id", getApproval),
  route("POST", "/approvals/:id/approve", approve),
  route("POST", "/approvals/:id/reject", reject),
  route("GET", "/artifacts/:ref", getArtifact),
  route("GET", "/definitions/:name", getDefinition),
  route("GET", "/schedules", listSchedules),
  route("GET", "/schedules/:name", getSchedule),
  route("PUT", "/schedules/:name", putSchedule),
  route("DELETE", "/schedules/:name", deleteSchedule),
  route("POST", "/schedules/:name/pause", pauseSchedule),
  route("POST", "/schedules/:name/resume", resumeSchedule),
  route("POST", "/schedules/:name/trigger", triggerSchedule),
  route("POST", "/tokens", createToken),
  route("GET", "/tokens", listTokens),
  route("DELETE", "/tokens/:id", revokeToken),
  route("GET", "/workers", listWorkers),
  route("GET", "/health", getHealth),
  route("POST", "/purge", purge),
  route("POST", "/backup", backup),
];

/** Also served at the root, where load balancers and Kubernetes look for them. */
export const probes = [route("GET", "/livez", livez), route("GET", "/readyz", readyz), route("GET", "/version", getVersion)];
