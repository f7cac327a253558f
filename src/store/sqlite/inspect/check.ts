// What must hold in a store, looked at row by row. It reads one snapshot, so the fleet may work meanwhile; mending needs
// the store for itself.
import { createHash } from "node:crypto";
import { createReadStream, existsSync, rmSync, statSync } from "node:fs";
import { pipeline } from "node:stream/promises";
import { DatabaseSync } from "node:sqlite";
import { FlotillaError } from "../../../core/error.ts";
import type { CheckReport, Finding } from "../../check-report.ts";
import { storeFailure } from "../failure.ts";
import { lockDatabase } from "../lock.ts";
import { schemaKnown } from "../migrate.ts";
import { places } from "../places.ts";
import { ofRun, ofTask } from "../upkeep/belongings.ts";
import { artifactFiles } from "./status.ts";

/** A file that was put a moment ago may lack its row: that comes with the next commit. */
const youngMs = 600_000;
const examplesMax = 5;
/** SQLite's code for it. */
const corrupt = 11;

interface Query {
  readonly what: string;
  /** Gives one text a row. */
  readonly find: string;
  /** Deletes what was found. */
  readonly mend?: string;
}

const beingDeleted = "(SELECT run FROM prune_job)";

/** Rows whose task or run is not there. A run that is being deleted has lost its root first. */
const orphans: readonly Query[] = [
  ...unique([...ofTask.map((b) => b.table), ...places]).map((table) => ({ table, by: "task", of: "task" })),
  ...[...ofRun, { table: "artifact_use", by: "run" }].map(({ table, by }) => ({ table, by, of: "run" })),
].map(({ table, by, of }) => {
  const where = `FROM ${table} WHERE ${by} NOT IN ${beingDeleted} AND NOT EXISTS (SELECT 1 FROM task t WHERE t.id = ${table}.${by})`;
  return {
    what: `rows of ${table} without a ${of}`,
    find: `SELECT '${of} ' || ${by} AS text ${where}`,
    mend: `DELETE ${where}`,
  };
});

function unique(tables: readonly string[]): string[] {
  return [...new Set(tables)];
}

const inPlace = (table: string): string =>
  table === "ready"
    ? "EXISTS (SELECT 1 FROM ready p WHERE p.lane = t.lane AND p.prio = t.prio AND p.pass = t.pass AND p.task = t.id)"
    : `EXISTS (SELECT 1 FROM ${table} p WHERE p.task = t.id)`;
const everywhere = [...places, "outcome"];

const rules: readonly Query[] = [
  {
    what: "open tasks in no place: nothing will run them",
    find: `SELECT 'task ' || t.id AS text FROM task t WHERE NOT (${everywhere.map(inPlace).join(" OR ")})`,
  },
  {
    what: "tasks in two places",
    find: `SELECT 'task ' || task || ' in ' || group_concat(place) AS text
           FROM (${everywhere.map((table) => `SELECT DISTINCT task, '${table}' AS place FROM ${table}`).join(" UNION ALL ")})
           GROUP BY task HAVING count(*) > 1`,
  },
  {
    // Children of an execution before the last continueAs count no more.
    what: "gates whose count of open children or waits is not exact",
    find: `SELECT 'task ' || task || ': ' || remaining || '+' || waits || ' counted, ' || children || '+' || open || ' open' AS text FROM (
             SELECT g.task, g.remaining, g.waits, (SELECT count(*) FROM task c WHERE c.parent = g.task AND c.detached <> 1 AND c.act > g.base_act
               AND NOT EXISTS (SELECT 1 FROM outcome o WHERE o.task = c.id)) AS children,
             (SELECT count(*) FROM wait w WHERE w.task = g.task AND w.ended_at IS NULL) AS open FROM gate g)
           WHERE remaining <> children OR waits <> open`,
  },
  {
    what: "runs whose counts of tasks are not exact",
    find: `SELECT 'run ' || run || ': ' || total || ' counted, ' || there || ' there, ' || closed || ' counted as closed, ' || ended || ' closed' AS text
           FROM (SELECT s.run, s.total, s.succeeded + s.failed + s.canceled + s.quarantined AS closed, count(t.id) AS there, count(o.task) AS ended
             FROM run_stage s LEFT JOIN task t ON t.run = s.run AND t.parent IS NOT NULL AND t.definition = s.definition
             LEFT JOIN outcome o ON o.task = t.id WHERE s.run NOT IN ${beingDeleted} GROUP BY s.run, s.definition)
           WHERE total <> there OR closed <> ended`,
  },
  {
    what: "results that use an artifact without a row that says so: a prune would delete its file",
    find: `SELECT 'task ' || r.task AS text FROM (SELECT task, ref FROM outcome WHERE ref IS NOT NULL UNION ALL SELECT task, ref FROM step WHERE ref IS NOT NULL) r
           JOIN task t ON t.id = r.task WHERE NOT EXISTS (SELECT 1 FROM artifact_use u WHERE u.hash = r.ref AND u.run = t.run)`,
    mend: `INSERT OR IGNORE INTO artifact_use (hash, run) SELECT r.ref, t.run
           FROM (SELECT task, ref FROM outcome WHERE ref IS NOT NULL UNION ALL SELECT task, ref FROM step WHERE ref IS NOT NULL) r JOIN task t ON t.id = r.task`,
  },
];

