import { FlotillaError } from "../core/error.ts";
import { defaultNamespace } from "../core/namespace.ts";
import { version } from "../core/version.ts";
import type { Explanation, OrchestratorApi } from "../protocol/views.ts";
import type { Whereabouts } from "../store/contract.ts";
import { getApproval, listApprovals } from "./approvals.ts";
import { explain } from "./explain.ts";
import { findTask } from "./lookup.ts";
import { getPlans } from "./plan-view.ts";
import { listWorkers } from "./roster.ts";
import { getDefinition, getRun, getTask, health, listRuns, listTasks } from "./queries.ts";
import type { State } from "./state.ts";

type Reads =
  | "approvals"
  | "approval"
  | "run"
  | "runs"
  | "task"
  | "tasks"
  | "plans"
  | "definition"
  | "workers"
  | "health"
  | "artifact";

/** What only looks: the same of a live orchestrator and of a store that nobody runs. */
export function answersOf(state: State): Pick<OrchestratorApi, Reads> {
  // Whoever holds the orchestrator itself reads every id; lists, which need one, are of the default namespace.
  const { id: namespace } = defaultNamespace;
  return {
    approvals: (q) => listApprovals(state, q, namespace),
    approval: (id) => getApproval(state, id),
    run: (id) => getRun(state, id),
    runs: (q) => listRuns(state, q, namespace),
    task: (id) => getTask(state, id),
    tasks: (q) => listTasks(state, q),
    plans: (id) => getPlans(state, id),
    definition: (name) => getDefinition(state, name, namespace),
    workers: () => listWorkers(state, null),
    health: () => health(state, version, null),
    artifact: (ref) => state.artifacts.get(ref),
  };
}

/** Why the task with that public id does not run, and where it is. @throws FLOTILLA_NOT_FOUND */
export async function explainTask(state: State, id: string): Promise<{ explanation: Explanation; where: Whereabouts }> {
  const task = await findTask(state, id);
  const where = await state.store.tasks.where(task.id);
  if (!where) throw new FlotillaError("FLOTILLA_NOT_FOUND", { what: "task", id });
  return { explanation: await explain(state, await state.publicId(task), task, where), where };
}
