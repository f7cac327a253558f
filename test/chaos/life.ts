// Processes that are really killed, and what a store must look like afterwards.
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";

export interface Life {
  /** Resolves at the line, or at the process's end with null. */
  line(matches: (line: string) => boolean): Promise<string | null>;
  readonly lines: readonly string[];
  readonly child: ChildProcess;
  /** kill -9, and the end of it. */
  kill(): Promise<void>;
  ended(): Promise<number | null>;
}

export function begin(script: URL, args: readonly string[]): Life {
  const child = spawn(process.execPath, [script.pathname, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, FLOTILLA_ENV: "" },
  });
  const lines: string[] = [];
  let errors = "";
  const waiting = new Set<() => void>();
  const wake = () => {
    for (const w of waiting) w();
  };
  let closed = false;
  createInterface(child.stdout).on("line", (l) => {
    lines.push(l);
    wake();
  });
  child.stderr.on("data", (d: Buffer) => (errors = (errors + String(d)).slice(-4_000)));
  const exit = once(child, "close").then(([code]) => {
    closed = true;
    wake();
    if (code !== 0 && code !== null) console.error(errors);
    return code as number | null;
  });
  return {
    child,
    lines,
    async line(matches) {
      let from = 0;
      for (;;) {
        for (; from < lines.length; from++) if (matches(lines[from] as string)) return lines[from] as string;
        if (closed) return null;
        await new Promise<void>((resolve) => {
          const w = () => {
            waiting.delete(w);
            resolve();
          };
          waiting.add(w);
        });
      }
    },
    async kill() {
      child.kill("SIGKILL");
      await exit;
    },
    ended: () => exit,
  };
}

export interface StoredOutcome {
  readonly task: number;
  readonly lease_no: number;
  readonly status: number;
  readonly finished_at: number;
}

/** Outcomes as they lie in the file, read beside whatever the dead process left. */
export function outcomes(db: string): Map<number, StoredOutcome> {
  const file = new DatabaseSync(db);
  try {
    return new Map(
      (file.prepare("SELECT task, lease_no, status, finished_at FROM outcome").all() as never as StoredOutcome[]).map((o) => [
        o.task,
        o,
      ]),
    );
  } finally {
    file.close();
  }
}

/** What is wrong with a store whose runs have all ended; empty when nothing is. */
export function faults(db: string): string[] {
  const file = new DatabaseSync(db);
  const found: string[] = [];
  const count = (sql: string) => (file.prepare(sql).get() as { n: number }).n;
  const none = (what: string, sql: string) => {
    const n = count(sql);
    if (n !== 0) found.push(`${n} ${what}`);
  };
  try {
    if ((file.prepare("PRAGMA integrity_check").get() as { integrity_check: string }).integrity_check !== "ok")
      found.push("the file is damaged");
    none(
      "tasks without an outcome",
      "SELECT count(*) AS n FROM task t LEFT JOIN outcome o ON o.task = t.id WHERE o.task IS NULL",
    );
    none("outcomes without a task", "SELECT count(*) AS n FROM outcome o LEFT JOIN task t ON o.task = t.id WHERE t.id IS NULL");
    for (const table of ["ready", "delayed", "running", "held", "parked", "gate", "cancel_job"])
      none(`rows left in ${table}`, `SELECT count(*) AS n FROM ${table}`);
    none(
      "acts recorded twice",
      "SELECT count(*) AS n FROM (SELECT 1 FROM task WHERE parent IS NOT NULL GROUP BY parent, key HAVING count(*) > 1)",
    );
    none(
      "places in a parent's order that are missing or double",
      "SELECT count(*) AS n FROM (SELECT t.parent, count(o.seq) AS c, count(DISTINCT o.seq) AS d FROM outcome o JOIN task t ON t.id = o.task WHERE o.seq IS NOT NULL GROUP BY t.parent HAVING c <> d)",
    );
    none(
      "children that settled without exactly one event",
      "SELECT count(*) AS n FROM task t LEFT JOIN (SELECT task, count(*) AS c FROM event WHERE type = 1 GROUP BY task) e ON e.task = t.id WHERE t.parent IS NOT NULL AND coalesce(e.c, 0) <> 1",
    );
    none(
      "runs whose cursors have gaps",
      "SELECT count(*) AS n FROM (SELECT run, count(*) AS c, max(cursor) AS m FROM event GROUP BY run HAVING c <> m)",
    );
    none(
      "stages whose counts are off",
      "SELECT count(*) AS n FROM run_stage s JOIN (SELECT t.run, t.definition, count(*) AS total, sum(o.status IN (0, 5)) AS ok FROM task t JOIN outcome o ON o.task = t.id WHERE t.parent IS NOT NULL GROUP BY t.run, t.definition) c ON c.run = s.run AND c.definition = s.definition WHERE c.total <> s.total OR c.ok <> s.succeeded",
    );
  } finally {
    file.close();
  }
  return found;
}

/** Direct children of a process, from /proc or ps. */
export function childrenOf(pid: number): number[] {
  const listed = execFileSync("ps", ["-e", "-o", "pid=,ppid="], { encoding: "utf8" });
  return listed
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number))
    .filter(([, parent]) => parent === pid)
    .map(([child]) => child as number)
    .filter((child) => child !== pid && isAlive(child));
}

/** kill -9. False when it had ended by itself a moment before. */
export function shoot(pid: number): boolean {
  try {
    return process.kill(pid, "SIGKILL");
  } catch {
    return false;
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch {
    return false;
  }
}

function isZombie(pid: number): boolean {
  try {
    return execFileSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" })
      .trim()
      .startsWith("Z");
  } catch {
    return true;
  }
}
