// The contract of a store that several orchestrators share, written out to be read: lives with leases on the store's clock,
// notices between them, adoption, sweeps and looks. Several handles on one disk are several processes' connections.
import type { Batch, BatchResult, ReadyRow, Store } from "../../../src/store/contract.ts";
import type { Adopted, SharedStore } from "../../../src/store/shared.ts";
import { depths, parkedTasks, takeBack, whatIsThere } from "./boot.ts";
import { commitBatch } from "./commit.ts";
import { count, inTransaction, need, type Disk, type Rows } from "./disk.ts";
import { noticeLife } from "./notices.ts";
import { openModelStore } from "./open.ts";
import type { SignalHub } from "./signals.ts";
import { refuseStranger } from "./stranger.ts";
import { delayedTasks, nextDue, readyRow } from "./tasks.ts";
import { nextTickAt } from "./ticks.ts";

const taskBlock = 1_024;
/** Workers of a life are numbered from here on: those of different lives never share a number. */
const workersOf = (boot: number): number => boot * 1_000_000;

export interface Sharing {
  readonly disk: Disk;
  readonly leaseMs: number;
  /** The store's clock, ms since the epoch. */
  now(): number;
  readonly hub: SignalHub;
}

/** One more handle. */
export function openSharedModel(s: Sharing): Store {
  const { disk, hub } = s;
  const store = openModelStore(disk);
  return {
    ...store,
    shared: sharedOf(s),
    boot: (p) =>
      inTransaction(disk, (rows) => {
        const boot = (rows.lives.at(-1)?.boot ?? 0) + 1;
        rows.lives.push({ boot, pid: p.pid, shares: true });
        const at = s.now();
        const none = { workers: 0, slots: 0, busy: 0, versions: [], lanes: [], names: [], roster: "[]" };
        rows.alive.set(boot, {
          boot,
          pid: p.pid,
          host: "model",
          version: "model",
          startedAt: at,
          expiresAt: at + s.leaseMs,
          ...none,
        });
        return { boot, recovered: 0, nextWorker: workersOf(boot), ...whatIsThere(rows) };
      }),
    taskIds: (least) =>
      inTransaction(disk, (rows) => {
        const n = Math.ceil(least / taskBlock) * taskBlock;
        return { first: count(rows, "task", n) - n + 1, count: n };
      }),
    commit: (batch) => commitShared(s, batch),
    catalogue: {
      ...store.catalogue,
      defineAll(p) {
        void store.catalogue.defineAll(p);
        hub.say(p.boot, (to) => to.catalogue());
      },
      joined(p) {
        const known = disk.rows.builds.has(p.build);
        void store.catalogue.joined(p);
        if (!known) hub.say(p.boot, (to) => to.catalogue());
      },
      release(p) {
        const rows = store.catalogue.release(p) as readonly ReadyRow[];
        sayLanes(s, p.boot, rows);
        return rows;
      },
    },
    builds: {
      ...store.builds,
      drain(p) {
        void store.builds.drain(p);
        hub.say(p.boot, (to) => to.catalogue());
      },
      resume(p) {
        const resumed = store.builds.resume(p);
        hub.say(p.boot, (to) => to.catalogue());
        return resumed;
      },
    },
  };
}

function commitShared(s: Sharing, batch: Batch): BatchResult {
  const last = lastNotice(s.disk.rows);
  const result = commitBatch(s.disk, batch);
  const { rows } = s.disk;
  const fenced = new Set(result.fencedActs.map((l) => `${l.task}:${l.leaseNo}`));
  const born = [
    ...batch.acts.filter((a) => !fenced.has(`${a.lease.task}:${a.lease.leaseNo}`)).flatMap((a) => a.children),
    ...batch.tasks,
    ...batch.ticks.flatMap((t) => t.runs.map((r) => r.task)),
  ];
  const requeued = batch.requeues.map((r) => ({ id: r.lease.task, lane: r.lane }));
  const ready = [...born, ...requeued].filter((t) => rows.places.get(t.id)?.in === "ready");
  sayLanes(s, batch.boot, [...ready, ...result.due, ...result.woken]);
  tellNotices(s, last);
  const ended = [...batch.settles.map((x) => x.lease.task), ...result.closed.map((c) => c.task)].filter(
    (task) => rows.tasks.get(task)?.row.parent === null && rows.places.get(task)?.in === "outcome",
  );
  const runs = [...new Set([...result.events.map((e) => e.run), ...ended])];
  if (runs.length > 0) s.hub.say(batch.boot, (to) => to.runs(runs));
  return result;
}

function sayLanes(s: Sharing, by: number, ready: readonly { readonly lane: number }[]): void {
  const lanes = [...new Set(ready.map((r) => r.lane))];
  if (lanes.length > 0) s.hub.say(by, (to) => to.lanes(lanes));
}

function lastNotice(rows: Rows): number {
  return rows.counters.get("notice") ?? 0;
}
/** Those to whom something was written after the notice `last`. */
function tellNotices({ disk, hub }: Sharing, last: number): void {
  const lives = new Set(disk.rows.notices.filter((n) => n.notice.id > last).map((n) => n.to));
  if (lives.size > 0) hub.tell(lives, (to) => to.notices());
}

