// Holds the history against the file: what was acknowledged, seen or done must agree with what is stored.
import type { DatabaseSync } from "node:sqlite";
import { parseRunId } from "../../../src/core/id.ts";
import { readOutcomes, type Outcomes } from "./at-rest.ts";
import type { Findings } from "./findings.ts";
import { wordFor, type Line } from "./history.ts";

/** Crashes of its own that quarantine a task. */
const crashesMost = 3;

/** What was acknowledged up to now is in the file. Holds at any moment after a crash. */
export function checkAcknowledged(
  lines: readonly Line[],
  file: DatabaseSync,
  findings: Findings,
  o: { /** From one orchestrator to another, with what runs. */ readonly leasesMove: boolean } = { leasesMove: false },
): void {
  const outcomes = readOutcomes(file);
  const isTask = file.prepare("SELECT 1 FROM task WHERE id = ? AND secret = ?");
  const isLease = file.prepare(
    `SELECT 1 FROM running WHERE task = ?1 AND top >= ?2 UNION ALL SELECT 1 FROM attempt WHERE task = ?1 AND lease_no = ?2
     UNION ALL SELECT 1 FROM outcome WHERE task = ?1 AND lease_no = ?2`,
  );
  // A parked workflow gave its lease back without an attempt's end: its number has gone on.
  const wasLease = file.prepare(
    `SELECT 1 FROM (SELECT task, lease_no FROM ready UNION ALL SELECT task, lease_no FROM delayed UNION ALL SELECT task, lease_no FROM held
     UNION ALL SELECT task, lease_no FROM parked UNION ALL SELECT task, top FROM running UNION ALL SELECT task, lease_no FROM outcome)
     WHERE task = ? AND lease_no >= ?`,
  );
  const runs = new Map<number, string>();
  for (const line of lines) {
    if (line.e === "submitted") {
      const id = parseRunId(line.run);
      if (!id || !isTask.get(id.root, id.secret)) findings.add("lost", `wave ${line.n}, run ${line.run}, was accepted`);
      const known = runs.get(line.n) ?? line.run;
      if (known !== line.run) findings.add("second", `wave ${line.n} was asked again with its key and became another run`);
      runs.set(line.n, known);
    } else if (line.e === "result") {
      const got = (line.value as { word?: string } | null)?.word;
      if (line.status === "succeeded" && got !== wordFor(line.n))
        findings.add("forgotten", `run ${line.run} ended with the word ${got}, which nobody sent`);
      const stored = outcomes.get(parseRunId(line.run)?.root ?? 0);
      if (!stored) findings.add("forgotten", `a client saw the end of run ${line.run}`);
      else if (line.status === "succeeded" && stored.value !== JSON.stringify(line.value))
        findings.add("second", `run ${line.run} ended otherwise than a client saw`);
    } else if (line.e === "assigned" || line.e === "swallowed") {
      if (!wasLease.get(line.task, line.leaseNo))
        findings.add("forgotten", `lease ${line.leaseNo} of task ${line.task} had reached a worker`);
    } else if (line.e === "begun") {
      // A lease that moved to another orchestrator with its attempt went on as a later number; its worker may not have heard.
      if (!(o.leasesMove ? wasLease : isLease).get(line.task, line.leaseNo))
        findings.add("forgotten", `task ${line.task} had begun under lease ${line.leaseNo}`);
    }
  }
}

/** Attempts, their effects and the outcomes. For the end, when nothing runs any more. */
export function checkEnd(lines: readonly Line[], file: DatabaseSync, findings: Findings): void {
  const outcomes = readOutcomes(file);
  const unfinished = file.prepare("SELECT t.id FROM task t LEFT JOIN outcome o ON o.task = t.id WHERE o.task IS NULL").all();
  for (const { id } of unfinished as { id: number }[]) findings.add("unfinished", `task ${id} has no outcome`);
  checkLeases(lines, outcomes, findings);
  checkEffects(lines, outcomes, findings);
  checkParents(file, outcomes, findings);
  checkStatuses(file, findings);
}

