import type { DatabaseSync } from "node:sqlite";
import { drainKeptMs, type BuildRow, type BuildStore } from "../builds.ts";
import type { Statements } from "./statements.ts";
import { refuseStranger } from "./stranger.ts";
import { inTransaction } from "./transaction.ts";

/** The order is the number that is stored: append only. */
const kinds = ["", "build", "worker"] as const;

export function openBuilds(db: DatabaseSync, sql: Statements, path: string): BuildStore {
  const write = <T>(boot: number, work: () => T): T =>
    inTransaction(db, sql, path, () => {
      refuseStranger(sql, path, boot);
      return work();
    });
  return {
    read() {
      const drains = sql.rows<{ kind: 1 | 2; name: string; park: number; at: number }>("SELECT kind, name, park, at FROM drain");
      return {
        builds: sql.rows<BuildRow>("SELECT name, since FROM build"),
        drains: drains.map((d) => ({ ...d, kind: kinds[d.kind], park: d.park === 1 })),
      };
    },
    drain({ boot, drain: { kind, name, park, at } }) {
      write(boot, () => {
        sql.run("DELETE FROM drain WHERE kind = 2 AND at < ?", at - drainKeptMs);
        sql.run(
          `INSERT INTO drain (kind, name, park, at) VALUES (?,?,?,?)
           ON CONFLICT (kind, name) DO UPDATE SET park = excluded.park, at = excluded.at`,
          kinds.indexOf(kind),
          name,
          park ? 1 : 0,
          at,
        );
      });
    },
    resume: ({ boot, build }) => write(boot, () => sql.run("DELETE FROM drain WHERE kind = 1 AND name = ?", build) > 0),
    unfinished(lanes) {
      const of = JSON.stringify(lanes);
      // The small tables first: a task that has begun has one row in one of them.
      const row = sql.row<{ found: number }>(
        `WITH l AS (SELECT value AS id FROM json_each(?)) SELECT
           EXISTS (SELECT 1 FROM ready WHERE lane IN (SELECT id FROM l)) OR
           EXISTS (SELECT 1 FROM delayed WHERE lane IN (SELECT id FROM l)) OR
           EXISTS (SELECT 1 FROM running r JOIN task t ON t.id = r.task WHERE t.lane IN (SELECT id FROM l)) OR
           EXISTS (SELECT 1 FROM held h JOIN task t ON t.id = h.task WHERE t.lane IN (SELECT id FROM l)) OR
           EXISTS (SELECT 1 FROM parked p JOIN task t ON t.id = p.task WHERE t.lane IN (SELECT id FROM l)) AS found`,
        of,
      );
      return row?.found === 1;
    },
  };
}
