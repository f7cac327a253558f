// What must hold in a store, looked at row by row. It reads one instant, so the fleet may work meanwhile; mending needs the
// store for itself.
import { createHash } from "node:crypto";
import { FlotillaError } from "../../../core/error.ts";
import type { CheckReport, Finding } from "../../check-report.ts";
import { delayedLane, nobody, parkedLane } from "../depth.ts";
import { places } from "../places.ts";
import { resolveSettings, type PostgresOptions, type Settings } from "../settings.ts";
import type { Sql } from "../sql.ts";
import { ofRun, ofTask } from "../upkeep/belongings.ts";
import { artifactGraceMs } from "../upkeep/open.ts";
import { inSnapshot, noTables } from "./session.ts";

const examplesMax = 5;

interface Query {
  readonly what: string;
  /** Gives one text a row. */
  readonly find: string;
  /** Mends what was found. */
  readonly mend?: string;
}

const beingDeleted = "(SELECT run FROM prune_job)";

/** Rows whose task or run is not there. A run that is being deleted has lost its root first. */
const orphans: readonly Query[] = [
  ...[...new Set([...ofTask.map((b) => b.table), ...places])].map((table) => ({ table, by: "task", of: "task" })),
  ...[...ofRun, { table: "artifact_use", by: "run" }].map(({ table, by }) => ({ table, by, of: "run" })),
].map(({ table, by, of }) => {
  const where = `FROM ${table} WHERE ${by} NOT IN ${beingDeleted} AND NOT EXISTS (SELECT 1 FROM task t WHERE t.id = ${table}.${by})`;
  return {
    what: `rows of ${table} without a ${of}`,
    find: `SELECT '${of} ' || ${by} AS text ${where}`,
    mend: `DELETE ${where}`,
  };
});

const inPlace = (table: string): string =>
  table === "ready"
    ? "EXISTS (SELECT 1 FROM ready p WHERE p.lane = t.lane AND p.prio = t.prio AND p.pass = t.pass AND p.task = t.id)"
    : `EXISTS (SELECT 1 FROM ${table} p WHERE p.task = t.id)`;
const everywhere = [...places, "outcome"];

/** Depth as it is, by lane. */
const depthNow = `SELECT lane, count(*) AS tasks FROM ready GROUP BY lane
  UNION ALL SELECT ${delayedLane}, count(*) FROM delayed HAVING count(*) > 0
  UNION ALL SELECT ${parkedLane}, count(*) FROM parked HAVING count(*) > 0`;

const refs = `(SELECT task, ref FROM outcome WHERE ref IS NOT NULL UNION ALL SELECT task, ref FROM step WHERE ref IS NOT NULL)`;
const grace = `clock_timestamp() - interval '${artifactGraceMs} ms'`;

