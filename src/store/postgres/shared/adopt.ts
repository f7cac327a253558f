import type { Adopted, SharedStore } from "../../shared.ts";
import { lockRuns } from "../locks.ts";
import { closedDetail, noticeKinds, writeNotices } from "../notices.ts";
import { taskColumns, taskRow, type RawTask } from "../rows.ts";
import type { Database } from "../sql.ts";
import { refuseStranger } from "../stranger.ts";

interface Moved {
  readonly task: number;
  readonly leaseNo: number;
  readonly heldBoot: number;
  readonly heldLease: number;
  readonly attempt: number;
  readonly crashes: number;
  readonly alone: number;
  readonly claimedAt: number;
}

/**
 * A worker has come with work under way: its attempts go on under a new lease of this life, without an end in between. The
 * life that had them is told, if it still is one; what waited for it goes on to the new one.
 */
export async function adopt(
  db: Database,
  p: Parameters<SharedStore["adopt"]>[0],
): Promise<{ readonly adopted: readonly Adopted[]; readonly told: readonly number[] }> {
  if (p.held.length === 0) return { adopted: [], told: [] };
  const runs = await db.rows<{ run: number }>("SELECT DISTINCT run FROM task WHERE id = ANY($1::bigint[])", [
    p.held.map((f) => f.task),
  ]);
  return await db.transaction(async (tx) => {
    await refuseStranger(tx, p.boot);
    await lockRuns(
      tx,
      runs.map((r) => r.run),
    );
    const moved = await tx.rows<Moved>(
      `UPDATE running r SET orchestrator = $4, worker = $5, lease_no = m.top + 1, top = m.top + 1
       FROM unnest($1::bigint[], $2::bigint[], $3::int[]) h(task, boot, lease_no)
         CROSS JOIN LATERAL (SELECT max(x.top) AS top FROM running x WHERE x.task = h.task) m
       WHERE r.task = h.task AND r.orchestrator = h.boot AND r.lease_no = h.lease_no
       RETURNING r.task, r.lease_no AS "leaseNo", h.boot AS "heldBoot", h.lease_no AS "heldLease", r.attempt, r.crashes, r.alone, r.claimed_at AS "claimedAt"`,
      [p.held.map((f) => f.task), p.held.map((f) => f.boot), p.held.map((f) => f.leaseNo), p.boot, p.worker],
    );
    // What an earlier try has moved already, whose answer was lost: a worker that has just come has no other tasks.
    const before = await tx.rows<Moved>(
      `SELECT r.task, r.lease_no AS "leaseNo", h.boot AS "heldBoot", h.lease_no AS "heldLease", r.attempt, r.crashes, r.alone, r.claimed_at AS "claimedAt"
       FROM unnest($1::bigint[], $2::bigint[], $3::int[]) h(task, boot, lease_no) JOIN running r ON r.task = h.task
       WHERE r.orchestrator = $4 AND r.worker = $5 AND r.lease_no > h.lease_no AND r.task <> ALL ($6::bigint[])`,
      [
        p.held.map((f) => f.task),
        p.held.map((f) => f.boot),
        p.held.map((f) => f.leaseNo),
        p.boot,
        p.worker,
        moved.map((m) => m.task),
      ],
    );
    const all = [...moved, ...before];
    if (all.length === 0) return { adopted: [], told: [] };
    // The highest number ever given stands in all rows of a task.
    await tx.run(
      "UPDATE running r SET top = m.top FROM unnest($1::bigint[], $2::int[]) m(task, top) WHERE r.task = m.task AND r.top < m.top",
      [moved.map((m) => m.task), moved.map((m) => m.leaseNo)],
    );
    await tx.run(
      `UPDATE notice n SET boot = $3 FROM unnest($1::bigint[], $2::bigint[]) m(task, boot)
       WHERE n.boot = m.boot AND n.task = m.task AND n.kind = ANY($4::smallint[])`,
      [moved.map((m) => m.task), moved.map((m) => m.heldBoot), p.boot, [noticeKinds.delivery, noticeKinds.question]],
    );
    const detail = closedDetail({ status: "moved", error: null, reason: "its worker took it to another orchestrator" });
    const told = await writeNotices(
      tx,
      moved
        .filter((m) => m.heldBoot !== p.boot)
        .map((m) => ({
          boot: m.heldBoot,
          kind: noticeKinds.closed,
          task: m.task,
          leaseNo: m.heldLease,
          seq: null,
          act: null,
          detail,
        })),
    );
    const rows = await tx.rows<RawTask>(`SELECT ${taskColumns} FROM task t WHERE t.id = ANY($1::bigint[])`, [
      all.map((m) => m.task),
    ]);
    const tasks = new Map(rows.map((r) => [r.id, taskRow(r)]));
    const adopted = all.flatMap((m): Adopted[] => {
      const task = tasks.get(m.task);
      if (!task) return [];
      const held = { task: m.task, boot: m.heldBoot, leaseNo: m.heldLease };
      return [
        {
          held,
          leaseNo: m.leaseNo,
          task,
          attempt: m.attempt,
          crashes: m.crashes,
          alone: m.alone === 1,
          claimedAt: m.claimedAt,
        },
      ];
    });
    return { adopted, told };
  });
}
