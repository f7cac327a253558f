// Deletes closed runs in slices. A run's root goes first, in the transaction that begins: from then on nobody finds the run,
// and its row in `prune_job` sees to the rest, also in a later life.
import type { Statements } from "../statements.ts";
import { deleteBelongings, ofRun, ofTask } from "./belongings.ts";

/** What one transaction may still do, and what it did. */
export class Removal {
  readonly sql: Statements;
  readonly now: number;
  readonly idempotencyForMs: number;
  readonly unused: string[] = [];
  left: number;
  runs = 0;
  tasks = 0;
  #high = false;

  constructor(sql: Statements, o: { now: number; idempotencyForMs: number; slice: number }) {
    this.sql = sql;
    this.now = o.now;
    this.idempotencyForMs = o.idempotencyForMs;
    this.left = o.slice;
  }

  get spent(): boolean {
    return this.left <= 0;
  }

  /** Before rows of `task` go: the highest id must be known to the next life, or it would be given out again. */
  keepHighest(): void {
    if (this.#high) return;
    this.#high = true;
    this.sql.run(
      `INSERT INTO upkeep (name, value) VALUES ('task_high', coalesce((SELECT max(id) FROM task), 0))
       ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value) WHERE excluded.value > value`,
    );
  }

  /** Runs of one task each, which have ended. @returns false when more than a slice hangs on them: they are still there. */
  singles(roots: readonly number[]): boolean {
    if (roots.length === 0) return true;
    this.keepHighest();
    if (!this.#belongings(roots) || !this.#uses(roots)) return false;
    this.#keys(roots, false);
    const ids = JSON.stringify(roots);
    const gone = this.sql.run("DELETE FROM task WHERE id IN (SELECT value FROM json_each(?))", ids);
    this.left -= gone;
    this.tasks += gone;
    this.runs += gone;
    return true;
  }

  begin(run: number, purge: boolean): void {
    this.sql.run(
      "INSERT INTO prune_job (run, purge) VALUES (?,?) ON CONFLICT (run) DO UPDATE SET purge = max(purge, excluded.purge)",
      run,
      purge ? 1 : 0,
    );
  }

  /** Goes on with a job as far as the slice reaches. @returns how it stands. */
  goOn(job: Job): "done" | "open" | "later" {
    if (job.deleting === 0) {
      const closed = this.#verify(job);
      if (closed !== "closed") return closed;
      this.keepHighest();
      this.#keys([job.run], job.purge === 1);
      // What retention deletes is told all the same: its rows are whole in themselves. A purge leaves nothing.
      if (job.purge === 1) this.sql.run("DELETE FROM webhook_call WHERE run = ?", job.run);
      this.tasks += this.sql.run("DELETE FROM task WHERE id = ?", job.run);
      this.runs += 1;
      this.sql.run("UPDATE prune_job SET deleting = 1 WHERE run = ?", job.run);
    }
    while (!this.spent) {
      const children = this.sql
        .rows<{ id: number }>("SELECT id FROM task WHERE run = ? AND parent IS NOT NULL ORDER BY id LIMIT ?", job.run, this.left)
        .map((r) => r.id);
      if (children.length === 0) return this.#last(job.run) ? "done" : "later";
      if (!this.#belongings(children)) return "later";
      const gone = this.sql.run("DELETE FROM task WHERE id IN (SELECT value FROM json_each(?))", JSON.stringify(children));
      this.tasks += gone;
      this.left -= gone;
    }
    return "later";
  }

  /** The rest, when no task is left. */
  #last(run: number): boolean {
    if (!this.#belongings([run]) || !this.#uses([run])) return false;
    const gone = deleteBelongings(this.sql, ofRun, [run], this.left);
    this.left -= gone;
    if (this.spent) return false;
    this.sql.run("DELETE FROM prune_job WHERE run = ?", run);
    return true;
  }

  #belongings(tasks: readonly number[]): boolean {
    this.left -= deleteBelongings(this.sql, ofTask, tasks, this.left);
    return !this.spent;
  }

  /** Every task has its outcome: counts say so at once, and the rows are looked at before anything goes. */
  #verify(job: Job): "closed" | "open" | "later" {
    const limit = this.left;
    const tasks = this.sql.rows<{ id: number; closed: number }>(
      `SELECT t.id, EXISTS (SELECT 1 FROM outcome o WHERE o.task = t.id) AS closed FROM task t
       WHERE t.run = ? AND t.parent IS NOT NULL AND t.id > ? ORDER BY t.id LIMIT ?`,
      job.run,
      job.verified,
      limit,
    );
    if (tasks.some((t) => t.closed === 0)) {
      this.sql.run("DELETE FROM prune_job WHERE run = ?", job.run);
      return "open";
    }
    if (tasks.length < limit) return "closed";
    this.left = 0;
    this.sql.run("UPDATE prune_job SET verified = ? WHERE run = ?", (tasks.at(-1) as { id: number }).id, job.run);
    return "later";
  }

  #uses(runs: readonly number[]): boolean {
    const uses = this.sql.rows<{ hash: string; run: number }>(
      "SELECT hash, run FROM artifact_use WHERE run IN (SELECT value FROM json_each(?)) LIMIT ?",
      JSON.stringify(runs),
      this.left,
    );
    for (const { hash, run } of uses) this.sql.run("DELETE FROM artifact_use WHERE hash = ? AND run = ?", hash, run);
    for (const hash of new Set(uses.map((u) => u.hash)))
      if (!this.sql.row("SELECT 1 FROM artifact_use WHERE hash = ? LIMIT 1", hash)) this.unused.push(hash);
    this.left -= uses.length;
    return !this.spent;
  }

