import { drainKeptMs, type BuildRow, type BuildStore } from "../builds.ts";
import type { Notifier } from "./notifier.ts";
import type { Database, Sql } from "./sql.ts";
import { refuseStranger } from "./stranger.ts";

/** The order is the number that is stored: append only. */
const kinds = ["", "build", "worker"] as const;

/** With the catalogue: when it moves, others read these again too. */
export function openBuilds(db: Database, notifier: Pick<Notifier, "note">): BuildStore {
  const write = async <T>(boot: number, work: (tx: Sql) => Promise<T>): Promise<T> => {
    const result = await db.transaction(async (tx) => {
      await refuseStranger(tx, boot);
      const done = await work(tx);
      await moveCatalogue(tx);
      return done;
    });
    notifier.note({ catalogue: true });
    return result;
  };
  return {
    async read() {
      const drains = await db.rows<{ kind: 1 | 2; name: string; park: number; at: number }>(
        "SELECT kind, name, park, at FROM drain",
      );
      return {
        builds: await db.rows<BuildRow>("SELECT name, since FROM build"),
        drains: drains.map((d) => ({ ...d, kind: kinds[d.kind], park: d.park === 1 })),
      };
    },
    async drain({ boot, drain: { kind, name, park, at } }) {
      await write(boot, async (tx) => {
        await tx.run("DELETE FROM drain WHERE kind = 2 AND at < $1", [at - drainKeptMs]);
        await tx.run(
          `INSERT INTO drain (kind, name, park, at) VALUES ($1, $2, $3, $4)
           ON CONFLICT (kind, name) DO UPDATE SET park = excluded.park, at = excluded.at`,
          [kinds.indexOf(kind), name, park ? 1 : 0, at],
        );
      });
    },
    resume: ({ boot, build }) =>
      write(boot, async (tx) => (await tx.run("DELETE FROM drain WHERE kind = 1 AND name = $1", [build])) > 0),
    async unfinished(lanes) {
      const of = (place: string) =>
        `EXISTS (SELECT 1 FROM ${place} p JOIN task t ON t.id = p.task WHERE t.lane = ANY($1::bigint[]))`;
      const row = await db.row<{ found: boolean }>(
        `SELECT EXISTS (SELECT 1 FROM ready WHERE lane = ANY($1::bigint[])) OR EXISTS (SELECT 1 FROM delayed WHERE lane = ANY($1::bigint[]))
           OR ${of("running")} OR ${of("held")} OR ${of("parked")} AS found`,
        [lanes],
      );
      return row?.found === true;
    },
  };
}

/** A worker has come: its build is kept, later than all others. @returns whether it is new */
export async function keepBuild(tx: Sql, name: string, now: number): Promise<boolean> {
  // Most builds are known: then nothing is locked.
  if (await tx.row("SELECT 1 FROM build WHERE name = $1", [name])) return false;
  await moveCatalogue(tx);
  const added = await tx.run(
    `INSERT INTO build (name, since) SELECT $1, greatest($2::bigint, coalesce(max(since) + 1, 0)) FROM build ON CONFLICT DO NOTHING`,
    [name, now],
  );
  return added > 0;
}

async function moveCatalogue(tx: Sql): Promise<void> {
  await tx.run("UPDATE upkeep SET value = value + 1 WHERE name = 'catalogue'");
}
