import type { Look, SharedStore } from "../../shared.ts";
import { agenda, type Agenda } from "../boot.ts";
import { delayedLane, depthRows, parkedLane, type RawDepth } from "../depth.ts";
import { noticesOf, readNotices, type RawNotice } from "../notices.ts";
import type { Sql } from "../sql.ts";

interface Raw extends Agenda {
  readonly catalogue: number;
  readonly depth: readonly RawDepth[];
  readonly notices: readonly RawNotice[];
  readonly moved: readonly number[];
  readonly outbox: boolean;
}

// One statement, and in it nothing but walks along an index: an idle orchestrator asks it four times a second. What notices
// are about is a second one, for those who have some.
const statement = `SELECT (SELECT value FROM upkeep WHERE name = 'catalogue') AS catalogue,
  (SELECT coalesce(json_agg(d), '[]') FROM (${depthRows}) d) AS depth,
  (SELECT coalesce(json_agg(n ORDER BY n.id), '[]') FROM (${noticesOf}) n) AS notices,
  (SELECT coalesce(json_agg(w.id), '[]') FROM unnest($3::bigint[], $4::bigint[]) w(id, cursor)
     WHERE (SELECT r.cursor FROM run r WHERE r.id = w.id) > w.cursor OR (SELECT true FROM outcome o WHERE o.task = w.id)
       OR (SELECT true FROM task t WHERE t.id = w.id) IS NULL) AS moved,
  (SELECT task FROM outbox ORDER BY task LIMIT 1) IS NOT NULL AS outbox, ${agenda}`;

export async function look(sql: Sql, p: Parameters<SharedStore["look"]>[0]): Promise<Look> {
  const { depth, notices, ...raw } = (await sql.row<Raw>(statement, [
    p.boot,
    p.limit,
    p.runs.map((r) => r.id),
    p.runs.map((r) => r.cursor),
  ])) as Raw;
  const { notices: read, gone } = await readNotices(sql, notices);
  // Rare: what they were about was begun anew or deleted. Left there, they would fill every look.
  if (gone.length > 0) await dropNotices(sql, p.boot, gone);
  const tasksOf = (lane: number) => depth.find((d) => d.lane === lane)?.tasks ?? 0;
  return {
    ...raw,
    depth: new Map(
      depth.filter((d) => d.lane > 0).map((d) => [d.lane, { ready: d.tasks, firstPass: d.first ?? 0, lastPass: d.last ?? 0 }]),
    ),
    delayed: tasksOf(delayedLane),
    parked: tasksOf(parkedLane),
    notices: read,
    moreNotices: notices.length === p.limit,
  };
}

export async function dropNotices(sql: Sql, boot: number, ids: readonly number[]): Promise<void> {
  if (ids.length > 0) await sql.run("DELETE FROM notice WHERE boot = $1 AND id = ANY($2::bigint[])", [boot, ids]);
}
