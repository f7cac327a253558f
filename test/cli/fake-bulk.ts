// What a bulk operation does, over the calls of a fake orchestrator: the latest runs first.
import { errorJson, FlotillaError } from "../../src/core/error.ts";
import type { BulkRequest, BulkView } from "../../src/protocol/bulk.ts";
import type { OrchestratorApi, RunView } from "../../src/protocol/views.ts";

type Writable<T> = { -readonly [K in keyof T]: T[K] };
type Api = Pick<OrchestratorApi, "runs" | "tasks" | "cancel" | "redrive" | "repair" | "purge">;

export async function* fakeBulk(api: Api, q: BulkRequest): AsyncGenerator<BulkView> {
  const { found, looked } = await find(api, q);
  const count = found.length;
  if (count > (q.expect ?? Infinity))
    throw new FlotillaError("FLOTILLA_BULK_GREW", { action: q.action, expected: q.expect ?? 0, found: count });
  const runs = new Set(found.map((f) => f.run)).size;
  const examples = found.slice(0, 5).map((f) => f.id);
  const refusals: BulkView["refusals"][number][] = [];
  const asOf = "2026-11-22T10:00:05.000Z";
  const view: Writable<BulkView> = {
    action: q.action,
    phase: "acting",
    looked,
    count,
    runs,
    examples,
    asOf,
    done: 0,
    refused: 0,
    refusals,
    started: [],
  };
  if (q.expect === undefined) return yield { ...view, phase: "done" };
  yield { ...view };
  const started: BulkView["started"][number][] = [];
  for (const { id } of found.slice(0, q.limit)) {
    try {
      const run = await act(api, q, id);
      if (run !== undefined) started.push({ of: id, run });
      view.done++;
    } catch (error) {
      view.refused++;
      refusals.push({ id, error: errorJson(error) });
    }
  }
  yield { ...view, started };
  yield { ...view, phase: "done" };
}

async function act(api: Api, q: BulkRequest, id: string): Promise<string | undefined> {
  if (q.action === "redrive") return (await api.redrive(id)).id;
  if (q.action === "repair") return (await api.repair(id)).id;
  await (q.action === "cancel" ? api.cancel(id, q.reason ?? "") : api.purge({ run: id }));
  return undefined;
}

async function find(api: Api, { action, where }: BulkRequest): Promise<{ found: { id: string; run: string }[]; looked: number }> {
  const all = (await api.runs({ limit: 500 })).items;
  const gone = new Set(all.filter((r) => r.origin?.how === action && r.status !== "canceled").map((r) => r.origin?.of));
  const runs = all.filter((r) => (where.run ?? r.id) === r.id && (where.tenant ?? r.tenant) === r.tenant);
  const found: { id: string; run: string }[] = [];
  for (const run of runs) {
    if (action === "redrive")
      for (const state of where.state ?? ["quarantined"])
        for (const { id } of (await api.tasks({ run: run.id, state, limit: 500, ...(where.name && { name: where.name }) })).items)
          found.push({ id, run: run.id });
    else if ((where.name ?? run.name) === run.name && fits(action, run)) found.push({ id: run.id, run: run.id });
  }
  return { found: found.filter((f) => !gone.has(f.id)), looked: all.length };
}

function fits(action: BulkRequest["action"], { status }: RunView): boolean {
  if (action === "cancel") return status === "running";
  return action === "purge" ? status !== "running" : status !== "running" && status !== "succeeded";
}
