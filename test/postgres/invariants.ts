// What is true of the tables at every moment, whoever wrote them and whatever died meanwhile; asked of the tables themselves.
import { inSchema } from "./stores.ts";

const places = ["ready", "delayed", "held", "parked", "outcome"];
const everywhere = [...places, "running"].map((p) => `SELECT '${p}' AS place, task FROM ${p}`).join(" UNION ALL ");

const rules: readonly { readonly says: string; readonly finds: string }[] = [
  {
    says: "a task is in one place",
    finds: `SELECT t.id, array_agg(p.place) FROM task t LEFT JOIN (${everywhere}) p ON p.task = t.id GROUP BY t.id HAVING count(p.place) <> 1`,
  },
  {
    says: "what is in a place is a task",
    finds: `SELECT * FROM (${everywhere}) p WHERE NOT EXISTS (SELECT 1 FROM task t WHERE t.id = p.task)`,
  },
  {
    says: "a gate counts the children under way",
    finds: `SELECT g.task, g.remaining, c.n FROM gate g CROSS JOIN LATERAL (SELECT count(*) AS n FROM task t WHERE t.parent = g.task AND t.detached <> 1
        AND t.act > g.base_act AND NOT EXISTS (SELECT 1 FROM outcome o WHERE o.task = t.id)) c WHERE c.n <> g.remaining`,
  },
  {
    says: "a gate counts the open waits",
    finds:
      "SELECT g.task, g.waits FROM gate g WHERE g.waits <> (SELECT count(*) FROM wait w WHERE w.task = g.task AND w.ended_at IS NULL)",
  },
  {
    says: "parked is who has a parked gate",
    finds:
      "SELECT g.task, g.armed FROM gate g LEFT JOIN parked p ON p.task = g.task WHERE (g.armed = 2) <> (p.task IS NOT NULL) OR g.armed = 3",
  },
  {
    says: "idle is only who runs",
    finds: "SELECT g.task FROM gate g WHERE g.armed = 1 AND NOT EXISTS (SELECT 1 FROM running r WHERE r.task = g.task)",
  },
  {
    says: "each place in an order is given once, and none beyond the last",
    finds: `SELECT s.parent, s.seq, count(*), g.last_seq FROM (
        SELECT t.parent, o.seq FROM outcome o JOIN task t ON t.id = o.task WHERE o.seq IS NOT NULL
        UNION ALL SELECT task, seq FROM step WHERE seq IS NOT NULL UNION ALL SELECT task, seq FROM wait WHERE seq IS NOT NULL
        UNION ALL SELECT task, cancel_seq FROM gate WHERE cancel_seq IS NOT NULL) s LEFT JOIN gate g ON g.task = s.parent
      GROUP BY s.parent, s.seq, g.last_seq HAVING count(*) > 1 OR s.seq > g.last_seq`,
  },
  {
    says: "who has ended has nothing left",
    finds: `SELECT o.task FROM outcome o WHERE EXISTS (SELECT 1 FROM gate g WHERE g.task = o.task)
      OR EXISTS (SELECT 1 FROM wait w WHERE w.task = o.task AND w.ended_at IS NULL) OR EXISTS (SELECT 1 FROM expiry e WHERE e.task = o.task)`,
  },
  {
    says: "the events of a run are numbered without a gap",
    finds: `SELECT r.id, r.cursor, count(e.cursor), max(e.cursor) FROM run r LEFT JOIN event e ON e.run = r.id GROUP BY r.id, r.cursor
      HAVING count(e.cursor) <> r.cursor OR coalesce(max(e.cursor), 0) <> r.cursor`,
  },
  {
    says: "what settles is told once",
    finds: "SELECT task FROM event WHERE type = 1 GROUP BY task HAVING count(*) > 1",
  },
  {
    says: "stages count their tasks",
    finds: `SELECT * FROM (SELECT run, definition, count(*) AS n, count(o.task) AS settled FROM task t LEFT JOIN outcome o ON o.task = t.id
        WHERE t.parent IS NOT NULL GROUP BY run, definition) c FULL JOIN (SELECT run, definition, total, succeeded + failed + canceled + quarantined AS settled
        FROM run_stage WHERE total > 0) s USING (run, definition) WHERE c.n IS DISTINCT FROM s.total OR c.settled IS DISTINCT FROM s.settled`,
  },
  {
    says: "lanes are as deep as they are said to be",
    finds: `SELECT * FROM (SELECT lane, count(*) AS n FROM (SELECT lane FROM ready UNION ALL SELECT -1 FROM delayed UNION ALL SELECT -2 FROM parked) x GROUP BY lane) c
      FULL JOIN (SELECT lane, sum(tasks) AS said FROM lane_depth GROUP BY lane) d USING (lane) WHERE coalesce(n, 0) <> coalesce(said, 0)`,
  },
  {
    says: "who runs is held by a life, or by one that will be swept",
    finds:
      "SELECT task, orchestrator FROM running r WHERE NOT EXISTS (SELECT 1 FROM orchestrator o WHERE o.id = r.orchestrator) AND NOT EXISTS (SELECT 1 FROM swept s WHERE s.boot = r.orchestrator)",
  },
];

/** The first rule that the tables break, with the rows that break it. null: none. */
export async function brokenRule(url: string): Promise<string | null> {
  for (const { says, finds } of rules) {
    const rows = await inSchema(url, `SELECT * FROM (${finds}) found LIMIT 5`);
    if (rows.length > 0) return `${says}, but: ${JSON.stringify(rows)}`;
  }
  return null;
}
