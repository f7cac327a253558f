import { FlotillaError } from "../core/error.ts";
import { parseId, type ParsedId } from "../core/id.ts";
import type { TaskRow } from "../store/contract.ts";
import type { State } from "./state.ts";

/** The row behind a public id; a run's id means its root task. undefined: there is none, or its secret is wrong. */
export async function tryFindTask(state: State, id: string): Promise<TaskRow | undefined> {
  const parsed = parseId(id);
  return parsed && (await walk(state, parsed));
}

/** @throws FLOTILLA_NOT_FOUND */
export async function findTask(state: State, id: string): Promise<TaskRow> {
  const task = await tryFindTask(state, id);
  if (!task) throw new FlotillaError("FLOTILLA_NOT_FOUND", { what: id.startsWith("t_") ? "task" : "run", id });
  return task;
}

/** The root task of a run's id. @throws FLOTILLA_NOT_FOUND */
export async function findRun(state: State, id: string): Promise<TaskRow & { secret: string }> {
  const task = await findTask(state, id);
  if (task.parent !== null || task.secret === null) throw new FlotillaError("FLOTILLA_NOT_FOUND", { what: "run", id });
  return task as TaskRow & { secret: string };
}

async function walk(state: State, id: ParsedId): Promise<TaskRow | undefined> {
  const [root] = await state.store.tasks.get([id.root]);
  if (!root || root.secret !== id.secret) return undefined;
  const found = await descend(state, root, id);
  if (found) await state.definitions.know({ definitions: [found.definition], lanes: [found.lane] });
  return found;
}

async function descend(state: State, root: TaskRow, id: ParsedId): Promise<TaskRow | undefined> {
  let task: TaskRow = root;
  for (const act of id.path) {
    const child = await state.store.tasks.child({ parent: task.id, act });
    if (!child) return undefined;
    task = child;
  }
  return task;
}
