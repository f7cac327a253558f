import type { DatabaseSync } from "node:sqlite";
import type { Store } from "../contract.ts";
import { readyRow, type RawReady } from "./rows.ts";
import type { Statements } from "./statements.ts";

const namespace = 1;

/** Definitions, lanes and workers: few rows, seldom written, kept in memory by the orchestrator. */
export function openCatalogue(db: DatabaseSync, sql: Statements): Store["catalogue"] {
  return {
    defineAll({ definitions, lanes }) {
      sql.run("BEGIN IMMEDIATE");
      try {
        for (const d of definitions) {
          sql.run(
            "INSERT INTO definition (id, namespace, name, card) VALUES (?,?,?,?) ON CONFLICT (namespace, name) DO UPDATE SET card = excluded.card",
            d.id,
            namespace,
            d.name,
            d.card,
          );
        }
        for (const l of lanes)
          sql.run(
            "INSERT OR IGNORE INTO lane (id, definition, needs, build) VALUES (?,?,?,?)",
            l.id,
            l.definition,
            JSON.stringify(l.needs),
            l.build,
          );
        sql.run("COMMIT");
      } catch (e) {
        if (db.isTransaction) sql.run("ROLLBACK");
        throw e;
      }
    },
    joined(p) {
      sql.run(
        "INSERT INTO worker (id, orchestrator, name, pid, build, joined_at) VALUES (?,?,?,?,?,?)",
        p.id,
        p.boot,
        p.name,
        p.pid,
        p.build,
        p.now,
      );
    },
    left(p) {
      sql.run("UPDATE worker SET left_at = ?, left_how = ? WHERE id = ?", p.now, p.how, p.id);
    },
    release({ reason, now }) {
      sql.run("BEGIN IMMEDIATE");
      const rows = sql.rows<RawReady>(
        `DELETE FROM held WHERE reason = ? RETURNING task, lease_no AS leaseNo, attempt, crashes, 0 AS alone, ${Math.trunc(now)} AS since,
         (SELECT lane FROM task WHERE id = held.task) AS lane, (SELECT prio FROM task WHERE id = held.task) AS prio, (SELECT pass FROM task WHERE id = held.task) AS pass`,
        reason,
      );
      for (const r of rows) {
        sql.run(
          "INSERT INTO ready (lane, prio, pass, task, lease_no, attempt, crashes, alone, since) VALUES (?,?,?,?,?,?,?,?,?)",
          r.lane,
          r.prio,
          r.pass,
          r.task,
          r.leaseNo,
          r.attempt,
          r.crashes,
          0,
          now,
        );
      }
      sql.run("COMMIT");
      return rows.map(readyRow);
    },
    workerNames(ids) {
      const names = new Map<number, string>();
      for (const id of ids) {
        const row = sql.row<{ name: string }>("SELECT name FROM worker WHERE id = ?", id);
        if (row) names.set(id, row.name);
      }
      return names;
    },
  };
}