/**
 * Looks at everything, and mends with `fix` what is safe to mend.
 * @throws FLOTILLA_STORE_UNUSABLE, FLOTILLA_STORE_NEWER; with `fix` FLOTILLA_STORE_LOCKED while a fleet has it open
 */
export async function checkStore(path: string, o: { readonly fix: boolean; readonly now: number }): Promise<CheckReport> {
  const lock = o.fix ? lockDatabase(path) : undefined;
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path, { readOnly: !o.fix, timeout: 5_000 });
    refuseSchema(db, path);
    // Broken pages first: on them nothing is mended, and what rows say means nothing.
    const damage = damageOf(db);
    if (damage.length > 0) return { path, findings: [found("damage in the file", damage)], looked: { tasks: 0, artifacts: 0 } };
    db.exec(o.fix ? "BEGIN IMMEDIATE" : "BEGIN");
    const findings = [...orphans, ...rules].flatMap((query) => lookFor(db as DatabaseSync, query, o.fix));
    const { n: tasks } = db.prepare("SELECT count(*) AS n FROM task").get() as { n: number };
    db.exec("COMMIT");
    const files = await checkArtifacts(db, `${path}.artifacts`, o);
    return { path, findings: [...findings, ...files.findings], looked: { tasks, artifacts: files.looked } };
  } catch (e) {
    throw storeFailure(e, path);
  } finally {
    db?.close();
    lock?.release();
  }
}

/** What integrity_check tells; of a page that makes no sense at all it only throws. */
function damageOf(db: DatabaseSync): string[] {
  try {
    const rows = db.prepare("PRAGMA integrity_check(20)").all() as { integrity_check: string }[];
    return rows.map((r) => r.integrity_check).filter((line) => line !== "ok");
  } catch (e) {
    if (((e as { errcode?: number }).errcode ?? 0) % 256 === corrupt) return [(e as Error).message];
    throw e;
  }
}

function refuseSchema(db: DatabaseSync, path: string): void {
  const { user_version: schema } = db.prepare("PRAGMA user_version").get() as { user_version: number };
  const known = schemaKnown();
  if (schema > known) throw new FlotillaError("FLOTILLA_STORE_NEWER", { path, schema, known });
  if (schema < known)
    throw new FlotillaError("FLOTILLA_STORE_UNUSABLE", {
      path,
      problem:
        schema === 0 ? "it is not a store of ours, or an empty one" : `its schema is ${schema}, this version checks ${known}`,
      fix: schema === 0 ? "name another file: --store sqlite:PATH" : "bring it up to date first: flotilla db migrate",
    });
}

function found(
  what: string,
  all: readonly string[],
  mend: { mendable: boolean; mended: boolean } = { mendable: false, mended: false },
): Finding {
  return { what, count: all.length, examples: all.slice(0, examplesMax), ...mend };
}

function lookFor(db: DatabaseSync, query: Query, fix: boolean): Finding[] {
  const rows = (db.prepare(query.find).all() as { text: string }[]).map((r) => r.text);
  if (rows.length === 0) return [];
  const { mend } = query;
  if (fix && mend !== undefined) db.exec(mend);
  return [found(query.what, rows, { mendable: mend !== undefined, mended: fix && mend !== undefined })];
}

async function checkArtifacts(
  db: DatabaseSync,
  folder: string,
  o: { readonly fix: boolean; readonly now: number },
): Promise<{ findings: Finding[]; looked: number }> {
  const used = db.prepare("SELECT DISTINCT hash FROM artifact_use ORDER BY hash");
  const stillUsed = db.prepare("SELECT 1 FROM artifact_use WHERE hash = ? LIMIT 1");
  const files = new Map(artifactFiles(folder).map((file) => [file.name, file.path]));
  const missing: string[] = [];
  const changed: string[] = [];
  let looked = 0;
  for (const { hash } of used.all() as { hash: string }[]) {
    looked += 1;
    const path = files.get(hash);
    const is = path === undefined ? undefined : await hashOf(path);
    // Looked up again, because a fleet that works may have deleted its run meanwhile.
    if (is !== hash && stillUsed.get(hash)) (is === undefined && !existsSync(path ?? "") ? missing : changed).push(hash);
  }
  const strays = [...files].filter(([name, path]) => {
    const stat = statSync(path, { throwIfNoEntry: false });
    return stat !== undefined && o.now - stat.mtimeMs > youngMs && !stillUsed.get(name);
  });
  if (o.fix) for (const [, path] of strays) rmSync(path, { force: true });
  const findings = [
    ...(missing.length > 0 ? [found("artifacts that are used and missing", missing)] : []),
    ...(changed.length > 0 ? [found("artifacts whose content is not what their name says", changed)] : []),
    ...(strays.length > 0
      ? [
          found(
            "files of artifacts that no run uses",
            strays.map(([name]) => name),
            { mendable: true, mended: o.fix },
          ),
        ]
      : []),
  ];
  return { findings, looked };
}

async function hashOf(path: string): Promise<string | undefined> {
  try {
    const hash = createHash("sha256");
    await pipeline(createReadStream(path), hash);
    return hash.digest("hex");
  } catch {
    return undefined;
  }
}
