// Deletes closed runs in slices. A run's root goes first, in the transaction that begins: from then on nobody finds the run,
// and nobody can lock it; its row in `prune_job` sees to the rest, also in a later life.
import type { Sql } from "../sql.ts";
import { deleteBelongings, ofRun, ofTask } from "./belongings.ts";

/** What one transaction may still do, and what it did. */
export class Removal {
  readonly sql: Sql;
  readonly now: number;
  readonly idempotencyForMs: number;
  readonly unused: string[] = [];
  left: number;
  runs = 0;
  tasks = 0;

  constructor(sql: Sql, o: { now: number; idempotencyForMs: number; slice: number }) {
    this.sql = sql;
    this.now = o.now;
    this.idempotencyForMs = o.idempotencyForMs;
    this.left = o.slice;
  }

  get spent(): boolean {
    return this.left <= 0;
  }

  /** Runs of one task each, which have ended, and whose roots are locked. @returns false when more than a slice hangs on them: they are still there. */
  async singles(roots: readonly number[]): Promise<boolean> {
    if (roots.length === 0) return true;
    if (!(await this.#belongings(roots)) || !(await this.#uses(roots))) return false;
    await this.#keys(roots, false);
    const gone = await this.sql.run("DELETE FROM task WHERE id = ANY($1::bigint[])", [roots]);
    this.left -= gone;
    this.tasks += gone;
    this.runs += gone;
    return true;
  }

  async begin(run: number, purge: boolean): Promise<void> {
    await this.sql.run(
      "INSERT INTO prune_job (run, purge) VALUES ($1, $2) ON CONFLICT (run) DO UPDATE SET purge = greatest(prune_job.purge, excluded.purge)",
      [run, purge ? 1 : 0],
    );
  }

  /** Goes on with a job as far as the slice reaches; its root is locked, as long as it is there. @returns how it stands. */
  async goOn(job: Job): Promise<"done" | "open" | "later"> {
    if (job.deleting === 0) {
      const closed = await this.#verify(job);
      if (closed !== "closed") return closed;
      await this.#keys([job.run], job.purge === 1);
      // What retention deletes is told all the same: its rows are whole in themselves. A purge leaves nothing.
      if (job.purge === 1) await this.sql.run("DELETE FROM webhook_call WHERE run = $1", [job.run]);
      this.tasks += await this.sql.run("DELETE FROM task WHERE id = $1", [job.run]);
      this.runs += 1;
      await this.sql.run("UPDATE prune_job SET deleting = 1 WHERE run = $1", [job.run]);
    }
    while (!this.spent) {
      const rows = await this.sql.rows<{ id: number }>(
        "SELECT id FROM task WHERE run = $1 AND parent IS NOT NULL ORDER BY id LIMIT $2",
        [job.run, this.left],
      );
      const children = rows.map((r) => r.id);
      if (children.length === 0) return (await this.#last(job.run)) ? "done" : "later";
      if (!(await this.#belongings(children))) return "later";
      const gone = await this.sql.run("DELETE FROM task WHERE id = ANY($1::bigint[])", [children]);
      this.tasks += gone;
      this.left -= gone;
    }
    return "later";
  }

  /** The rest, when no task is left. */
  async #last(run: number): Promise<boolean> {
    if (!(await this.#belongings([run])) || !(await this.#uses([run]))) return false;
    this.left -= await deleteBelongings(this.sql, ofRun, [run], this.left);
    if (this.spent) return false;
    await this.sql.run("DELETE FROM prune_job WHERE run = $1", [run]);
    return true;
  }

  async #belongings(tasks: readonly number[]): Promise<boolean> {
    this.left -= await deleteBelongings(this.sql, ofTask, tasks, this.left);
    return !this.spent;
  }

  /** Every task has its outcome: counts say so at once, and the rows are looked at before anything goes. */
  async #verify(job: Job): Promise<"closed" | "open" | "later"> {
    const limit = this.left;
    const tasks = await this.sql.rows<{ id: number; closed: boolean }>(
      `SELECT t.id, EXISTS (SELECT 1 FROM outcome o WHERE o.task = t.id) AS closed FROM task t
       WHERE t.run = $1 AND t.parent IS NOT NULL AND t.id > $2 ORDER BY t.id LIMIT $3`,
      [job.run, job.verified, limit],
    );
    if (tasks.some((t) => !t.closed)) {
      await this.sql.run("DELETE FROM prune_job WHERE run = $1", [job.run]);
      return "open";
    }
    if (tasks.length < limit) return "closed";
    this.left = 0;
    await this.sql.run("UPDATE prune_job SET verified = $1 WHERE run = $2", [(tasks.at(-1) as { id: number }).id, job.run]);
    return "later";
  }

  async #uses(runs: readonly number[]): Promise<boolean> {
    const uses = await this.sql.rows<{ hash: string }>(
      `DELETE FROM artifact_use WHERE (hash, run) IN (SELECT hash, run FROM artifact_use WHERE run = ANY($1::bigint[]) LIMIT $2) RETURNING hash`,
      [runs, this.left],
    );
    if (uses.length > 0) {
      // Noted as well: another orchestrator may have put it a moment ago, and then it stays for now.
      const unused = await this.sql.rows<{ hash: string }>(
        `INSERT INTO artifact_left (hash) SELECT DISTINCT u.hash FROM unnest($1::text[]) u(hash)
           WHERE NOT EXISTS (SELECT 1 FROM artifact_use x WHERE x.hash = u.hash)
         ON CONFLICT (hash) DO UPDATE SET at = clock_timestamp() RETURNING hash`,
        [uses.map((u) => u.hash)],
      );
      this.unused.push(...unused.map((u) => u.hash));
    }
    this.left -= uses.length;
    return !this.spent;
  }

  /** A key goes with its run, unless it is to live longer. */
  async #keys(roots: readonly number[], purge: boolean): Promise<void> {
    if (this.idempotencyForMs > 0 && !purge)
      await this.sql.run(
        `INSERT INTO pruned_key (task, secret, tenant, until)
         SELECT t.id, t.secret, t.tenant, t.created_at + $2::bigint FROM task t JOIN idempotency i ON i.task = t.id
         WHERE t.id = ANY($1::bigint[]) AND t.created_at + $2::bigint > $3::bigint ON CONFLICT DO NOTHING`,
        [roots, this.idempotencyForMs, this.now],
      );
    await this.sql.run(
      "DELETE FROM idempotency i WHERE i.task = ANY($1::bigint[]) AND NOT EXISTS (SELECT 1 FROM pruned_key k WHERE k.task = i.task)",
      [roots],
    );
  }

  /** Keys that outlived their run and have had their time. */
  async expiredKeys(): Promise<void> {
    const keys = await this.sql.rows<{ task: number }>("SELECT task FROM pruned_key WHERE until <= $1 ORDER BY until LIMIT $2", [
      this.now,
      this.left,
    ]);
    await this.dropKeys(keys.map((k) => k.task));
  }

  async dropKeys(tasks: readonly number[]): Promise<void> {
    if (tasks.length === 0) return;
    await this.sql.run("DELETE FROM idempotency WHERE task = ANY($1::bigint[])", [tasks]);
    await this.sql.run("DELETE FROM pruned_key WHERE task = ANY($1::bigint[])", [tasks]);
    this.left -= tasks.length;
  }
}

export interface Job {
  readonly run: number;
  readonly verified: number;
  readonly deleting: number;
  readonly purge: number;
}

const jobs = "SELECT run, verified, deleting, purge FROM prune_job";

export function jobOf(sql: Sql, run: number): Promise<Job | undefined> {
  return sql.row<Job>(`${jobs} WHERE run = $1`, [run]);
}

/** The next ones of `limit`, of purges only if asked so. */
export function nextJobs(sql: Sql, o: { readonly purges: boolean; readonly limit: number }): Promise<Job[]> {
  return sql.rows<Job>(`${jobs} ${o.purges ? "WHERE purge = 1" : ""} ORDER BY run LIMIT $1`, [o.limit]);
}

/**
 * Of roots that are locked, those whose run is over: no task of it is open, as its exact counts say (a run without a row in
 * `run_stage` is its root alone), and no open run goes on from it, which takes over what it needs as it comes to it.
 */
export async function closedAmong(sql: Sql, runs: readonly number[]): Promise<ReadonlySet<number>> {
  if (runs.length === 0) return new Set();
  const rows = await sql.rows<{ id: number }>(
    `SELECT t.id FROM task t WHERE t.id = ANY($1::bigint[]) AND EXISTS (SELECT 1 FROM outcome o WHERE o.task = t.id)
       AND coalesce((SELECT sum(total - succeeded - failed - canceled - quarantined) FROM run_stage s WHERE s.run = t.id), 0) = 0
       AND NOT EXISTS (SELECT 1 FROM origin g WHERE g.of_run = t.id AND NOT EXISTS (SELECT 1 FROM outcome o WHERE o.task = g.run))`,
    [runs],
  );
  return new Set(rows.map((r) => r.id));
}

/** As `lockRuns`, and against those that only keep a row from being deleted: a run that goes on from it. */
export async function lockToDelete(tx: Sql, runs: readonly number[]): Promise<void> {
  if (runs.length > 0) await tx.rows("SELECT 1 FROM task WHERE id = ANY($1::bigint[]) ORDER BY id FOR UPDATE", [runs]);
}
