import { bounds } from "../../core/bounds.ts";
import { FlotillaError, isFlotillaError } from "../../core/error.ts";
import { runId } from "../../core/id.ts";
import type { PurgeReply, PurgeRequest } from "../../protocol/views.ts";
import type { PurgeSlice } from "../../store/upkeep.ts";
import { findRun } from "../lookup.ts";
import type { State } from "../state.ts";
import { restMs, sliceRows } from "./retention.ts";

/** Deletes what a person names, now. @throws FLOTILLA_STILL_OPEN, FLOTILLA_NOT_FOUND, FLOTILLA_CONFIG_INVALID */
export async function purge(state: State, q: PurgeRequest, namespace: number): Promise<PurgeReply> {
  const reply =
    "run" in q && q.run !== undefined ? await purgeRun(state, q.run) : await purgeTenant(state, namespace, tenantOf(q));
  if (reply.runs > 0 && !(await state.store.upkeep.emptyLog()))
    state.log("warn", "a reader of the store keeps its log: what was purged is in it until the log is next emptied", {});
  state.log("info", "purged", { ...reply });
  return reply;
}

function tenantOf(q: PurgeRequest): string {
  if (typeof q.tenant === "string" && q.tenant.length > 0 && q.tenant.length <= bounds.tenantLength) return q.tenant;
  throw new FlotillaError("FLOTILLA_CONFIG_INVALID", {
    field: "purge",
    problem: "it names neither a run nor a tenant",
    fix: 'pass { run: "r_..." } or { tenant: "acme" }',
  });
}

/** Deletes those that are closed, one after the other. `told` hears of each, with the error of one that was left. */
export async function purgeRuns(state: State, ids: readonly string[], told: (id: string, error: unknown) => void): Promise<void> {
  let runs = 0;
  for (const id of ids) {
    try {
      runs += (await purgeRun(state, id)).runs;
      told(id, undefined);
    } catch (error) {
      told(id, error);
    }
  }
  // Once for all of them: the log is emptied by copying it into the file.
  if (runs > 0 && !(await state.store.upkeep.emptyLog()))
    state.log("warn", "a reader of the store keeps its log: what was purged is in it until the log is next emptied", {});
}

async function purgeRun(state: State, id: string): Promise<PurgeReply> {
  const root = await findRun(state, id);
  try {
    return await slices(state, () => ({ run: root.id }));
  } catch (e) {
    // The store knows numbers; people know ids.
    if (isFlotillaError(e, "FLOTILLA_STILL_OPEN"))
      throw new FlotillaError("FLOTILLA_STILL_OPEN", { run: runId(root.secret ?? "", root.id) });
    throw e;
  }
}

const purgeTenant = (state: State, namespace: number, tenant: string) => slices(state, (after) => ({ namespace, tenant, after }));

async function slices(
  state: State,
  next: (after: number) => Parameters<State["store"]["upkeep"]["purge"]>[0]["what"],
): Promise<PurgeReply> {
  const sum = { runs: 0, tasks: 0, open: 0 };
  let after = 0;
  for (;;) {
    const slice: PurgeSlice = await state.store.upkeep.purge({ boot: state.boot, what: next(after), slice: sliceRows });
    sum.runs += slice.runs;
    sum.tasks += slice.tasks;
    sum.open += slice.open;
    after = slice.after;
    await state.artifacts.sweep(state.store, slice.unused);
    if (!slice.more) return sum;
    await new Promise<void>((resolve) => state.clock.after(slice.tasks > 0 ? restMs : 0, resolve));
  }
}
