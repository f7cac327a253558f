import type { Store } from "../contract.ts";
import { readCatalogue } from "./boot.ts";
import { keepBuild } from "./builds.ts";
import { addDepth, countByLane } from "./depth.ts";
import { lockRuns } from "./locks.ts";
import type { Notifier } from "./notifier.ts";
import { readyRow, type RawReady } from "./rows.ts";
import type { Database, Sql } from "./sql.ts";
import { refuseStranger } from "./stranger.ts";

/** Definitions, lanes and workers: few rows, seldom written, kept in memory by every orchestrator. */
export function openCatalogue(db: Database, notifier: Pick<Notifier, "note">): Store["catalogue"] {
  /** In a transaction of its own, for a life that goes on. */
  const write = <T>(boot: number, work: (tx: Sql) => Promise<T>): Promise<T> =>
    db.transaction(async (tx) => {
      await refuseStranger(tx, boot);
      return await work(tx);
    });
  return {
    read: () => readCatalogue(db),
    async defineAll({ boot, definitions, lanes }) {
      const changed = await write(boot, async (tx) => {
        // Two lives that bring the same names in another order would wait for each other.
        await tx.row("SELECT 1 FROM upkeep WHERE name = 'catalogue' FOR NO KEY UPDATE");
        // A name that somebody only asks for does not take away the card that another life has brought.
        const cards = await tx.run(
          `INSERT INTO definition (id, namespace, name, card)
           SELECT DISTINCT ON (d.namespace, d.name) d.id, d.namespace, d.name, d.card
             FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[]) WITH ORDINALITY d(id, namespace, name, card, n)
             ORDER BY d.namespace, d.name, d.n DESC
           ON CONFLICT (namespace, name) DO UPDATE SET card = excluded.card WHERE excluded.card <> 'null' AND definition.card <> excluded.card`,
          [
            definitions.map((d) => d.id),
            definitions.map((d) => d.namespace),
            definitions.map((d) => d.name),
            definitions.map((d) => d.card),
          ],
        );
        const added = await tx.run(
          `INSERT INTO lane (id, definition, needs, build) SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[])
           ON CONFLICT DO NOTHING`,
          [
            lanes.map((l) => l.id),
            lanes.map((l) => l.definition),
            lanes.map((l) => JSON.stringify(l.needs)),
            lanes.map((l) => l.build),
          ],
        );
        if (cards + added > 0) await tx.run("UPDATE upkeep SET value = value + 1 WHERE name = 'catalogue'");
        return cards + added > 0;
      });
      if (changed) notifier.note({ catalogue: true });
    },
    async joined(p) {
      const added = await write(p.boot, async (tx) => {
        await tx.run("INSERT INTO worker (id, orchestrator, name, pid, build, joined_at) VALUES ($1, $2, $3, $4, $5, $6)", [
          p.id,
          p.boot,
          p.name,
          p.pid,
          p.build,
          p.now,
        ]);
        return keepBuild(tx, p.build, p.now);
      });
      if (added) notifier.note({ catalogue: true });
    },
    async left(p) {
      await write(p.boot, (tx) =>
        tx.run("UPDATE worker SET left_at = $1, left_how = $2 WHERE id = $3 AND left_at IS NULL", [p.now, p.how, p.id]),
      );
    },
    async release({ boot, now }) {
      // Outside of the locks: most often there is none.
      const runs = await db.rows<{ run: number }>("SELECT DISTINCT t.run FROM held h JOIN task t ON t.id = h.task");
      if (runs.length === 0) {
        await refuseStranger(db, boot);
        return [];
      }
      const ready = await write(boot, async (tx) => {
        await lockRuns(
          tx,
          runs.map((r) => r.run),
        );
        const rows = await tx.rows<RawReady>(
          `WITH gone AS (DELETE FROM held h USING task t WHERE t.id = h.task AND t.run = ANY($1::bigint[])
             RETURNING t.lane, t.prio, t.pass, h.task, h.lease_no, h.attempt, h.crashes)
           INSERT INTO ready (lane, prio, pass, task, lease_no, attempt, crashes, alone, since)
           SELECT lane, prio, pass, task, lease_no, attempt, crashes, 0, $2 FROM gone
           RETURNING lane, prio, pass, task, lease_no AS "leaseNo", attempt, crashes, alone, since`,
          [runs.map((r) => r.run), now],
        );
        await addDepth(tx, boot, countByLane(rows));
        return rows.map(readyRow);
      });
      notifier.note({ lanes: new Set(ready.map((r) => r.lane)) });
      return ready;
    },
    async workerNames(ids) {
      if (ids.length === 0) return new Map();
      const rows = await db.rows<{ id: number; name: string }>("SELECT id, name FROM worker WHERE id = ANY($1::bigint[])", [ids]);
      return new Map(rows.map((r) => [r.id, r.name]));
    },
  };
}
