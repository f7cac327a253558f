import type { ScheduleRow, ScheduleStore, SkipWhy } from "../schedules.ts";
import type { Database, Sql } from "./sql.ts";
import { refuseStranger } from "./stranger.ts";

interface Raw {
  readonly id: number;
  readonly namespace: number;
  readonly name: string;
  readonly rev: number;
  readonly origin: ScheduleRow["origin"];
  readonly spec: string;
  readonly input: string;
  readonly created_at: number;
  readonly updated_at: number;
  readonly paused_at: number | null;
  readonly next_at: number | null;
  readonly last_at: number | null;
  readonly last_run: number | null;
  readonly secret: string | null;
  readonly skipped_from: number | null;
  readonly skipped_to: number | null;
  readonly skipped_why: SkipWhy | null;
}

const select = `SELECT s.id, s.namespace, s.name, s.rev, s.origin, s.spec, s.input, s.created_at, s.updated_at, s.paused_at, s.next_at, s.last_at,
  s.last_run, t.secret, s.skipped_from, s.skipped_to, s.skipped_why FROM schedule s LEFT JOIN task t ON t.id = s.last_run`;

/** Schedules: few rows, changed by people. Their ticks are part of the batches (ticks.ts). */
export function openSchedules(db: Database): ScheduleStore {
  const change = (boot: number, work: (tx: Sql) => Promise<number>): Promise<boolean> =>
    db.transaction(async (tx) => {
      await refuseStranger(tx, boot);
      return (await work(tx)) > 0;
    });
  const rows = async (rest: string, values: readonly unknown[]) =>
    (await db.rows<Raw>(`${select} ${rest}`, values)).map(scheduleRow);
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

function scheduleRow(r: Raw): ScheduleRow {
  return {
    id: r.id,
    namespace: r.namespace,
    name: r.name,
    rev: r.rev,
    origin: r.origin,
    spec: r.spec,
    input: r.input,
    createdAt: r.created_at,
    updatedAt: r.updated_at,
    pausedAt: r.paused_at,
    nextAt: r.next_at,
    lastAt: r.last_at,
    // A run that was pruned is not named any more.
    lastRun: r.last_run === null || r.secret === null ? null : { task: r.last_run, secret: r.secret },
    skipped:
      r.skipped_from === null || r.skipped_to === null || r.skipped_why === null
        ? null
        : { fromAt: r.skipped_from, toAt: r.skipped_to, why: r.skipped_why },
  };
}
