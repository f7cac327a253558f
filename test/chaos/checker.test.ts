// Is the checker awake? The evidence of a real, sound run is falsified in one place at a time, and each must be found.
import { closeSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createRandom } from "../../src/core/random.ts";
import { checkAtRest, openCopy, readOutcomes, type Outcomes } from "./nemesis/at-rest.ts";
import { Battle } from "./nemesis/battle.ts";
import { checkAcknowledged, checkEnd } from "./nemesis/check.ts";
import { Findings, promises, type Promised } from "./nemesis/findings.ts";
import type { Line } from "./nemesis/history.ts";
import { takeBackCommit, tears, tearTail } from "./nemesis/wal.ts";

/** What a run left at one moment. */
interface Evidence {
  readonly db: string;
  readonly lines: readonly Line[];
}
let folder: string;
/** Just after a kill -9 of the fleet, in the middle of the work. */
let middle: Evidence;
/** When all had ended. */
let end: Evidence;
let copies = 0;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "flotilla-checker-"));
  mkdirSync(join(folder, "run"));
  await using battle = new Battle({ folder: join(folder, "run"), seed: 1, random: createRandom(1), say: () => {} });
  const take = (): Evidence => ({ db: copyOf(battle.db), lines: [...battle.tail.lines] });
  await battle.begin();
  // Ends of runs that a client saw, and attempts that were fenced: a second lease of a task whose first one goes on.
  const fenced = () => fencedResult(battle.tail.lines) !== undefined;
  const seen = () => battle.tail.lines.some((l) => l.e === "result");
  if (!(await battle.tail.until(() => fenced() && seen(), 60_000))) throw new Error("nothing was fenced, or no run has ended");
  await battle.killFleet("fleet process killed", null);
  middle = take();
  await battle.begin();
  await battle.finish();
  end = take();
  if (battle.findings.lines.length > 0) throw new Error(battle.findings.lines.join("\n"));
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function copyOf(db: string): string {
  const copy = join(folder, `${++copies}.db`);
  for (const suffix of ["", "-wal"]) if (existsSync(db + suffix)) copyFileSync(db + suffix, copy + suffix);
  return copy;
}

/** The result that an attempt reached after its task had been given to another. */
function fencedResult(lines: readonly Line[]): { readonly task: number; readonly token: string } | undefined {
  const ended = lines.filter((l): l is Extract<Line, { e: "begun" | "ended" }> => l.e === "ended");
  const late = ended.find((l) => ended.some((other) => other.task === l.task && other.leaseNo > l.leaseNo));
  return late && { task: late.task, token: late.token };
}

interface Falsified {
  readonly from?: "middle";
  readonly sql?: (file: DatabaseSync) => void;
  readonly lines?: (lines: readonly Line[]) => readonly Line[];
  readonly file?: (db: string) => void;
  readonly before?: (now: Outcomes) => Outcomes;
}

function findingsOf(f: Falsified): Findings {
  const evidence = f.from === "middle" ? middle : end;
  const db = copyOf(evidence.db);
  f.file?.(db);
  if (f.sql) {
    const file = new DatabaseSync(db);
    f.sql(file);
    file.close();
  }
  const lines = f.lines?.(evidence.lines) ?? evidence.lines;
  const found = new Findings();
  using copy = openCopy(db);
  checkAtRest(copy.file, f.before?.(readOutcomes(copy.file)) ?? new Map(), found);
  checkAcknowledged(lines, copy.file, found);
  if (f.from !== "middle") checkEnd(lines, copy.file, found);
  return found;
}

/** The n-th line of a kind once more, or changed. */
const repeated = (e: Line["e"]) => (lines: readonly Line[]) => [...lines, lines.find((l) => l.e === e) as Line];
const change = (sql: string) => (file: DatabaseSync) => expect(Number(file.prepare(sql).run().changes)).toBeGreaterThan(0);
const aPiece =
  "(SELECT o.task FROM outcome o JOIN task t ON t.id = o.task JOIN definition d ON d.id = t.definition WHERE d.name = 'piece' LIMIT 1)";
const aWave = "(SELECT o.task FROM outcome o JOIN task t ON t.id = o.task WHERE t.parent IS NULL LIMIT 1)";

describe("sound evidence", () => {
  test("has no findings", () => {
    expect(findingsOf({}).lines).toEqual([]);
    expect(findingsOf({ from: "middle" }).lines).toEqual([]);
    expect(findingsOf({ before: (now) => now }).lines).toEqual([]);
  });

  test.each(tears)("also not with a log whose tail is torn: %s", (tear) => {
    const file = (db: string) => expect(tearTail(db, tear, createRandom(3))).toBe(true);
    expect(findingsOf({ from: "middle", file }).lines).toEqual([]);
  });
});

