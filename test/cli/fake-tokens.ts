import { FlotillaError } from "../../src/core/error.ts";
import type { TokensApi, TokenView } from "../../src/protocol/tokens.ts";

/** Tokens of a fake orchestrator: kept as they were asked for. */
export function fakeTokens(): TokensApi {
  const tokens = new Map<string, TokenView>();
  return {
    async create({ name, role, namespace = "default", expiresAt }) {
      const id = `tok_${tokens.size + 1}`;
      const createdAt = "2026-11-22T10:00:00.000Z";
      const view: TokenView = {
        id,
        name,
        role,
        namespace,
        createdAt,
        expiresAt: expiresAt ?? null,
        revokedAt: null,
        lastUsedAt: null,
        state: "active",
      };
      tokens.set(id, view);
      return { ...view, token: `flt_${"7k2m9q4x5z8b3c6d1f0g2h5j8n".repeat(2)}` };
    },
    async list({ after, limit = 50 }) {
      const all = [...tokens.values()];
      const from = all.findIndex((t) => t.id === after) + 1;
      const items = all.slice(from, from + limit);
      return { items, next: from + limit < all.length ? (items.at(-1)?.id ?? null) : null };
    },
    async revoke(id) {
      const there = tokens.get(id);
      if (!there) throw new FlotillaError("FLOTILLA_NOT_FOUND", { what: "token", id });
      tokens.set(id, { ...there, revokedAt: there.revokedAt ?? "2026-11-22T11:00:00.000Z", state: "revoked" });
    },
  };
}
