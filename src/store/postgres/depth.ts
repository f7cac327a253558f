import type { Sql, Statement } from "./sql.ts";

/** Lanes of `lane_depth` that are none: they count what lies in no lane's queue. */
export const delayedLane = -1;
export const parkedLane = -2;
/** What ended lives have left. */
export const nobody = 0;

/**
 * Adds to what a life has put into lanes, less what it has taken out. In the order of the lanes: two transactions of one
 * life never wait for each other in a circle. null: nothing has changed.
 */
export function depthStatement(boot: number, changes: ReadonlyMap<number, number>): Statement | null {
  const lanes = [...changes].filter(([, by]) => by !== 0).toSorted(([a], [b]) => a - b);
  if (lanes.length === 0) return null;
  return {
    text: `INSERT INTO lane_depth (lane, boot, tasks) SELECT c.lane, $1, c.tasks FROM unnest($2::bigint[], $3::bigint[]) c(lane, tasks)
     ON CONFLICT (lane, boot) DO UPDATE SET tasks = lane_depth.tasks + excluded.tasks`,
    params: [boot, lanes.map(([lane]) => lane), lanes.map(([, by]) => by)],
  };
}

export async function addDepth(tx: Sql, boot: number, changes: ReadonlyMap<number, number>): Promise<void> {
  const statement = depthStatement(boot, changes);
  if (statement) await tx.run(statement.text, statement.params);
}

/** Both kinds of depth, as rows (lane, tasks, first, last); of a lane that is none without places. */
export const depthRows = `SELECT d.lane, d.tasks, p.first, p.last
  FROM (SELECT lane, sum(tasks)::bigint AS tasks FROM lane_depth GROUP BY lane HAVING sum(tasks) <> 0) d
  LEFT JOIN LATERAL (SELECT min(f.pass) AS first, max(l.pass) AS last FROM generate_series(0, 2) prio(n)
    LEFT JOIN LATERAL (SELECT pass FROM ready WHERE lane = d.lane AND prio = n ORDER BY pass, task LIMIT 1) f ON true
    LEFT JOIN LATERAL (SELECT pass FROM ready WHERE lane = d.lane AND prio = n ORDER BY pass DESC, task DESC LIMIT 1) l ON true
  ) p ON d.lane > 0`;

export interface RawDepth {
  readonly lane: number;
  readonly tasks: number;
  readonly first: number | null;
  readonly last: number | null;
}

/** How many of them lie in each lane. */
export function countByLane(rows: readonly { readonly lane: number }[]): Map<number, number> {
  const counts = new Map<number, number>();
  for (const { lane } of rows) counts.set(lane, (counts.get(lane) ?? 0) + 1);
  return counts;
}