describe("falsified evidence is found", () => {
  const cases: readonly (readonly [what: string, promise: Promised, f: Falsified])[] = [
    ["a run that was accepted is gone", "lost", { sql: change(`DELETE FROM task WHERE id = ${aWave}`) }],
    ["a task lies nowhere", "lost", { sql: change(`DELETE FROM outcome WHERE task = ${aPiece}`) }],
    [
      "a task that has ended is ready again",
      "second",
      { sql: change(`INSERT INTO ready SELECT lane, prio, pass, id, 1, 1, 0, 0, 0 FROM task WHERE id = ${aPiece}`) },
    ],
    [
      "an end is not the one that a client saw",
      "second",
      { sql: change(`UPDATE outcome SET value = '{}' WHERE task = ${aWave}`) },
    ],
    [
      "an outcome is not what it was at the last look",
      "second",
      { before: (now) => new Map([...now].map(([task, o]) => [task, { ...o, finishedAt: o.finishedAt - 1 }])) },
    ],
    [
      "an outcome of the last look is gone",
      "forgotten",
      { before: (now) => new Map([...now, [999_999, { task: 999_999, leaseNo: 1, status: 0, finishedAt: 1, value: null }]]) },
    ],
    ["the same key became another run", "second", { lines: otherRun }],
    ["a lease is given twice", "fenced", { lines: repeated("assigned") }],
    ["a lease is given after the end", "fenced", { lines: laterLease }],
    ["a fenced attempt's result is the outcome", "fenced", { sql: fencedWins }],
    [
      "an outcome under a lease before the last",
      "fenced",
      { sql: change("UPDATE outcome SET lease_no = lease_no - 1 WHERE lease_no > 1") },
    ],
    [
      "a parent got another result than its child has",
      "gates",
      {
        sql: change(
          "UPDATE outcome SET value = replace(value, substr(value, instr(value, 'parts') + 9, 8), 'deadbeef') WHERE task IN (SELECT t.id FROM task t JOIN definition d ON d.id = t.definition WHERE d.name = 'batch')",
        ),
      },
    ],
    ["a gate counts one too few", "gates", { from: "middle", sql: change("UPDATE gate SET remaining = remaining - 1") }],
    ["a gate's order has a gap", "gates", { from: "middle", sql: change("UPDATE gate SET last_seq = last_seq + 1") }],
    [
      "a parent ended without its children",
      "gates",
      {
        from: "middle",
        sql: change(
          "INSERT INTO outcome (task, lease_no, status, attempt, finished_at) SELECT task, 99, 0, 1, 0 FROM gate WHERE remaining > 0",
        ),
      },
    ],
    [
      "a task failed for nothing",
      "unfinished",
      { sql: change(`UPDATE outcome SET status = 1, value = NULL WHERE task = ${aPiece}`) },
    ],
    ["a lease that reached a worker is not on record", "forgotten", { sql: change("DELETE FROM attempt") }],
    // What a store does that acknowledges before its commit is synced.
    ["the last commits are taken back", "forgotten", { from: "middle", file: takeBackLast }],
  ];

  test.each(cases)("%s", (_, promise, falsified) => {
    const found = findingsOf(falsified);
    expect(found.lines.join("\n")).toContain(promises[promise]);
    expect(found.count(promise)).toBeGreaterThan(0);
  });

  test("a damaged page", () => {
    const db = copyOf(end.db);
    const file = new DatabaseSync(db);
    const { rootpage } = file.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'task_roots'").get() as {
      rootpage: number;
    };
    file.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    file.close();
    // An index that says it has no entries: bytes 3 and 4 of a page count its cells.
    const fd = openSync(db, "r+");
    writeSync(fd, Buffer.alloc(2), 0, 2, (rootpage - 1) * 4_096 + 3);
    closeSync(fd);
    const found = new Findings();
    using copy = openCopy(db);
    checkAtRest(copy.file, new Map(), found);
    expect(found.count("damaged")).toBeGreaterThan(0);
  });
});

function otherRun(lines: readonly Line[]): readonly Line[] {
  const [first, second] = lines.filter((l) => l.e === "submitted");
  if (first?.e !== "submitted" || second?.e !== "submitted") throw new Error("two starts were acknowledged");
  return [...lines, { ...first, run: second.run }];
}

function laterLease(lines: readonly Line[]): readonly Line[] {
  const last = lines.findLast((l) => l.e === "assigned");
  if (last?.e !== "assigned") throw new Error("something was assigned");
  return [...lines, { ...last, leaseNo: last.leaseNo + 1 }];
}

function fencedWins(file: DatabaseSync): void {
  const late = fencedResult(end.lines);
  if (!late) throw new Error("an attempt was fenced");
  const value = JSON.stringify({ n: 1, token: late.token });
  const changed = file.prepare("UPDATE outcome SET value = ? WHERE task = ?").run(value, late.task).changes;
  expect(Number(changed)).toBe(1);
}

/** Commits that nobody was told of may be at the end: as many are taken back as an acknowledgement needs. */
function takeBackLast(db: string): void {
  if (!takeBackCommit(db)) throw new Error("the log has no commit to take back");
  for (let n = 0; n < 20 && takeBackCommit(db); n++);
}