const rules: readonly Query[] = [
  {
    what: "open tasks in no place: nothing will run them",
    find: `SELECT 'task ' || t.id AS text FROM task t WHERE NOT (${everywhere.map(inPlace).join(" OR ")})`,
  },
  {
    what: "tasks in two places",
    find: `SELECT 'task ' || task || ' in ' || string_agg(place, ',') AS text
           FROM (${everywhere.map((table) => `SELECT DISTINCT task, '${table}' AS place FROM ${table}`).join(" UNION ALL ")}) p
           GROUP BY task HAVING count(*) > 1`,
  },
  {
    what: "attempts of a life that never was, or is over and not to be swept: nobody ends them",
    find: `SELECT 'task ' || r.task || ' of life ' || r.orchestrator AS text FROM running r
           WHERE NOT EXISTS (SELECT 1 FROM orchestrator o WHERE o.id = r.orchestrator) AND NOT EXISTS (SELECT 1 FROM swept s WHERE s.boot = r.orchestrator)`,
    mend: `INSERT INTO swept (boot, at) SELECT DISTINCT r.orchestrator, (extract(epoch FROM clock_timestamp()) * 1000)::bigint FROM running r
           WHERE NOT EXISTS (SELECT 1 FROM orchestrator o WHERE o.id = r.orchestrator) ON CONFLICT DO NOTHING`,
  },
  {
    what: "lease numbers above the highest of their task",
    find: "SELECT 'task ' || task || ': lease ' || lease_no || ', highest ' || top AS text FROM running WHERE lease_no > top",
  },
  {
    // Children of an execution before the last continueAs count no more.
    what: "gates whose count of open children or waits is not exact",
    find: `SELECT 'task ' || task || ': ' || remaining || '+' || waits || ' counted, ' || children || '+' || open || ' open' AS text FROM (
             SELECT g.task, g.remaining, g.waits, (SELECT count(*) FROM task c WHERE c.parent = g.task AND c.detached <> 1 AND c.act > g.base_act
               AND NOT EXISTS (SELECT 1 FROM outcome o WHERE o.task = c.id)) AS children,
             (SELECT count(*) FROM wait w WHERE w.task = g.task AND w.ended_at IS NULL) AS open FROM gate g) g
           WHERE remaining <> children OR waits <> open`,
  },
  {
    what: "runs whose counts of tasks are not exact",
    find: `SELECT 'run ' || run || ': ' || total || ' counted, ' || there || ' there, ' || closed || ' counted as closed, ' || ended || ' closed' AS text
           FROM (SELECT s.run, s.total, s.succeeded + s.failed + s.canceled + s.quarantined AS closed, count(t.id) AS there, count(o.task) AS ended
             FROM run_stage s LEFT JOIN task t ON t.run = s.run AND t.parent IS NOT NULL AND t.definition = s.definition
             LEFT JOIN outcome o ON o.task = t.id WHERE s.run NOT IN ${beingDeleted} GROUP BY s.run, s.definition) c
           WHERE total <> there OR closed <> ended`,
  },
  {
    what: "lanes whose depth is not exact",
    find: `SELECT 'lane ' || coalesce(c.lane, n.lane) || ': ' || coalesce(c.tasks, 0) || ' counted, ' || coalesce(n.tasks, 0) || ' there' AS text
           FROM (SELECT lane, sum(tasks) AS tasks FROM lane_depth GROUP BY lane HAVING sum(tasks) <> 0) c
           FULL JOIN (${depthNow}) n ON n.lane = c.lane WHERE coalesce(c.tasks, 0) <> coalesce(n.tasks, 0)`,
    mend: `WITH now AS (${depthNow}), counted AS (SELECT lane, sum(tasks) AS tasks FROM lane_depth GROUP BY lane)
           INSERT INTO lane_depth (lane, boot, tasks) SELECT coalesce(c.lane, n.lane), ${nobody}, (coalesce(n.tasks, 0) - coalesce(c.tasks, 0))::bigint
             FROM counted c FULL JOIN now n ON n.lane = c.lane WHERE coalesce(n.tasks, 0) <> coalesce(c.tasks, 0)
           ON CONFLICT (lane, boot) DO UPDATE SET tasks = lane_depth.tasks + excluded.tasks`,
  },
  {
    what: "results that use an artifact without a row that says so: a prune would delete it",
    find: `SELECT 'task ' || r.task AS text FROM ${refs} r
           JOIN task t ON t.id = r.task WHERE NOT EXISTS (SELECT 1 FROM artifact_use u WHERE u.hash = r.ref AND u.run = t.run)`,
    mend: `INSERT INTO artifact_use (hash, run) SELECT r.ref, t.run FROM ${refs} r JOIN task t ON t.id = r.task ON CONFLICT DO NOTHING`,
  },
  {
    what: "artifacts that are used and missing",
    find: "SELECT DISTINCT hash AS text FROM artifact_use u WHERE NOT EXISTS (SELECT 1 FROM artifact a WHERE a.hash = u.hash)",
  },
  {
    what: "artifacts that no run uses",
    find: `SELECT hash AS text FROM artifact a WHERE at < ${grace} AND NOT EXISTS (SELECT 1 FROM artifact_use u WHERE u.hash = a.hash)
           AND NOT EXISTS (SELECT 1 FROM artifact_left l WHERE l.hash = a.hash)`,
    mend: `DELETE FROM artifact a WHERE at < ${grace} AND NOT EXISTS (SELECT 1 FROM artifact_use u WHERE u.hash = a.hash)`,
  },
  {
    what: "chunks of no artifact",
    find: "SELECT DISTINCT hash AS text FROM artifact_chunk c WHERE NOT EXISTS (SELECT 1 FROM artifact a WHERE a.hash = c.hash)",
    mend: "DELETE FROM artifact_chunk c WHERE NOT EXISTS (SELECT 1 FROM artifact a WHERE a.hash = c.hash)",
  },
];

