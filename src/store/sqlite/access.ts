import type { DatabaseSync } from "node:sqlite";
import type { AccessStore, NamespaceRow, TokenRow } from "../access.ts";
import type { Statements } from "./statements.ts";
import { refuseStranger } from "./stranger.ts";
import { inTransaction } from "./transaction.ts";

const select = `SELECT k.public_id AS id, k.name, k.role, n.id AS namespace, n.name AS namespaceName, k.created_at AS createdAt,
  k.expires_at AS expiresAt, k.revoked_at AS revokedAt, k.last_used_at AS lastUsedAt FROM token k LEFT JOIN namespace n ON n.id = k.namespace`;

type Raw = Omit<TokenRow, "namespace"> & { readonly namespace: number | null; readonly namespaceName: string | null };

function tokenRow({ namespace, namespaceName, ...row }: Raw): TokenRow {
  return { ...row, namespace: namespace === null || namespaceName === null ? null : { id: namespace, name: namespaceName } };
}

/** Namespaces and tokens: few rows, changed by people. */
export function openAccess(db: DatabaseSync, sql: Statements, path: string): AccessStore {
  const write = <T>(boot: number, work: () => T): T =>
    inTransaction(db, sql, path, () => {
      refuseStranger(sql, path, boot);
      return work();
    });
  const find = (name: string) => sql.row<{ id: number }>("SELECT id FROM namespace WHERE name = ?", name)?.id ?? null;
  return {
    internNamespace: ({ boot, name }) =>
      write(boot, () => {
        sql.run("INSERT OR IGNORE INTO namespace (name) VALUES (?)", name);
        return find(name) as number;
      }),
    namespace: find,
    namespaces: ({ after, limit }) =>
      sql.rows<NamespaceRow & Record<string, never>>(
        "SELECT id, name FROM namespace WHERE name > ? ORDER BY name LIMIT ?",
        after,
        limit,
      ),
    addToken: ({ boot, token: t, now }) =>
      write(boot, () => {
        sql.run(
          "INSERT INTO token (public_id, hash, name, role, namespace, created_at, expires_at) VALUES (?,?,?,?,?,?,?)",
          t.id,
          t.hash,
          t.name,
          t.role,
          t.namespace,
          now,
          t.expiresAt,
        );
      }),
    tokenByHash(hash) {
      const row = sql.row<Raw>(`${select} WHERE k.hash = ?`, hash);
      return row ? tokenRow(row) : null;
    },
    tokens: ({ namespace, after, limit }) =>
      sql
        .rows<Raw>(
          `${select} WHERE (? IS NULL OR k.namespace = ?)
             AND k.id > coalesce((SELECT a.id FROM token a WHERE a.public_id = ?), 0) ORDER BY k.id LIMIT ?`,
          namespace,
          namespace,
          after,
          limit,
        )
        .map(tokenRow),
    revokeToken: ({ boot, id, namespace, now }) =>
      write(
        boot,
        () =>
          sql.run(
            "UPDATE token SET revoked_at = coalesce(revoked_at, ?) WHERE public_id = ? AND (? IS NULL OR namespace = ?)",
            now,
            id,
            namespace,
            namespace,
          ) > 0,
      ),
    tokensUsed: ({ boot, uses }) =>
      write(boot, () => {
        for (const { id, at } of uses)
          sql.run(
            "UPDATE token SET last_used_at = ? WHERE public_id = ? AND (last_used_at IS NULL OR last_used_at < ?)",
            at,
            id,
            at,
          );
      }),
    holdsArtifact: ({ namespace, hash }) =>
      sql.row(
        "SELECT 1 FROM artifact_use u JOIN task t ON t.id = u.run WHERE u.hash = ? AND t.namespace = ? LIMIT 1",
        hash,
        namespace,
      ) !== undefined,
  };
}
