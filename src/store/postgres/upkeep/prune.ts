import { outcomeCode } from "../../../core/task.ts";
import type { PruneSlice, UpkeepStore } from "../../upkeep.ts";
import { defaultNamespace } from "../../../core/namespace.ts";
import type { Sql } from "../sql.ts";
import { closedAmong, lockToDelete, nextJobs, Removal, type Job } from "./remove.ts";

const succeeded = [outcomeCode("succeeded"), outcomeCode("partial")];
/** Runs that are being deleted, looked at a slice. */
const jobsMax = 100;
/** Artifacts that lost their last use a while ago, a slice. */
const leftMax = 100;

interface Root {
  readonly id: number;
  readonly createdAt: number;
  readonly due: boolean;
  /** It has more than its root: children, emits or spending. */
  readonly wide: boolean;
}

/**
 * One slice of retention, inside a transaction. One life at a time: they would look at the same roots. What it means to
 * delete is found first, then all of it is locked in one statement, then it is judged by what is true by then.
 * @returns null when another life is at it.
 */
export async function pruneSlice(tx: Sql, p: Parameters<UpkeepStore["prune"]>[0], graceMs: number): Promise<PruneSlice | null> {
  const turn = await tx.row<{ mine: boolean }>(
    "SELECT pg_try_advisory_xact_lock(hashtextextended('flotilla prune ' || current_schema(), 0)) AS mine",
  );
  if (!turn?.mine) return null;
  const removal = new Removal(tx, p);
  const jobs = await nextJobs(tx, { purges: false, limit: jobsMax });
  const newest = Math.max(p.succeededBefore ?? 0, p.failedBefore ?? 0);
  const at = newest === 0 ? null : await readPlace(tx);
  const roots = at === null ? [] : await readRoots(tx, p, at);
  const candidates = roots.filter((r) => r.due).map((r) => r.id);
  await lockToDelete(tx, [...jobs.map((j) => j.run), ...candidates]);
  const closed = await closedAmong(tx, candidates);
  await goOnWithJobs(removal, jobs);
  if (!removal.spent) await removal.expiredKeys();
  const ended = { count: 0, more: removal.spent || jobs.length === jobsMax };
  const looked = ended.more || at === null ? ended : await walk(removal, { roots, closed, at, newest, page: p.slice });
  const late = await lateArtifacts(tx, graceMs);
  const { runs, tasks, unused } = removal;
  return {
    runs,
    tasks,
    unused: [...new Set([...unused, ...late])],
    looked: looked.count,
    more: looked.more || late.length === leftMax,
  };
}

/** How far the walk has come: behind that root of that namespace. */
interface Place {
  readonly namespace: number;
  readonly root: number;
}

async function readPlace(tx: Sql): Promise<Place> {
  const rows = await tx.rows<{ name: string; value: number }>("SELECT name, value FROM upkeep WHERE name LIKE 'retention%'");
  const mark = (name: string) => rows.find((r) => r.name === name)?.value;
  return { namespace: mark("retention_namespace") ?? defaultNamespace.id, root: mark("retention_cursor") ?? 0 };
}

async function writePlace(tx: Sql, { namespace, root }: Place): Promise<void> {
  await tx.run(
    `INSERT INTO upkeep (name, value) VALUES ('retention_cursor', $1), ('retention_namespace', $2)
     ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE upkeep.value <> excluded.value`,
    [root, namespace],
  );
}

function readRoots(tx: Sql, p: Parameters<UpkeepStore["prune"]>[0], at: Place): Promise<Root[]> {
  return tx.rows<Root>(
    `SELECT t.id, t.created_at AS "createdAt",
       coalesce(o.finished_at < CASE WHEN o.status = ANY($4::int[]) THEN $5::bigint ELSE $6::bigint END, false) AS due,
       EXISTS (SELECT 1 FROM run r WHERE r.id = t.id) OR EXISTS (SELECT 1 FROM origin g WHERE g.run = t.id) AS wide
     FROM task t LEFT JOIN outcome o ON o.task = t.id WHERE t.namespace = $1 AND t.parent IS NULL AND t.id > $2 ORDER BY t.id LIMIT $3`,
    [at.namespace, at.root, p.slice, succeeded, p.succeededBefore, p.failedBefore],
  );
}

async function goOnWithJobs(removal: Removal, jobs: readonly Job[]): Promise<void> {
  for (const job of jobs) {
    if (removal.spent) return;
    if ((await removal.goOn(job)) === "later") return;
  }
}

/**
 * Looks at the next roots of a namespace; at the end of those old enough, the walk goes on in the next namespace, and after the
 * last one back to the first.
 */
async function walk(
  removal: Removal,
  o: {
    readonly roots: readonly Root[];
    readonly closed: ReadonlySet<number>;
    readonly at: Place;
    readonly newest: number;
    readonly page: number;
  },
): Promise<{ count: number; more: boolean }> {
  const { roots, closed, newest, page } = o;
  const { namespace } = o.at;
  const singles: number[] = [];
  let at = o.at.root;
  for (const root of roots) {
    if (removal.left <= singles.length) break;
    if (root.due && closed.has(root.id)) {
      if (!root.wide) singles.push(root.id);
      else {
        await removal.begin(root.id, false);
        await removal.goOn({ run: root.id, verified: 0, deleting: 0, purge: 0 });
      }
    }
    at = root.id;
  }
  // Ids follow time, roughly: each life takes them from blocks of its own. One young run ends nothing.
  const allYoung = roots.every((r) => r.createdAt >= newest);
  const more = roots.length === page && !allYoung;
  // What did not fit is met again: the cursor stays in front of it.
  if (!(await removal.singles(singles))) return { count: roots.length, more: true };
  const over = !more && at === (roots.at(-1)?.id ?? at);
  const next = over
    ? await removal.sql.row<{ id: number }>("SELECT id FROM namespace WHERE id > $1 ORDER BY id LIMIT 1", [namespace])
    : undefined;
  await writePlace(removal.sql, over ? { namespace: next?.id ?? defaultNamespace.id, root: 0 } : { namespace, root: at });
  // Spent: a wide run may have been begun and not ended.
  return { count: roots.length, more: !over || next !== undefined || removal.spent };
}

/** Artifacts whose last use went so long ago that whoever put them since has said so. */
async function lateArtifacts(tx: Sql, graceMs: number): Promise<string[]> {
  const rows = await tx.rows<{ hash: string; used: boolean }>(
    `DELETE FROM artifact_left WHERE hash IN (SELECT hash FROM artifact_left WHERE at < clock_timestamp() - $1 * interval '1 ms' ORDER BY at LIMIT $2)
     RETURNING hash, EXISTS (SELECT 1 FROM artifact_use u WHERE u.hash = artifact_left.hash) AS used`,
    [graceMs, leftMax],
  );
  return rows.filter((r) => !r.used).map((r) => r.hash);
}
