import { FlotillaError } from "../../../core/error.ts";
import type { UpkeepStore } from "../../upkeep.ts";
import type { Database, Sql } from "../sql.ts";
import { refuseStranger } from "../stranger.ts";
import { pruneSlice } from "./prune.ts";
import { purgeSlice } from "./purge.ts";
import { insertUses } from "./uses.ts";

/** More than the results that are held back at a time usually need, and nothing to a disk that has room. */
const probeBytes = 65_536;

/** What was put may lack its use for so long: that comes with the commit of what refers to it. */
export const artifactGraceMs = 600_000;

/** `graceMs`: how long an artifact without a use is kept after it was last put. */
export function openUpkeep(db: Database, graceMs = artifactGraceMs): UpkeepStore {
  const write = <T>(boot: number, work: (tx: Sql) => Promise<T>): Promise<T> =>
    db.transaction(async (tx) => {
      await refuseStranger(tx, boot);
      return await work(tx);
    });
  return {
    async prune(p) {
      const slice = await write(p.boot, (tx) => pruneSlice(tx, p, graceMs));
      return slice ?? { runs: 0, tasks: 0, unused: [], looked: 0, more: false };
    },
    purge: (p) => write(p.boot, (tx) => purgeSlice(tx, p)),
    // The log of a PostgreSQL is its administrator's, and so are the pages that its rows leave: docs/guides/postgres.md.
    emptyLog: () => true,
    use: ({ boot, uses }) => write(boot, (tx) => insertUses(tx, uses)),
    async unused(hashes) {
      if (hashes.length === 0) return [];
      const rows = await db.rows<{ hash: string }>(
        "SELECT h.hash FROM unnest($1::text[]) h(hash) WHERE NOT EXISTS (SELECT 1 FROM artifact_use u WHERE u.hash = h.hash)",
        [hashes],
      );
      return rows.map((r) => r.hash);
    },
    async probe({ boot }) {
      // A row of its own: several lives may try at once.
      await write(boot, (tx) =>
        tx.run(
          "INSERT INTO room (id, bytes) VALUES ($1, decode(repeat('00', $2::int), 'hex')) ON CONFLICT (id) DO UPDATE SET bytes = excluded.bytes",
          [boot, probeBytes],
        ),
      );
      await write(boot, (tx) => tx.run("DELETE FROM room WHERE id = $1", [boot]));
    },
    copyTo: () =>
      Promise.reject(
        new FlotillaError("FLOTILLA_NOT_SUPPORTED", {
          what: "a PostgreSQL store is not copied into a file",
          instead: "take a backup with pg_dump --schema, or with what your database's provider has; docs/guides/postgres.md",
        }),
      ),
  };
}
