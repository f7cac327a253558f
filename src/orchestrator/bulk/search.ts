// Finds what fits, a page of 500 rows at a time along the index of the roots: between two pages everybody else has a turn.
import { rootTaskId, runId } from "../../core/id.ts";
import type { BulkRequest } from "../../protocol/bulk.ts";
import type { RunRow } from "../../store/contract.ts";
import type { State } from "../state.ts";
import { errorFits, runFits, taskFits, type Where } from "./where.ts";

export interface Found {
  /** Public: of a run, or of a task to redrive. */
  readonly id: string;
  /** Internal id of the run. */
  readonly run: number;
}

/** What the walk has seen so far. */
export interface Search {
  looked: number;
  readonly found: Found[];
  /** How often each was gone on from, by public id: how many of these runs were not canceled, and how many in all. */
  readonly origins: Map<string, { standing: number; all: number }>;
}

export const pageRows = 500;

/** After each page it gives the turn to others and says how far it is. */
export async function* search(state: State, namespace: number, action: BulkRequest["action"], w: Where): AsyncGenerator<Search> {
  const seen: Search = { looked: 0, found: [], origins: new Map() };
  const again = action === "repair" || action === "redrive";
  for (let before: number | null = null; ;) {
    const rows: readonly RunRow[] = await state.store.runs.list({
      namespace,
      definition: null,
      status: null,
      before,
      limit: pageRows,
    });
    await state.definitions.know({ definitions: rows.map((r) => r.task.definition) });
    for (const row of rows) {
      seen.looked++;
      if (again && row.origin?.how === action) await noteOrigin(state, row, seen);
      if (!runFits(w, row)) continue;
      if (action === "redrive") yield* tasksOf(state, row, w, seen);
      else if (fitsItself(state, row, w)) seen.found.push({ id: publicRun(row), run: row.task.id });
    }
    yield seen;
    if (rows.length < pageRows) break;
    before = rows.at(-1)?.task.id ?? null;
    await new Promise<void>((resolve) => state.nextTurn(resolve));
  }
}

/** Those that nobody goes on from yet. One that was and was then canceled has not been seen to its end. */
export function leftOf(seen: Search): readonly Found[] {
  return seen.found.filter((f) => (seen.origins.get(f.id)?.standing ?? 0) === 0);
}

async function noteOrigin(state: State, row: RunRow, seen: Search): Promise<void> {
  const origin = row.origin as NonNullable<RunRow["origin"]>;
  const secret = await state.secretOf(origin.run);
  let id = runId(secret, origin.run);
  if (origin.how === "redrive") {
    const [task] = await state.store.tasks.get([origin.task]);
    if (!task) return;
    id = task.path === null ? rootTaskId(secret, origin.run) : `${rootTaskId(secret, origin.run)}.${task.path}`;
  }
  const { standing, all } = seen.origins.get(id) ?? { standing: 0, all: 0 };
  seen.origins.set(id, { standing: standing + (row.outcome?.status === "canceled" ? 0 : 1), all: all + 1 });
}

function fitsItself(state: State, row: RunRow, w: Where): boolean {
  return (w.name === null || state.definitions.byId(row.task.definition).name === w.name) && errorFits(w, row.outcome);
}

/** Tasks of one run. Its exact counts say whether there are any, so that most runs cost no further read. */
async function* tasksOf(state: State, row: RunRow, w: Where, seen: Search): AsyncGenerator<Search> {
  const wanted = row.stages.filter(
    (s) => (w.states.has("failed") && s.failed > 0) || (w.states.has("quarantined") && s.quarantined > 0),
  );
  // The counters do not count the root.
  const root = row.outcome !== null && taskFits(w, row.outcome);
  if (wanted.length === 0 && !root) return;
  await state.definitions.know({ definitions: [...wanted.map((s) => s.definition), row.task.definition] });
  const fits = (definition: number): boolean => w.name === null || state.definitions.byId(definition).name === w.name;
  const base = rootTaskId(row.task.secret ?? "", row.task.id);
  if (root && fits(row.task.definition)) seen.found.push({ id: base, run: row.task.id });
  const definitions = new Set(wanted.map((s) => s.definition).filter(fits));
  // Not filtered by the store: a page then reads 500 rows at most, however rare what fits is.
  for (let after: number | null = definitions.size === 0 ? null : 0; after !== null;) {
    const page = await state.store.tasks.list({ run: row.task.id, definition: null, state: null, after, limit: pageRows });
    for (const { task, where } of page.rows)
      if (task.path !== null && definitions.has(task.definition) && where?.in === "outcome" && taskFits(w, where.outcome))
        seen.found.push({ id: `${base}.${task.path}`, run: row.task.id });
    yield seen;
    after = page.next;
    await new Promise<void>((resolve) => state.nextTurn(resolve));
  }
}

function publicRun(row: RunRow): string {
  return runId(row.task.secret ?? "", row.task.id);
}
