import type { ScheduleRow, ScheduleStore } from "../../../src/store/schedules.ts";
import { inTransaction, type Disk, type Rows, type Schedule } from "./disk.ts";
import { refuseStranger } from "./stranger.ts";
import { nextTickAt, ticking } from "./ticks.ts";

/** Schedules, by name. A change that names a `rev` does nothing when the schedule has moved on. */
export function openSchedules(disk: Disk): ScheduleStore {
  const change = (boot: number, work: (rows: Rows) => boolean): boolean =>
    inTransaction(disk, (rows) => {
      refuseStranger(rows, boot);
      return work(rows);
    });
  const byName = () => [...disk.rows.schedules.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const read = (s: Schedule): ScheduleRow => {
    const secret = s.lastRun === null ? null : (disk.rows.tasks.get(s.lastRun)?.row.secret ?? null);
    return { ...s, lastRun: s.lastRun === null || secret === null ? null : { task: s.lastRun, secret } };
  };
  return {
    put: ({ boot, namespace, now, before, nextAt, name, origin, spec, input }) =>
      change(boot, (rows) => {
        if (before === null) {
          // A name that is taken uses a number up, as SQLite does: the contract only says that none is given out twice.
          const id = rows.scheduleIds.push(name);
          if (named(rows, namespace, name)) return false;
          const born = { rev: 1, createdAt: now, updatedAt: now, pausedAt: null, lastAt: null, lastRun: null, skipped: null };
          rows.schedules.set(id, {
            id,
            namespace,
            name,
            origin,
            spec,
            input,
            nextAt: nextAt === "keep" ? null : nextAt,
            ...born,
          });
          return true;
        }
        const row = rows.schedules.get(before.id);
        if (row?.rev !== before.rev) return false;
        const next = row.pausedAt === null ? (nextAt === "keep" ? row.nextAt : nextAt) : null;
        rows.schedules.set(row.id, { ...row, rev: row.rev + 1, origin, spec, input, updatedAt: now, nextAt: next });
        return true;
      }),
    move: ({ boot, id, rev, pausedAt, nextAt, now }) =>
      change(boot, (rows) => {
        const row = rows.schedules.get(id);
        if (row?.rev !== rev) return false;
        rows.schedules.set(id, { ...row, rev: rev + 1, pausedAt, nextAt, updatedAt: now });
        return true;
      }),
    delete: ({ boot, namespace, name }) =>
      change(boot, (rows) => {
        const row = named(rows, namespace, name);
        return row !== undefined && rows.schedules.delete(row.id);
      }),
    get({ namespace, name }) {
      const row = named(disk.rows, namespace, name);
      return row ? read(row) : null;
    },
    list: ({ namespace, after, limit }) =>
      byName()
        .filter((s) => s.namespace === namespace && s.name > after)
        .slice(0, limit)
        .map(read),
    fromCode: ({ namespace }) =>
      byName()
        .filter((s) => s.namespace === namespace && s.origin === "code")
        .map((s) => s.name),
    due: ({ now, limit }) =>
      ticking(disk.rows)
        .filter((s) => s.nextAt <= now)
        .slice(0, limit)
        .map(read),
    nextAt: () => nextTickAt(disk.rows),
  };
}

function named(rows: Rows, namespace: number, name: string): Schedule | undefined {
  return [...rows.schedules.values()].find((s) => s.namespace === namespace && s.name === name);
}
