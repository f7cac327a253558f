import { FlotillaError } from "../../../core/error.ts";
import type { PurgeSlice, UpkeepStore } from "../../upkeep.ts";
import type { Statements } from "../statements.ts";
import { hasOpenChildren, isNeeded, jobOf, Removal, type Job } from "./remove.ts";

/** One slice of a purge, inside a transaction. @throws FLOTILLA_STILL_OPEN when one run is meant, and it is open. */
export function purgeSlice(sql: Statements, p: Parameters<UpkeepStore["purge"]>[0]): PurgeSlice {
  const removal = new Removal(sql, { now: 0, idempotencyForMs: 0, slice: p.slice });
  const walked = "run" in p.what ? purgeRun(removal, p.what.run) : purgeTenant(removal, p.what);
  const { runs, tasks, unused } = removal;
  return { runs, tasks, unused, ...walked };
}

type Walked = Pick<PurgeSlice, "open" | "after" | "more">;

function purgeRun(removal: Removal, run: number): Walked {
  const { sql } = removal;
  if (!jobOf(sql, run)?.deleting) {
    const open = new FlotillaError("FLOTILLA_STILL_OPEN", { run: String(run) });
    if (!sql.row("SELECT 1 FROM outcome WHERE task = ?", run) || hasOpenChildren(sql, run) || isNeeded(sql, run)) throw open;
    removal.begin(run, true);
  }
  const job = jobOf(sql, run);
  const state = job ? removal.goOn(job) : "done";
  if (state === "open") throw new FlotillaError("FLOTILLA_STILL_OPEN", { run: String(run) });
  return { open: 0, after: run, more: state === "later" };
}

function purgeTenant(
  removal: Removal,
  { namespace, tenant, after }: { namespace: number; tenant: string; after: number },
): Walked {
  const { sql } = removal;
  for (let job = nextPurge(sql); job; job = nextPurge(sql))
    if (removal.goOn(job) === "later") return { open: 0, after, more: true };
  // Roots first, then their tenant: no index of tenants is kept, and a page must end.
  const roots = sql.rows<{ id: number; tenant: string | null; closed: number }>(
    `SELECT t.id, t.tenant, EXISTS (SELECT 1 FROM outcome o WHERE o.task = t.id) AS closed FROM task t
     WHERE t.namespace = ? AND t.parent IS NULL AND t.id > ? ORDER BY t.id LIMIT ?`,
    namespace,
    after,
    Math.max(removal.left, 1),
  );
  let at = after;
  let open = 0;
  for (const root of roots) {
    if (removal.spent) return { open, after: at, more: true };
    at = root.id;
    if ((root.tenant ?? "default") !== tenant) continue;
    if (root.closed === 0 || hasOpenChildren(sql, root.id) || isNeeded(sql, root.id)) {
      open += 1;
      continue;
    }
    removal.begin(root.id, true);
    const job = jobOf(sql, root.id);
    if (job && removal.goOn(job) === "open") open += 1;
  }
  const more = roots.length > 0;
  if (!more) {
    const keys = sql.rows<{ task: number }>(
      `SELECT k.task FROM pruned_key k WHERE coalesce(k.tenant, 'default') = ?
         AND EXISTS (SELECT 1 FROM idempotency i WHERE i.task = k.task AND i.namespace = ?) LIMIT 500`,
      tenant,
      namespace,
    );
    removal.dropKeys(keys.map((k) => k.task));
    return { open, after: at, more: keys.length > 0 };
  }
  return { open, after: at, more };
}

function nextPurge(sql: Statements): Job | undefined {
  return sql.row("SELECT run, verified, deleting, purge FROM prune_job WHERE purge = 1 ORDER BY run LIMIT 1");
}
