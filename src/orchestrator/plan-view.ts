// The plans of a task as people see them: what was recorded when each began, with the states of its tasks.
import { childTaskId } from "../core/id.ts";
import { isMapNode, targetOf } from "../core/plan.ts";
import { needsOf, orderOf, type Needs } from "../core/plan-graph.ts";
import { planMessage, planNoteMessage, type PlanNote, type PlanPart, type RecordedNode } from "../core/plan-record.ts";
import { closedStates } from "../core/task.ts";
import type { PlanNodeView, PlanView } from "../protocol/views.ts";
import type { PlanTally, TaskRow } from "../store/contract.ts";
import { findTask } from "./lookup.ts";
import { liveState } from "./queries.ts";
import type { State } from "./state.ts";

/** Rows of the latest plans: a part holds up to 64 KiB of nodes, a note tells of one node. */
const partsMax = 64;
const notesMax = 2_000;

interface Recorded {
  readonly act: number;
  readonly result: string;
  readonly nodes: RecordedNode[];
  readonly notes: Map<string, PlanNote>;
  /** By node: what became of its tasks. */
  readonly tallies: ReadonlyMap<string, readonly PlanTally[]>;
}

export async function getPlans(state: State, id: string): Promise<readonly PlanView[]> {
  const task = await findTask(state, id);
  const plans = await recorded(state, task);
  if (plans.size === 0) return [];
  const over = (closedStates as readonly string[]).includes(liveState(state, task.id, await state.store.tasks.where(task.id)));
  const publicId = await state.publicId(task);
  const views: PlanView[] = [];
  for (const [scope, plan] of plans) {
    const reader = new PlanReader(state, task, publicId, plan, plans);
    views.push({ key: keyOf(scope), result: plan.result, nodes: await reader.nodes(over) });
  }
  return views;
}

/** By scope, such as `plan#2>`. */
async function recorded(state: State, task: TaskRow): Promise<Map<string, Recorded>> {
  const { plans } = state.store;
  const found = new Map<string, Recorded>();
  for (const { act, value } of await plans.rows({ task: task.id, name: planMessage, limit: partsMax })) {
    const part = JSON.parse(value) as PlanPart;
    // A first part begins anew: a workflow that continued as another execution uses its keys again.
    const known = part.part === 1 ? undefined : found.get(part.plan);
    if (known) known.nodes.push(...part.nodes);
    else {
      const tallies = Map.groupBy(await plans.tally({ parent: task.id, after: act, scope: part.plan }), (t) => t.node);
      found.set(part.plan, { act, result: part.result, nodes: [...part.nodes], notes: new Map(), tallies });
    }
  }
  if (found.size === 0) return found;
  for (const { act, value } of await plans.rows({ task: task.id, name: planNoteMessage, limit: notesMax })) {
    const note = JSON.parse(value) as PlanNote;
    const plan = found.get(note.plan);
    if (plan && plan.act < act) plan.notes.set(note.node, note);
  }
  return found;
}

function keyOf(scope: string): string {
  return scope.endsWith(">") ? scope.slice(0, -1) : scope;
}

const noTasks = { total: 0, succeeded: 0, failed: 0, open: 0 };

class PlanReader {
  readonly #state: State;
  readonly #task: TaskRow;
  readonly #publicId: string;
  readonly #plan: Recorded;
  readonly #plans: ReadonlyMap<string, Recorded>;
  readonly #needs: Needs;

  constructor(state: State, task: TaskRow, publicId: string, plan: Recorded, plans: ReadonlyMap<string, Recorded>) {
    this.#state = state;
    this.#task = task;
    this.#publicId = publicId;
    this.#plan = plan;
    this.#plans = plans;
    this.#needs = needsOf(plan.nodes);
  }

  async nodes(over: boolean): Promise<readonly PlanNodeView[]> {
    const byId = new Map(this.#plan.nodes.map((node) => [node.id, node]));
    const views = new Map<string, PlanNodeView>();
    // Needed nodes first: whether one can still run depends on them.
    for (const id of orderOf(this.#needs)) views.set(id, await this.#view(byId.get(id) as RecordedNode, views, over));
    return this.#plan.nodes.flatMap((node) => views.get(node.id) ?? []);
  }

  async #view(node: RecordedNode, others: ReadonlyMap<string, PlanNodeView>, over: boolean): Promise<PlanNodeView> {
    const note = this.#plan.notes.get(node.id);
    const kept = node.kept ?? note?.kept;
    const tallies = (kept === undefined ? this.#plan : this.#plans.get(kept))?.tallies.get(node.id) ?? [];
    const needs = this.#needs.get(node.id) ?? [];
    const view = {
      id: node.id,
      kind: isMapNode(node) ? ("map" as const) : ("call" as const),
      agent: targetOf(node),
      needs,
      note: node.note ?? null,
      task: isMapNode(node) || !tallies[0] ? null : childTaskId(this.#publicId, tallies[0].act),
      tasks: sum(tallies),
      keptFrom: kept === undefined ? null : keyOf(kept),
      error: note?.error ?? null,
    };
    if (kept !== undefined) return { ...view, state: "succeeded" };
    if (note) return { ...view, state: note.status };
    if (tallies.length > 0) return { ...view, state: isMapNode(node) ? mapState(view.tasks) : await this.#taskState(tallies[0]) };
    const blocked = needs.some((id) => dead.has(others.get(id)?.state ?? "pending"));
    return { ...view, state: over || blocked ? "not-run" : "pending" };
  }

  async #taskState(tally: PlanTally | undefined): Promise<PlanNodeView["state"]> {
    if (!tally) return "pending";
    const row = await this.#state.store.tasks.child({ parent: this.#task.id, act: tally.act });
    return row ? liveState(this.#state, row.id, await this.#state.store.tasks.where(row.id)) : "pending";
  }
}

const dead: ReadonlySet<string> = new Set(["failed", "canceled", "quarantined", "not-run"]);

function sum(tallies: readonly PlanTally[]): PlanNodeView["tasks"] {
  return tallies.reduce(
    (all, { status, tasks }) => ({
      total: all.total + tasks,
      succeeded: all.succeeded + (status === "succeeded" || status === "partial" ? tasks : 0),
      failed: all.failed + (status === null || status === "succeeded" || status === "partial" ? 0 : tasks),
      open: all.open + (status === null ? tasks : 0),
    }),
    noTasks,
  );
}

function mapState({ open, failed }: PlanNodeView["tasks"]): PlanNodeView["state"] {
  if (open > 0) return "running";
  return failed > 0 ? "failed" : "succeeded";
}
