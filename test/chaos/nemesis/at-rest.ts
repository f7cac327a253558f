// What must hold of a file whenever nobody has it open, in the middle of the work too.
import { copyFileSync, existsSync, rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { places as openPlaces } from "../../../src/store/sqlite/places.ts";
import type { Findings } from "./findings.ts";

export interface StoredOutcome {
  readonly task: number;
  readonly leaseNo: number;
  readonly status: number;
  readonly finishedAt: number;
  readonly value: string | null;
}
export type Outcomes = ReadonlyMap<number, StoredOutcome>;

/** Status is where the row is: a task lies in exactly one of these. */
const places = [...openPlaces, "outcome"];

/** Opens a copy, so that whoever comes next finds the file and its log as the dead process left them. */
export function openCopy(db: string): { readonly file: DatabaseSync } & Disposable {
  const copy = `${db}.copy`;
  for (const suffix of ["", "-wal", "-shm"]) rmSync(copy + suffix, { force: true });
  copyFileSync(db, copy);
  if (existsSync(`${db}-wal`)) copyFileSync(`${db}-wal`, `${copy}-wal`);
  const file = new DatabaseSync(copy);
  return {
    file,
    [Symbol.dispose]() {
      file.close();
      for (const suffix of ["", "-wal", "-shm"]) rmSync(copy + suffix, { force: true });
    },
  };
}

export function readOutcomes(file: DatabaseSync): Outcomes {
  const rows = file
    .prepare("SELECT task, lease_no AS leaseNo, status, finished_at AS finishedAt, value FROM outcome")
    .all() as never as StoredOutcome[];
  return new Map(rows.map((o) => [o.task, o]));
}

/** @param before outcomes that an earlier look found: they are immutable. */
export function checkAtRest(file: DatabaseSync, before: Outcomes, findings: Findings): void {
  const integrity = file.prepare("PRAGMA integrity_check").get() as { integrity_check: string };
  if (integrity.integrity_check !== "ok") findings.add("damaged", integrity.integrity_check);
  const ids = (sql: string) => (file.prepare(sql).all() as { id: number }[]).map((r) => r.id);

  const lying = `SELECT task, count(*) AS n FROM (${places
    .map((p) => `SELECT task FROM ${p}`)
    .join(" UNION ALL ")}) GROUP BY task`;
  for (const id of ids(`SELECT t.id FROM task t LEFT JOIN (${lying}) p ON p.task = t.id WHERE p.n IS NULL`))
    findings.add("lost", `task ${id} is nowhere`);
  for (const id of ids(`SELECT t.id FROM task t JOIN (${lying}) p ON p.task = t.id WHERE p.n > 1`))
    findings.add("second", `task ${id} is in more places than one`);
  for (const id of ids(`SELECT p.task AS id FROM (${lying}) p LEFT JOIN task t ON t.id = p.task WHERE t.id IS NULL`))
    findings.add("damaged", `task ${id} has a place and no row`);

  // `detached` 1: nobody waits for it. What a task asked before it continued counts for its gate no more.
  for (const id of ids(`SELECT g.task AS id FROM gate g WHERE g.remaining <> (SELECT count(*) FROM task c LEFT JOIN outcome o ON o.task = c.id
      WHERE c.parent = g.task AND c.act > g.base_act AND c.detached <> 1 AND o.task IS NULL)`))
    findings.add("gates", `the gate of task ${id} does not count its children that are under way`);
  for (const id of ids(`SELECT g.task AS id FROM gate g
      WHERE g.waits <> (SELECT count(*) FROM wait w WHERE w.task = g.task AND w.ended_at IS NULL)`))
    findings.add("gates", `the gate of task ${id} does not count its open waits`);
  for (const id of ids(`SELECT g.task AS id FROM gate g WHERE g.last_seq - g.base_seq <> (SELECT count(DISTINCT seq) FROM (
      SELECT o.seq FROM task c JOIN outcome o ON o.task = c.id WHERE c.parent = g.task
      UNION ALL SELECT s.seq FROM step s WHERE s.task = g.task
      UNION ALL SELECT w.seq FROM wait w WHERE w.task = g.task
      UNION ALL SELECT g.cancel_seq) WHERE seq > g.base_seq AND seq <= g.last_seq)`))
    findings.add("gates", `what settled below task ${id} has no gapless order`);
  for (const id of ids(
    "SELECT g.task AS id FROM gate g WHERE (g.armed = 2) <> EXISTS (SELECT 1 FROM parked p WHERE p.task = g.task)",
  ))
    findings.add("gates", `the gate of task ${id} does not know whether it is parked`);
  for (const id of ids(`SELECT c.id FROM task c JOIN outcome po ON po.task = c.parent LEFT JOIN outcome o ON o.task = c.id
      LEFT JOIN gate g ON g.task = c.id WHERE c.detached <> 1 AND o.task IS NULL AND g.cancel_seq IS NULL
      AND NOT EXISTS (SELECT 1 FROM cancel_job j WHERE j.task = c.parent AND j.after_act < c.act AND c.act <= coalesce(j.upto, c.act))`))
    findings.add("gates", `task ${id} goes on after its parent has ended, and no cancel is on its way to it`);

  for (const id of ids(
    "SELECT o.task AS id FROM outcome o WHERE o.lease_no < (SELECT max(a.lease_no) FROM attempt a WHERE a.task = o.task)",
  ))
    findings.add("fenced", `the outcome of task ${id} is of an older lease than the last`);
  // A cancel closes queued tasks too, and names the last lease that they had.
  for (const id of ids(
    "SELECT o.task AS id FROM outcome o JOIN attempt a ON a.task = o.task AND a.lease_no = o.lease_no WHERE o.status <> 2",
  ))
    findings.add("fenced", `the outcome of task ${id} is of an attempt that had ended before`);

  const now = readOutcomes(file);
  for (const [task, was] of before) {
    const is = now.get(task);
    if (!is) findings.add("forgotten", `the outcome of task ${task} was there before`);
    else if (is.leaseNo !== was.leaseNo || is.finishedAt !== was.finishedAt || is.value !== was.value)
      findings.add("second", `the outcome of task ${task} has changed`);
  }
}
