import type { OrchestratorApi, RunView, TaskView } from "../protocol/views.ts";

const pageSize = 500;

export interface Quarantined {
  readonly tasks: readonly TaskView[];
  /** There are more than were asked for. */
  readonly more: boolean;
}

/**
 * Quarantined tasks that were not redriven yet, those of the latest runs first. A redrive that was canceled does not
 * count: nobody has seen its end.
 */
export async function findQuarantined(
  api: OrchestratorApi,
  o: { readonly run: string | undefined; readonly name: string | undefined; readonly limit: number },
): Promise<Quarantined> {
  const tasks: TaskView[] = [];
  const redriven = new Set<string>();
  // The latest first: what redrives a task comes before the run of that task.
  for await (const run of allRuns(api)) {
    if (run.origin?.how === "redrive" && run.status !== "canceled") redriven.add(run.origin.of);
    if ((o.run !== undefined && run.id !== o.run) || !hasQuarantined(run)) continue;
    for await (const task of quarantinedOf(api, run.id, o.name)) {
      if (redriven.has(task.id)) continue;
      if (tasks.length === o.limit) return { tasks, more: true };
      tasks.push(task);
    }
    if (run.id === o.run) break;
  }
  return { tasks, more: false };
}

/** Its counters do not count its root. */
function hasQuarantined(run: RunView): boolean {
  return run.status === "quarantined" || run.stages.some((s) => s.quarantined > 0);
}

async function* allRuns(api: OrchestratorApi): AsyncGenerator<RunView> {
  for (let after: string | null | undefined; after !== null;) {
    const page = await api.runs({ limit: pageSize, ...(after !== undefined && { after }) });
    yield* page.items;
    after = page.next;
  }
}

async function* quarantinedOf(api: OrchestratorApi, run: string, name: string | undefined): AsyncGenerator<TaskView> {
  for (let after: string | null | undefined; after !== null;) {
    const page = await api.tasks({
      run,
      state: "quarantined",
      limit: pageSize,
      ...(name !== undefined && { name }),
      ...(after !== undefined && { after }),
    });
    yield* page.items;
    after = page.next;
  }
}
