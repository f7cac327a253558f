import { scheduleRow, selectSchedule, type RawSchedule } from "../schedule-row.ts";
import type { ScheduleStore } from "../schedules.ts";
import type { Database, Sql } from "./sql.ts";
import { refuseStranger } from "./stranger.ts";

/** Schedules: few rows, changed by people. Their ticks are part of the batches (ticks.ts). */
export function openSchedules(db: Database): ScheduleStore {
  const change = (boot: number, work: (tx: Sql) => Promise<number>): Promise<boolean> =>
    db.transaction(async (tx) => {
      await refuseStranger(tx, boot);
      return (await work(tx)) > 0;
    });
  const rows = async (rest: string, values: readonly unknown[]) =>
    (await db.rows<RawSchedule>(`${selectSchedule} ${rest}`, values)).map(scheduleRow);
  return {
    put: (p) =>
      change(p.boot, (tx) =>
        p.before === null
          ? tx.run(
              `INSERT INTO schedule (namespace, name, rev, origin, spec, input, created_at, updated_at, next_at)
               VALUES ($1, $2, 1, $3, $4, $5, $6, $6, $7) ON CONFLICT (namespace, name) DO NOTHING`,
              [p.namespace, p.name, p.origin, p.spec, p.input, p.now, p.nextAt === "keep" ? null : p.nextAt],
            )
          : tx.run(
              `UPDATE schedule SET rev = rev + 1, origin = $1, spec = $2, input = $3, updated_at = $4,
                 next_at = CASE WHEN paused_at IS NOT NULL THEN NULL WHEN $5::boolean THEN next_at ELSE $6::bigint END WHERE id = $7 AND rev = $8`,
              [
                p.origin,
                p.spec,
                p.input,
                p.now,
                p.nextAt === "keep",
                p.nextAt === "keep" ? null : p.nextAt,
                p.before.id,
                p.before.rev,
              ],
            ),
      ),
    move: (p) =>
      change(p.boot, (tx) =>
        tx.run("UPDATE schedule SET rev = rev + 1, paused_at = $1, next_at = $2, updated_at = $3 WHERE id = $4 AND rev = $5", [
          p.pausedAt,
          p.nextAt,
          p.now,
          p.id,
          p.rev,
        ]),
      ),
    delete: ({ boot, namespace, name }) =>
      change(boot, async (tx) => {
        // Its row first: what ticks it meanwhile holds that.
        const gone = await tx.rows<{ id: number }>("DELETE FROM schedule WHERE namespace = $1 AND name = $2 RETURNING id", [
          namespace,
          name,
        ]);
        await tx.run("DELETE FROM schedule_open WHERE schedule = ANY($1::bigint[])", [gone.map((s) => s.id)]);
        return gone.length;
      }),
    get: async ({ namespace, name }) => (await rows("WHERE s.namespace = $1 AND s.name = $2", [namespace, name]))[0] ?? null,
    list: ({ namespace, after, limit }) =>
      rows("WHERE s.namespace = $1 AND s.name > $2 ORDER BY s.name LIMIT $3", [namespace, after, limit]),
    fromCode: async ({ namespace }) =>
      (
        await db.rows<{ name: string }>("SELECT name FROM schedule WHERE namespace = $1 AND origin = 'code' ORDER BY name", [
          namespace,
        ])
      ).map((r) => r.name),
    due: ({ now, limit }) => rows("WHERE s.next_at <= $1 ORDER BY s.next_at, s.id LIMIT $2", [now, limit]),
    nextAt: async () =>
      (await db.row<{ next_at: number }>("SELECT next_at FROM schedule WHERE next_at IS NOT NULL ORDER BY next_at LIMIT 1"))
        ?.next_at ?? null,
  };
}
