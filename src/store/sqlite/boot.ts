import type { DatabaseSync } from "node:sqlite";
import type { Boot, DefinitionRow, LaneRow, Store } from "../contract.ts";
import type { Statements } from "./statements.ts";
import { nextDue } from "./tasks.ts";
import { readNextTickAt } from "./ticks.ts";
import { inTransaction } from "./transaction.ts";
import { refuseRestored } from "./upkeep/restored.ts";
import { releaseCalls } from "./webhooks.ts";

/**
 * A new life begins: what earlier lives were running goes back to ready, with its lease number and without a charge.
 * Workflows that were idle have nothing to run for: they are parked.
 */
export function bootStore(db: DatabaseSync, sql: Statements, path: string, p: Parameters<Store["boot"]>[0]): Boot {
  return inTransaction(db, sql, path, () => {
    refuseRestored(sql, path);
    sql.run("UPDATE orchestrator SET ended_at = ? WHERE ended_at IS NULL", p.now);
    const { id: boot } = sql.row<{ id: number }>(
      "INSERT INTO orchestrator (id, nonce, pid, started_at) SELECT coalesce(max(id), 0) + 1 + ?, ?, ?, ? FROM orchestrator RETURNING id",
      p.skip ?? 0,
      p.nonce,
      p.pid,
      p.now,
    ) as { id: number };
    sql.run(
      `INSERT INTO attempt (task, lease_no, attempt, worker, started_at, ended_at, how)
       SELECT task, lease_no, attempt, worker, claimed_at, ?, 'orchestrator ended' FROM running`,
      p.now,
    );
    sql.run(
      `INSERT INTO parked (task, lease_no, attempt, crashes, since)
       SELECT r.task, r.top, r.attempt - 1, r.crashes, ? FROM running r JOIN gate g ON g.task = r.task WHERE g.armed = 1`,
      p.now,
    );
    sql.run("DELETE FROM running WHERE task IN (SELECT task FROM gate WHERE armed = 1)");
    sql.run("UPDATE gate SET armed = 2 WHERE armed = 1");
    const recovered = sql.run(
      `INSERT INTO ready (lane, prio, pass, task, lease_no, attempt, crashes, alone, since)
       SELECT t.lane, t.prio, t.pass, r.task, r.top, r.attempt - 1, r.crashes, r.alone, ? FROM running r JOIN task t ON t.id = r.task`,
      p.now,
    );
    sql.run("DELETE FROM running");
    sql.run("UPDATE worker SET left_at = ?, left_how = 'orchestrator ended' WHERE left_at IS NULL", p.now);
    releaseCalls(sql, p.now);
    return readBoot(sql, { boot, recovered });
  });
}

function nextId(sql: Statements, table: string): number {
  return (sql.row<{ n: number | null }>(`SELECT max(id) AS n FROM ${table}`)?.n ?? 0) + 1;
}

/** Ids of deleted tasks are not given out again. */
export function nextTaskId(sql: Statements): number {
  const high = sql.row<{ value: number }>("SELECT value FROM upkeep WHERE name = 'task_high'")?.value ?? 0;
  return Math.max(nextId(sql, "task"), high + 1);
}

export function readCatalogue(sql: Statements): { definitions: DefinitionRow[]; lanes: LaneRow[] } {
  const lanes = sql.rows<{ id: number; definition: number; needs: string; build: string }>(
    "SELECT id, definition, needs, build FROM lane",
  );
  return {
    definitions: sql.rows("SELECT id, namespace, name, card FROM definition"),
    lanes: lanes.map((l) => ({ ...l, needs: JSON.parse(l.needs) as string[] })),
  };
}

/** What an orchestrator knows when it opens its eyes. */
export function readBoot(sql: Statements, life: { boot: number; recovered: number }): Boot {
  const depth = sql.rows<{ lane: number; ready: number; lastPass: number }>(
    "SELECT lane, count(*) AS ready, max(pass) AS lastPass FROM ready GROUP BY lane",
  );
  return {
    ...life,
    nextWorker: nextId(sql, "worker"),
    ...readCatalogue(sql),
    depth: new Map(depth.map((r) => [r.lane, r])),
    delayed: sql.row<{ n: number }>("SELECT count(*) AS n FROM delayed")?.n ?? 0,
    parked: sql.row<{ n: number }>("SELECT count(*) AS n FROM parked")?.n ?? 0,
    nextDueAt: nextDue(sql),
    nextTickAt: readNextTickAt(sql),
    cancelsLeft: sql.row("SELECT 1 FROM cancel_job LIMIT 1") !== undefined,
  };
}
