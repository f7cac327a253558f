import { createHash } from "node:crypto";
import { FlotillaError } from "../../core/error.ts";
import type { ArtifactStore } from "../artifact-store.ts";
import type { Database } from "./sql.ts";
import { artifactGraceMs } from "./upkeep/open.ts";

/** A chunk is a row: PostgreSQL holds each in memory as a whole, more than once. */
const chunkBytes = 1_048_576;
const hashShape = /^[0-9a-f]{64}$/;

function notFound(hash: string, cause?: unknown): FlotillaError {
  return new FlotillaError("FLOTILLA_NOT_FOUND", { what: "artifact", id: hash }, { cause });
}

/**
 * Artifacts beside the rows that refer to them, so that every orchestrator of the database has them, and one backup has all.
 * `graceMs`: one that nobody uses is kept so long after it was last put, because its use comes with a later commit, perhaps
 * of another orchestrator.
 */
export function postgresArtifacts(db: Database, graceMs = artifactGraceMs): ArtifactStore {
  return {
    async put(text) {
      const content = Buffer.from(text);
      const hash = createHash("sha256").update(content).digest("hex");
      const bytes = content.byteLength;
      await db.transaction(async (tx) => {
        // One that is there is not written again, and is not removed for a while. One that is on its way out is waited for.
        const { fresh } = (await tx.row<{ fresh: boolean }>(
          `INSERT INTO artifact (hash, bytes) VALUES ($1, $2) ON CONFLICT (hash) DO UPDATE SET at = clock_timestamp()
           RETURNING xmax = 0 AS fresh`,
          [hash, bytes],
        )) as { fresh: boolean };
        if (!fresh) return;
        for (let at = 0, n = 0; at < bytes; at += chunkBytes, n++)
          await tx.run("INSERT INTO artifact_chunk (hash, n, bytes) VALUES ($1, $2, $3)", [
            hash,
            n,
            content.subarray(at, at + chunkBytes),
          ]);
      });
      return { hash, bytes };
    },
    async get(hash) {
      if (!hashShape.test(hash)) throw notFound(hash);
      const size = await db.row<{ bytes: number }>("SELECT bytes FROM artifact WHERE hash = $1", [hash]);
      if (!size) throw notFound(hash);
      const chunks: Buffer[] = [];
      // One at a time: what is being read lies in memory once, not once more in the driver.
      for (let n = 0; n * chunkBytes < size.bytes; n++) {
        const chunk = await db.row<{ bytes: Buffer }>("SELECT bytes FROM artifact_chunk WHERE hash = $1 AND n = $2", [hash, n]);
        if (!chunk) throw notFound(hash, new Error(`chunk ${n} is missing`));
        chunks.push(chunk.bytes);
      }
      const content = Buffer.concat(chunks);
      if (createHash("sha256").update(content).digest("hex") !== hash)
        throw notFound(hash, new Error("its content is not what its name says"));
      return content.toString();
    },
    async remove(hash) {
      if (!hashShape.test(hash)) return;
      await db.transaction(async (tx) => {
        // Whoever commits a use holds the row (upkeep/uses.ts), and so does whoever puts it: both are waited for, and the
        // statement after this one sees what they did.
        if (!(await tx.row("SELECT 1 FROM artifact WHERE hash = $1 FOR UPDATE", [hash]))) return;
        const gone = await tx.run(
          `DELETE FROM artifact a WHERE hash = $1 AND at <= clock_timestamp() - $2 * interval '1 ms'
             AND NOT EXISTS (SELECT 1 FROM artifact_use u WHERE u.hash = a.hash)`,
          [hash, graceMs],
        );
        if (gone > 0) await tx.run("DELETE FROM artifact_chunk WHERE hash = $1", [hash]);
      });
    },
    copy: () =>
      Promise.reject(
        new FlotillaError("FLOTILLA_NOT_SUPPORTED", {
          what: "artifacts in PostgreSQL are not copied into a folder",
          instead: "take a backup with pg_dump: they are tables of the same schema; docs/guides/postgres.md",
        }),
      ),
  };
}
