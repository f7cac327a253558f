import { defaultNamespace } from "../../../core/namespace.ts";
import { outcomeCode } from "../../../core/task.ts";
import type { PruneSlice, UpkeepStore } from "../../upkeep.ts";
import type { Statements } from "../statements.ts";
import { hasOpenChildren, isNeeded, jobOf, nextJob, Removal } from "./remove.ts";

const succeeded: ReadonlySet<number> = new Set([outcomeCode("succeeded"), outcomeCode("partial")]);

interface Root {
  readonly id: number;
  readonly status: number | null;
  readonly finishedAt: number | null;
  readonly createdAt: number;
  /** It has more than its root: children, emits or spending. */
  readonly wide: number;
}

/** One slice of retention, inside a transaction. */
export function pruneSlice(sql: Statements, p: Parameters<UpkeepStore["prune"]>[0]): PruneSlice {
  const removal = new Removal(sql, p);
  goOnWithJobs(removal);
  if (!removal.spent) removal.expiredKeys();
  const looked = removal.spent ? { count: 0, more: true } : walk(removal, p);
  const { runs, tasks, unused } = removal;
  return { runs, tasks, unused, looked: looked.count, more: looked.more };
}

function goOnWithJobs(removal: Removal): void {
  while (!removal.spent) {
    const job = nextJob(removal.sql);
    if (!job || removal.goOn(job) === "later") return;
  }
}

/**
 * Looks at the next roots of a namespace after the cursor; at the end of those old enough, the walk goes on in the next
 * namespace, and after the last one back to the first.
 */
function walk(removal: Removal, p: Parameters<UpkeepStore["prune"]>[0]): { count: number; more: boolean } {
  const { sql } = removal;
  const newest = Math.max(p.succeededBefore ?? 0, p.failedBefore ?? 0);
  if (newest === 0) return { count: 0, more: false };
  const cursor = mark(sql, "retention_cursor") ?? 0;
  const namespace = mark(sql, "retention_namespace") ?? defaultNamespace.id;
  const page = removal.left;
  const roots = sql.rows<Root>(
    `SELECT t.id, o.status, o.finished_at AS finishedAt, t.created_at AS createdAt, EXISTS (SELECT 1 FROM run r WHERE r.id = t.id) OR EXISTS (SELECT 1 FROM origin g WHERE g.run = t.id) AS wide
     FROM task t LEFT JOIN outcome o ON o.task = t.id WHERE t.namespace = ? AND t.parent IS NULL AND t.id > ? ORDER BY t.id LIMIT ?`,
    namespace,
    cursor,
    page,
  );
  const singles: number[] = [];
  let at = cursor;
  for (const root of roots) {
    if (isDue(root, p) && !isNeeded(sql, root.id)) {
      if (root.wide === 0) singles.push(root.id);
      else if (!hasOpenChildren(sql, root.id)) {
        removal.begin(root.id, false);
        const job = jobOf(sql, root.id);
        if (job) removal.goOn(job);
      }
    }
    at = root.id;
    if (removal.left <= singles.length) break;
  }
  // Ids follow time. A clock that was wrong for a while leaves some that do not, so one young run ends nothing.
  const allYoung = roots.every((r) => r.createdAt >= newest);
  const more = roots.length === page && !allYoung;
  // What did not fit is met again: the cursor stays in front of it.
  if (!removal.singles(singles)) return { count: roots.length, more: true };
  const over = !more && at === (roots.at(-1)?.id ?? at);
  setMark(sql, "retention_cursor", over ? 0 : at);
  const next = over ? nextNamespace(sql, namespace) : undefined;
  if (over && (next ?? defaultNamespace.id) !== namespace) setMark(sql, "retention_namespace", next ?? defaultNamespace.id);
  // Spent: a wide run may have been begun and not ended.
  return { count: roots.length, more: !over || next !== undefined || removal.spent };
}

function nextNamespace(sql: Statements, after: number): number | undefined {
  return sql.row<{ id: number }>("SELECT id FROM namespace WHERE id > ? ORDER BY id LIMIT 1", after)?.id;
}

function mark(sql: Statements, name: string): number | undefined {
  return sql.row<{ value: number }>("SELECT value FROM upkeep WHERE name = ?", name)?.value;
}
function setMark(sql: Statements, name: string, value: number): void {
  sql.run(
    "INSERT INTO upkeep (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE value <> excluded.value",
    name,
    value,
  );
}

function isDue(root: Root, p: { readonly succeededBefore: number | null; readonly failedBefore: number | null }): boolean {
  if (root.status === null || root.finishedAt === null) return false;
  const before = succeeded.has(root.status) ? p.succeededBefore : p.failedBefore;
  return before !== null && root.finishedAt < before;
}