  /** A key goes with its run, unless it is to live longer. */
  #keys(roots: readonly number[], purge: boolean): void {
    const ids = JSON.stringify(roots);
    if (this.idempotencyForMs > 0 && !purge)
      this.sql.run(
        `INSERT OR IGNORE INTO pruned_key (task, secret, tenant, until)
         SELECT t.id, t.secret, t.tenant, t.created_at + ?2 FROM task t JOIN idempotency i ON i.task = t.id
         WHERE t.id IN (SELECT value FROM json_each(?1)) AND t.created_at + ?2 > ?3`,
        ids,
        this.idempotencyForMs,
        this.now,
      );
    this.sql.run(
      "DELETE FROM idempotency WHERE task IN (SELECT value FROM json_each(?)) AND task NOT IN (SELECT task FROM pruned_key)",
      ids,
    );
  }

  /** Keys that outlived their run and have had their time. */
  expiredKeys(): void {
    const keys = this.sql.rows<{ task: number }>(
      "SELECT task FROM pruned_key WHERE until <= ? ORDER BY until LIMIT ?",
      this.now,
      this.left,
    );
    this.dropKeys(keys.map((k) => k.task));
  }

  dropKeys(tasks: readonly number[]): void {
    for (const task of tasks) {
      this.sql.run("DELETE FROM idempotency WHERE task = ?", task);
      this.sql.run("DELETE FROM pruned_key WHERE task = ?", task);
    }
    this.left -= tasks.length;
  }
}

export interface Job {
  readonly run: number;
  readonly verified: number;
  readonly deleting: number;
  readonly purge: number;
}

export function nextJob(sql: Statements): Job | undefined {
  return sql.row<Job>("SELECT run, verified, deleting, purge FROM prune_job ORDER BY run LIMIT 1");
}

export function jobOf(sql: Statements, run: number): Job | undefined {
  return sql.row<Job>("SELECT run, verified, deleting, purge FROM prune_job WHERE run = ?", run);
}

/** No task of it is open, as its exact counts say. A run without a row in `run_stage` is its root alone. */
export function hasOpenChildren(sql: Statements, run: number): boolean {
  return (
    (sql.row<{ n: number }>(
      "SELECT coalesce(sum(total - succeeded - failed - canceled - quarantined), 0) AS n FROM run_stage WHERE run = ?",
      run,
    )?.n ?? 0) > 0
  );
}

/** A run that is open goes on from it, and takes over what it needs as it comes to it. */
export function isNeeded(sql: Statements, run: number): boolean {
  return (
    sql.row(
      "SELECT 1 FROM origin g WHERE g.of_run = ? AND NOT EXISTS (SELECT 1 FROM outcome o WHERE o.task = g.run) LIMIT 1",
      run,
    ) !== undefined
  );
}
