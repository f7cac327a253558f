import { scheduleRow, selectSchedule, type RawSchedule } from "../schedule-row.ts";
import type { DatabaseSync } from "node:sqlite";
import type { ScheduleStore } from "../schedules.ts";
import type { Statements, Value } from "./statements.ts";
import { refuseStranger } from "./stranger.ts";
import { readNextTickAt } from "./ticks.ts";
import { inTransaction } from "./transaction.ts";

/** Schedules: few rows, changed by people. Their ticks are part of the batches (ticks.ts). */
export function openSchedules(db: DatabaseSync, sql: Statements, path: string): ScheduleStore {
  const change = (boot: number, work: () => number): boolean =>
    inTransaction(db, sql, path, () => {
      refuseStranger(sql, path, boot);
      return work() > 0;
    });
  const rows = (rest: string, ...values: Value[]) =>
    sql.rows<RawSchedule>(`${selectSchedule} ${rest}`, ...values).map(scheduleRow);
  return {
    put: (p) =>
      change(p.boot, () =>
        p.before === null
          ? sql.run(
              `INSERT OR IGNORE INTO schedule (namespace, name, rev, origin, spec, input, created_at, updated_at, next_at)
               VALUES (?,?,1,?,?,?,?,?,?)`,
              p.namespace,
              p.name,
              p.origin,
              p.spec,
              p.input,
              p.now,
              p.now,
              p.nextAt === "keep" ? null : p.nextAt,
            )
          : sql.run(
              `UPDATE schedule SET rev = rev + 1, origin = ?, spec = ?, input = ?, updated_at = ?,
                 next_at = CASE WHEN paused_at IS NOT NULL THEN NULL WHEN ? THEN next_at ELSE ? END WHERE id = ? AND rev = ?`,
              p.origin,
              p.spec,
              p.input,
              p.now,
              p.nextAt === "keep" ? 1 : 0,
              p.nextAt === "keep" ? null : p.nextAt,
              p.before.id,
              p.before.rev,
            ),
      ),
    move: (p) =>
      change(p.boot, () =>
        sql.run(
          "UPDATE schedule SET rev = rev + 1, paused_at = ?, next_at = ?, updated_at = ? WHERE id = ? AND rev = ?",
          p.pausedAt,
          p.nextAt,
          p.now,
          p.id,
          p.rev,
        ),
      ),
    delete: ({ boot, namespace, name }) =>
      change(boot, () => {
        sql.run(
          "DELETE FROM schedule_open WHERE schedule = (SELECT id FROM schedule WHERE namespace = ? AND name = ?)",
          namespace,
          name,
        );
        return sql.run("DELETE FROM schedule WHERE namespace = ? AND name = ?", namespace, name);
      }),
    get: ({ namespace, name }) => rows("WHERE s.namespace = ? AND s.name = ?", namespace, name)[0] ?? null,
    list: ({ namespace, after, limit }) =>
      rows("WHERE s.namespace = ? AND s.name > ? ORDER BY s.name LIMIT ?", namespace, after, limit),
    fromCode: ({ namespace }) =>
      sql
        .rows<{ name: string }>("SELECT name FROM schedule WHERE namespace = ? AND origin = 'code' ORDER BY name", namespace)
        .map((r) => r.name),
    due: ({ now, limit }) => rows("WHERE s.next_at <= ? ORDER BY s.next_at, s.id LIMIT ?", now, limit),
    nextAt: () => readNextTickAt(sql),
  };
}
