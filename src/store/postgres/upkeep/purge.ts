import { FlotillaError } from "../../../core/error.ts";
import type { PurgeSlice, UpkeepStore } from "../../upkeep.ts";
import type { Sql } from "../sql.ts";
import { closedAmong, jobOf, lockToDelete, nextJobs, Removal } from "./remove.ts";

/** Roots of a tenant that one transaction locks. */
const rootsMax = 100;
/** Keys that have outlived their runs, a slice. */
const keysMax = 500;

/** One slice of a purge, inside a transaction. @throws FLOTILLA_STILL_OPEN when one run is meant, and it is open. */
export async function purgeSlice(tx: Sql, p: Parameters<UpkeepStore["purge"]>[0]): Promise<PurgeSlice> {
  const removal = new Removal(tx, { now: 0, idempotencyForMs: 0, slice: p.slice });
  const walked = "run" in p.what ? await purgeRun(removal, p.what.run) : await purgeTenant(removal, p.what);
  const { runs, tasks, unused } = removal;
  return { runs, tasks, unused, ...walked };
}

type Walked = Pick<PurgeSlice, "open" | "after" | "more">;

async function purgeRun(removal: Removal, run: number): Promise<Walked> {
  const { sql } = removal;
  await lockToDelete(sql, [run]);
  const stillOpen = () => new FlotillaError("FLOTILLA_STILL_OPEN", { run: String(run) });
  if (!(await jobOf(sql, run))?.deleting) {
    if (!(await closedAmong(sql, [run])).has(run)) throw stillOpen();
    await removal.begin(run, true);
  }
  const job = await jobOf(sql, run);
  const state = job ? await removal.goOn(job) : "done";
  if (state === "open") throw stillOpen();
  return { open: 0, after: run, more: state === "later" };
}

async function purgeTenant(
  removal: Removal,
  { namespace, tenant, after }: { readonly namespace: number; readonly tenant: string; readonly after: number },
): Promise<Walked> {
  const { sql } = removal;
  const jobs = await nextJobs(sql, { purges: true, limit: rootsMax });
  // Roots first, then their tenant: no index of tenants is kept, and a page must end.
  const roots = await sql.rows<{ id: number; tenant: string | null }>(
    `SELECT t.id, t.tenant FROM task t WHERE t.namespace = $1 AND t.parent IS NULL AND t.id > $2 ORDER BY t.id LIMIT $3`,
    [namespace, after, Math.max(removal.left, 1)],
  );
  const meant = roots.filter((root) => (root.tenant ?? "default") === tenant).slice(0, rootsMax);
  await lockToDelete(sql, [...jobs.map((j) => j.run), ...meant.map((root) => root.id)]);
  for (const job of jobs) if ((await removal.goOn(job)) === "later") return { open: 0, after, more: true };
  if (jobs.length === rootsMax) return { open: 0, after, more: true };
  const closed = await closedAmong(
    sql,
    meant.map((root) => root.id),
  );
  const locked = new Set(meant.map((root) => root.id));
  let at = after;
  let open = 0;
  for (const root of roots) {
    const mine = (root.tenant ?? "default") === tenant;
    if (removal.spent || (mine && !locked.has(root.id))) return { open, after: at, more: true };
    at = root.id;
    if (!mine) continue;
    if (!closed.has(root.id)) {
      open += 1;
      continue;
    }
    await removal.begin(root.id, true);
    const job = await jobOf(sql, root.id);
    if (job && (await removal.goOn(job)) === "open") open += 1;
  }
  if (roots.length > 0) return { open, after: at, more: true };
  const keys = await sql.rows<{ task: number }>(
    `SELECT k.task FROM pruned_key k WHERE coalesce(k.tenant, 'default') = $1
       AND EXISTS (SELECT 1 FROM idempotency i WHERE i.task = k.task AND i.namespace = $2) LIMIT $3`,
    [tenant, namespace, keysMax],
  );
  await removal.dropKeys(keys.map((k) => k.task));
  return { open, after: at, more: keys.length > 0 };
}
