import type { AccessStore, NamespaceRow, TokenRow } from "../access.ts";
import type { Database, Sql } from "./sql.ts";
import { refuseStranger } from "./stranger.ts";

const select = `SELECT k.public_id AS id, k.name, k.role, n.id AS namespace, n.name AS "namespaceName", k.created_at AS "createdAt",
  k.expires_at AS "expiresAt", k.revoked_at AS "revokedAt", k.last_used_at AS "lastUsedAt" FROM token k LEFT JOIN namespace n ON n.id = k.namespace`;

type Raw = Omit<TokenRow, "namespace"> & { readonly namespace: number | null; readonly namespaceName: string | null };

function tokenRow({ namespace, namespaceName, ...row }: Raw): TokenRow {
  return { ...row, namespace: namespace === null || namespaceName === null ? null : { id: namespace, name: namespaceName } };
}

/** Namespaces and tokens: few rows, changed by people. */
export function openAccess(db: Database): AccessStore {
  const write = <T>(boot: number, work: (tx: Sql) => Promise<T>): Promise<T> =>
    db.transaction(async (tx) => {
      await refuseStranger(tx, boot);
      return await work(tx);
    });
  const find = async (sql: Sql, name: string) =>
    (await sql.row<{ id: number }>("SELECT id FROM namespace WHERE name = $1", [name]))?.id ?? null;
  return {
    internNamespace: ({ boot, name }) =>
      write(boot, async (tx) => {
        // Looked up first: a refused insert would take a number all the same.
        const known = await find(tx, name);
        if (known !== null) return known;
        await tx.run("INSERT INTO namespace (name) VALUES ($1) ON CONFLICT (name) DO NOTHING", [name]);
        return (await find(tx, name)) as number;
      }),
    namespace: (name) => find(db, name),
    namespaces: ({ after, limit }) =>
      db.rows<NamespaceRow>("SELECT id, name FROM namespace WHERE name > $1 ORDER BY name LIMIT $2", [after, limit]),
    async addToken({ boot, token: t, now }) {
      await write(boot, (tx) =>
        tx.run(
          "INSERT INTO token (public_id, hash, name, role, namespace, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
          [t.id, t.hash, t.name, t.role, t.namespace, now, t.expiresAt],
        ),
      );
    },
    async tokenByHash(hash) {
      const row = await db.row<Raw>(`${select} WHERE k.hash = $1`, [hash]);
      return row ? tokenRow(row) : null;
    },
    async tokens({ namespace, after, limit }) {
      const rows = await db.rows<Raw>(
        `${select} WHERE ($1::bigint IS NULL OR k.namespace = $1)
           AND k.id > coalesce((SELECT a.id FROM token a WHERE a.public_id = $2), 0) ORDER BY k.id LIMIT $3`,
        [namespace, after, limit],
      );
      return rows.map(tokenRow);
    },
    revokeToken: ({ boot, id, namespace, now }) =>
      write(
        boot,
        async (tx) =>
          (await tx.run(
            "UPDATE token SET revoked_at = coalesce(revoked_at, $1) WHERE public_id = $2 AND ($3::bigint IS NULL OR namespace = $3)",
            [now, id, namespace],
          )) > 0,
      ),
    async tokensUsed({ boot, uses }) {
      // In one order: two lives that note the same tokens do not wait for each other in a circle.
      const sorted = uses.toSorted((a, b) => (a.id < b.id ? -1 : 1));
      await write(boot, async (tx) => {
        await tx.rows("SELECT 1 FROM token WHERE public_id = ANY($1::text[]) ORDER BY public_id FOR NO KEY UPDATE", [
          sorted.map((u) => u.id),
        ]);
        await tx.run(
          `UPDATE token k SET last_used_at = u.at FROM (SELECT id, max(at) AS at FROM unnest($1::text[], $2::bigint[]) x(id, at) GROUP BY id) u
           WHERE k.public_id = u.id AND (k.last_used_at IS NULL OR k.last_used_at < u.at)`,
          [sorted.map((u) => u.id), sorted.map((u) => u.at)],
        );
      });
    },
    async holdsArtifact({ namespace, hash }) {
      const row = await db.row(
        "SELECT 1 FROM artifact_use u JOIN task t ON t.id = u.run WHERE u.hash = $1 AND t.namespace = $2 LIMIT 1",
        [hash, namespace],
      );
      return row !== undefined;
    },
  };
}
