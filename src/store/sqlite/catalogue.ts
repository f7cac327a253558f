import type { DatabaseSync } from "node:sqlite";
import type { Store } from "../contract.ts";
import { readCatalogue } from "./boot.ts";
import { readyRow, type RawReady } from "./rows.ts";
import type { Statements } from "./statements.ts";
import { refuseStranger } from "./stranger.ts";
import { inTransaction } from "./transaction.ts";

/** Definitions, lanes and workers: few rows, seldom written, kept in memory by the orchestrator. */
export function openCatalogue(db: DatabaseSync, sql: Statements, path: string): Store["catalogue"] {
  /** In a transaction of its own, for the life that owns the store. */
  const write = <T>(boot: number, work: () => T): T =>
    inTransaction(db, sql, path, () => {
      refuseStranger(sql, path, boot);
      return work();
    });
  return {
    read: () => readCatalogue(sql),
    defineAll({ boot, definitions, lanes }) {
      write(boot, () => {
        for (const d of definitions) {
          sql.run(
            "INSERT INTO definition (id, namespace, name, card) VALUES (?,?,?,?) ON CONFLICT (namespace, name) DO UPDATE SET card = excluded.card",
            d.id,
            d.namespace,
            d.name,
            d.card,
          );
        }
        for (const l of lanes) {
          const needs = JSON.stringify(l.needs);
          sql.run(
            "INSERT OR IGNORE INTO lane (id, definition, needs, build) VALUES (?,?,?,?)",
            l.id,
            l.definition,
            needs,
            l.build,
          );
        }
      });
    },
    joined(p) {
      write(p.boot, () => {
        // Later than all others, also when the clock says otherwise: the order is what counts.
        sql.run(
          "INSERT OR IGNORE INTO build (name, since) SELECT ?, max(?, coalesce(max(since) + 1, 0)) FROM build",
          p.build,
          p.now,
        );
        sql.run(
          "INSERT INTO worker (id, orchestrator, name, pid, build, joined_at) VALUES (?,?,?,?,?,?)",
          p.id,
          p.boot,
          p.name,
          p.pid,
          p.build,
          p.now,
        );
      });
    },
    left(p) {
      write(p.boot, () => sql.run("UPDATE worker SET left_at = ?, left_how = ? WHERE id = ?", p.now, p.how, p.id));
    },
    release({ boot, now }) {
      return write(boot, () => {
        const rows = sql.rows<RawReady>(
          `SELECT t.lane, t.prio, t.pass, h.task, h.lease_no AS leaseNo, h.attempt, h.crashes, 0 AS alone, CAST(? AS INTEGER) AS since
           FROM held h JOIN task t ON t.id = h.task`,
          now,
        );
        for (const r of rows) {
          sql.run("DELETE FROM held WHERE task = ?", r.task);
          sql.run(
            "INSERT INTO ready (lane, prio, pass, task, lease_no, attempt, crashes, alone, since) VALUES (?,?,?,?,?,?,?,0,?)",
            r.lane,
            r.prio,
            r.pass,
            r.task,
            r.leaseNo,
            r.attempt,
            r.crashes,
            now,
          );
        }
        return rows.map(readyRow);
      });
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