function sharedOf(s: Sharing): SharedStore {
  const { disk, hub } = s;
  return {
    leaseMs: s.leaseMs,
    outbox: null,
    beat: ({ boot, load, roster }) =>
      inTransaction(disk, (rows) => {
        const now = s.now();
        const life = rows.alive.get(boot);
        if (life) rows.alive.set(boot, { ...life, ...load, roster, expiresAt: now + s.leaseMs });
        return { alive: life !== undefined, now };
      }),
    look({ boot, runs, limit }) {
      const { rows } = disk;
      return {
        catalogue: rows.counters.get("catalogue") ?? 0,
        depth: depths(rows),
        delayed: delayedTasks(rows).length,
        parked: parkedTasks(rows),
        notices: rows.notices
          .filter((n) => n.to === boot)
          .slice(0, limit)
          .map((n) => n.notice),
        moreNotices: rows.notices.filter((n) => n.to === boot).length >= limit,
        moved: runs
          .filter(({ id, cursor }) => (rows.cursors.get(id) ?? 0) > cursor || rows.places.get(id)?.in === "outcome")
          .map(({ id }) => id),
        nextDueAt: nextDue(rows),
        nextTickAt: nextTickAt(rows),
        cancelsLeft: rows.cancelJobs.size > 0,
        outbox: false,
      };
    },
    noticed: ({ boot, ids }) => dropNotices(disk, (n) => n.to === boot && ids.includes(n.notice.id)),
    ask(question) {
      const last = lastNotice(disk.rows);
      const asked = inTransaction(disk, (rows) => {
        const place = rows.places.get(question.task);
        if (place?.in !== "running" || !rows.alive.has(place.boot)) return false;
        noticeLife(rows, place.boot, { kind: "question", ...question });
        return true;
      });
      tellNotices(s, last);
      return asked;
    },
    answer({ to, ...answered }) {
      const last = lastNotice(disk.rows);
      inTransaction(disk, (rows) => noticeLife(rows, to, { kind: "answer", ...answered }));
      tellNotices(s, last);
    },
    adopt({ boot, worker, held }) {
      const last = lastNotice(disk.rows);
      const adopted = inTransaction(disk, (rows) => {
        refuseStranger(rows, boot);
        return held.flatMap((fence): Adopted[] => {
          const place = rows.places.get(fence.task);
          if (place?.in !== "running") return [];
          const leaseNo = fence.leaseNo + 1;
          // The answer to an earlier try was lost.
          const done = place.boot === boot && place.worker === worker && place.leaseNo === leaseNo;
          if (!done && (place.boot !== fence.boot || place.leaseNo !== fence.leaseNo)) return [];
          const { attempt, crashes, alone, claimedAt } = place;
          rows.places.set(fence.task, { ...place, leaseNo, boot, worker });
          if (!done && place.boot !== boot)
            noticeLife(rows, place.boot, {
              kind: "closed",
              task: fence.task,
              leaseNo: place.leaseNo,
              status: "moved",
              error: null,
              reason: "its worker has taken it to another orchestrator",
            });
          return [{ held: fence, leaseNo, task: need(rows.tasks, fence.task).row, attempt, crashes, alone, claimedAt }];
        });
      });
      tellNotices(s, last);
      return adopted;
    },
    sweep({ boot, now, slice }) {
      const swept = inTransaction(disk, (rows) => {
        refuseStranger(rows, boot);
        const at = s.now();
        const silent = [...rows.alive.values()].filter((l) => l.boot !== boot && l.expiresAt <= at).map((l) => l.boot);
        for (const life of silent) endLife(rows, life);
        const left = [...rows.places].filter(([, place]) => place.in === "running" && !rows.alive.has(place.boot));
        return { lives: silent, ...takeBackAll(rows, left.slice(0, slice), now), completed: [], more: left.length > slice };
      });
      sayLanes(s, boot, swept.ready);
      return swept;
    },
    resign({ boot, now }) {
      const { ready } = inTransaction(disk, (rows) => {
        endLife(rows, boot);
        const mine = [...rows.places].filter(([, place]) => place.in === "running" && place.boot === boot);
        return takeBackAll(rows, mine, now);
      });
      sayLanes(s, boot, ready);
    },
    lives: () => [...disk.rows.alive.values()].map(({ roster: _, ...life }) => life),
    rosters: () => [...disk.rows.alive.values()].flatMap(({ boot, roster }) => (roster === "[]" ? [] : [{ boot, roster }])),
    listen: ({ boot, to }) => hub.listen(boot, to),
  };
}

function dropNotices(disk: Disk, which: (n: Rows["notices"][number]) => boolean): void {
  inTransaction(disk, (rows) => {
    const kept = rows.notices.filter((n) => !which(n));
    rows.notices.splice(0, rows.notices.length, ...kept);
  });
}

function endLife(rows: Rows, boot: number): void {
  rows.alive.delete(boot);
  const kept = rows.notices.filter((n) => n.to !== boot);
  rows.notices.splice(0, rows.notices.length, ...kept);
}

function takeBackAll(rows: Rows, list: readonly (readonly [number, unknown])[], now: number) {
  const ready: ReadyRow[] = [];
  let parked = 0;
  for (const [task] of list) {
    if (takeBack(rows, task, now) === "parked") parked += 1;
    else ready.push(readyRow(rows, task));
  }
  return { ready, parked };
}