/** A lease is given once; none is given after the outcome; the outcome is of the newest. */
function checkLeases(lines: readonly Line[], outcomes: Outcomes, findings: Findings): void {
  const given = new Set<string>();
  const newest = new Map<number, number>();
  for (const line of lines) {
    if (line.e !== "assigned" && line.e !== "swallowed") continue;
    const name = `${line.task}:${line.leaseNo}`;
    if (given.has(name)) findings.add("fenced", `lease ${line.leaseNo} of task ${line.task} was given twice`);
    given.add(name);
    newest.set(line.task, Math.max(newest.get(line.task) ?? 0, line.leaseNo));
  }
  for (const [task, leaseNo] of newest) {
    const outcome = outcomes.get(task);
    if (outcome && leaseNo > outcome.leaseNo)
      findings.add("fenced", `task ${task} ended under lease ${outcome.leaseNo}, when ${leaseNo} had been given`);
  }
}

/** A result is that of the attempt whose lease the outcome names: never that of a fenced one. */
function checkEffects(lines: readonly Line[], outcomes: Outcomes, findings: Findings): void {
  const tokens = new Map<string, { readonly task: number; leaseNo: number }>();
  /** What an attempt's lease became when another orchestrator took it over. */
  const next = new Map<string, number>();
  const ended = new Set<string>();
  const agents = new Set<number>();
  for (const line of lines) {
    if (line.e === "begun") {
      tokens.set(line.token, { task: line.task, leaseNo: line.leaseNo });
      agents.add(line.task);
    } else if (line.e === "ended") ended.add(line.token);
    else if (line.e === "adopted") next.set(`${line.task}:${line.leaseNo}`, line.next);
  }
  const lastOf = (task: number, leaseNo: number): number => {
    const after = next.get(`${task}:${leaseNo}`);
    return after === undefined ? leaseNo : lastOf(task, after);
  };
  for (const of of tokens.values()) of.leaseNo = lastOf(of.task, of.leaseNo);
  for (const task of agents) {
    const outcome = outcomes.get(task);
    if (!outcome || outcome.value === null) continue;
    const { token } = JSON.parse(outcome.value) as { token: string };
    const by = tokens.get(token);
    if (by?.task !== task) findings.add("second", `the outcome of task ${task} is nobody's result`);
    else if (by.leaseNo !== outcome.leaseNo)
      findings.add("fenced", `task ${task} ended with the result of lease ${by.leaseNo}, not of ${outcome.leaseNo}`);
    else if (!ended.has(token)) findings.add("fenced", `the outcome of task ${task} is of an attempt that never ended`);
  }
}

/** What a parent got of its children is what is stored of them, each once. */
function checkParents(file: DatabaseSync, outcomes: Outcomes, findings: Findings): void {
  const children = file.prepare("SELECT id FROM task WHERE parent = ? ORDER BY act");
  const parents = file.prepare("SELECT t.id FROM task t JOIN definition d ON d.id = t.definition WHERE d.name = 'batch'").all();
  for (const { id } of parents as { id: number }[]) {
    const value = outcomes.get(id)?.value ?? null;
    if (value === null) continue;
    const got = (JSON.parse(value) as { parts: string[] }).parts;
    const stored = (children.all(id) as { id: number }[]).map((child) => {
      const of = outcomes.get(child.id)?.value ?? null;
      return of === null ? null : (JSON.parse(of) as { token: string }).token;
    });
    const same = got.length === stored.length && got.every((token, i) => stored[i] === null || stored[i] === token);
    if (!same) findings.add("gates", `task ${id} got other results than its children have`);
  }
}

/** Every task succeeded, but for one that workers died of three times. */
function checkStatuses(file: DatabaseSync, findings: Findings): void {
  const others = file.prepare("SELECT task, status, error FROM outcome WHERE status <> 0").all() as {
    task: number;
    status: number;
    error: string | null;
  }[];
  const crashes = file.prepare("SELECT count(*) AS n FROM attempt WHERE task = ? AND how = 'crashed'");
  for (const { task, error } of others) {
    const { code } = JSON.parse(error ?? "{}") as { code?: string };
    const { n } = crashes.get(task) as { n: number };
    if (code !== "FLOTILLA_QUARANTINED" || n + 1 < crashesMost)
      findings.add("unfinished", `task ${task} did not succeed: ${error ?? "no error"}`);
  }
}
