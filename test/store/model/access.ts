import type { AccessStore, TokenRow } from "../../../src/store/access.ts";
import { add, inTransaction, type Disk, type Rows } from "./disk.ts";
import { refuseStranger } from "./stranger.ts";

/** Namespaces and tokens. Artifacts are files' names to the others; who uses one, the model does not keep. */
export function openAccess(disk: Disk): AccessStore {
  const write = <T>(boot: number, work: (rows: Rows) => T): T =>
    inTransaction(disk, (rows) => {
      refuseStranger(rows, boot);
      return work(rows);
    });
  const change = (rows: Rows, id: string, to: (row: TokenRow) => TokenRow): boolean => {
    const found = [...rows.tokens].find(([, row]) => row.id === id);
    if (found) rows.tokens.set(found[0], to(found[1]));
    return found !== undefined;
  };
  return {
    internNamespace: ({ boot, name }) =>
      write(boot, (rows) => {
        const id = rows.namespaces.get(name) ?? Math.max(...rows.namespaces.values()) + 1;
        rows.namespaces.set(name, id);
        return id;
      }),
    namespace: (name) => disk.rows.namespaces.get(name) ?? null,
    namespaces: ({ after, limit }) =>
      [...disk.rows.namespaces]
        .map(([name, id]) => ({ id, name }))
        .filter((n) => n.name > after)
        .toSorted((a, b) => (a.name < b.name ? -1 : 1))
        .slice(0, limit),
    addToken: ({ boot, token: { hash, ...token }, now }) =>
      write(boot, (rows) => {
        if ([...rows.tokens.values()].some((t) => t.id === token.id)) throw new Error(`token ${token.id} is there`);
        const at = [...rows.namespaces].find(([, id]) => id === token.namespace);
        const namespace = at ? { id: at[1], name: at[0] } : null;
        add(rows.tokens, hash, { ...token, namespace, createdAt: now, revokedAt: null, lastUsedAt: null });
      }),
    tokenByHash: (hash) => disk.rows.tokens.get(hash) ?? null,
    tokens({ namespace, after, limit }) {
      const all = [...disk.rows.tokens.values()];
      return all
        .slice(all.findIndex((t) => t.id === after) + 1)
        .filter((t) => namespace === null || t.namespace?.id === namespace)
        .slice(0, limit);
    },
    revokeToken: ({ boot, id, namespace, now }) =>
      write(boot, (rows) => {
        const row = [...rows.tokens.values()].find((t) => t.id === id);
        if (!row || (namespace !== null && row.namespace?.id !== namespace)) return false;
        return change(rows, id, (t) => ({ ...t, revokedAt: t.revokedAt ?? now }));
      }),
    tokensUsed: ({ boot, uses }) =>
      write(boot, (rows) => {
        for (const { id, at } of uses) change(rows, id, (t) => ({ ...t, lastUsedAt: Math.max(t.lastUsedAt ?? 0, at) }));
      }),
    holdsArtifact() {
      throw new Error("the model keeps no artifacts: ask a driver");
    },
  };
}