/**
 * Looks at everything, and mends with `fix` what is safe to mend.
 * @throws FLOTILLA_STORE_UNUSABLE, FLOTILLA_STORE_NEWER, FLOTILLA_STORE_UNREACHABLE; with `fix` FLOTILLA_STORE_LOCKED while
 * an orchestrator goes on
 */
export async function checkPostgres(o: PostgresOptions, { fix }: { readonly fix: boolean }): Promise<CheckReport> {
  const s = resolveSettings(o);
  return await inSnapshot(s, { write: fix }, async ({ sql, applied, known, pending }) => {
    if (applied === null) throw noTables(s);
    if (pending.length > 0)
      throw new FlotillaError("FLOTILLA_STORE_UNUSABLE", {
        path: s.shown,
        problem: `its schema is ${applied.length}, this version checks ${known}`,
        fix: "bring it up to date first: flotilla db migrate",
      });
    if (fix) await holdAlone(sql, s);
    const findings: Finding[] = [];
    for (const query of [...orphans, ...rules]) findings.push(...(await lookFor(sql, query, fix)));
    const changed = await changedArtifacts(sql);
    if (changed.damaged.length > 0) findings.push(found("artifacts whose content is not what their name says", changed.damaged));
    const tasks = (await sql.row<{ n: number }>("SELECT count(*) AS n FROM task"))?.n ?? 0;
    return { path: s.shown, findings, looked: { tasks, artifacts: changed.looked } };
  });
}

/** No life goes on, and none begins before the end of this transaction. */
async function holdAlone(sql: Sql, s: Settings): Promise<void> {
  await sql.run("LOCK TABLE orchestrator IN SHARE ROW EXCLUSIVE MODE");
  const life = await sql.row<{ pid: number }>("SELECT pid FROM orchestrator WHERE expires_at > clock_timestamp() LIMIT 1");
  if (life) throw new FlotillaError("FLOTILLA_STORE_LOCKED", { path: s.shown, pid: life.pid });
}

function found(what: string, all: readonly string[], mend = { mendable: false, mended: false }): Finding {
  return { what, count: all.length, examples: all.slice(0, examplesMax), ...mend };
}

async function lookFor(sql: Sql, { what, find, mend }: Query, fix: boolean): Promise<Finding[]> {
  const rows = (await sql.rows<{ text: string }>(find)).map((r) => r.text);
  if (rows.length === 0) return [];
  if (fix && mend !== undefined) await sql.run(mend);
  return [found(what, rows, { mendable: mend !== undefined, mended: fix && mend !== undefined })];
}

/** Every byte is read, one chunk in memory at a time. */
async function changedArtifacts(sql: Sql): Promise<{ readonly damaged: readonly string[]; readonly looked: number }> {
  const damaged: string[] = [];
  const hashes = (await sql.rows<{ hash: string }>("SELECT hash FROM artifact ORDER BY hash")).map((r) => r.hash);
  for (const name of hashes) {
    const content = createHash("sha256");
    const chunks = await sql.rows<{ n: number }>("SELECT n FROM artifact_chunk WHERE hash = $1 ORDER BY n", [name]);
    for (const { n } of chunks) {
      const chunk = await sql.row<{ bytes: Buffer }>("SELECT bytes FROM artifact_chunk WHERE hash = $1 AND n = $2", [name, n]);
      content.update(chunk?.bytes ?? "");
    }
    if (content.digest("hex") !== name) damaged.push(name);
  }
  return { damaged, looked: hashes.length };
}
