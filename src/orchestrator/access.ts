// Who may enter: tokens, which are made, shown once and then known by their hash alone, and the namespaces that they open.
import { createHash } from "node:crypto";
import { bounds } from "../core/bounds.ts";
import { FlotillaError } from "../core/error.ts";
import { anyNamespace, defaultNamespace, isNamespaceName } from "../core/namespace.ts";
import { isRole, roles } from "../core/role.ts";
import type { Access } from "../protocol/access.ts";
import type { TokenRequest, TokenView } from "../protocol/tokens.ts";
import type { NamespaceRow, TokenRow } from "../store/access.ts";
import { pageSize } from "./queries.ts";
import type { State } from "./state.ts";

/** Tells our tokens from others at a glance, and lets scanners of leaked secrets find them. */
export const tokenPrefix = "flt_";

/** How long an answer of the store is believed: a token that another orchestrator revoked opens nothing after that. */
const believeMs = 5_000;
/** Tokens that are remembered; beyond it all are forgotten at once. What is no token is not remembered. */
const rememberedMax = 10_000;
const noteEveryMs = 60_000;

interface Remembered {
  readonly row: TokenRow;
  readonly until: number;
}

export function accessOf(state: State, secret: () => string): Access {
  const { store, clock } = state;
  const remembered = new Map<string, Remembered>();
  const namespaces = new Map<string, NamespaceRow>([[defaultNamespace.name, defaultNamespace]]);

  async function read(hash: string): Promise<TokenRow | undefined> {
    const known = remembered.get(hash);
    if (known !== undefined && known.until > clock.elapsedMs()) return known.row;
    const row = await store.access.tokenByHash(hash);
    if (row === null) return undefined;
    if (remembered.size >= rememberedMax) remembered.clear();
    remembered.set(hash, { row, until: clock.elapsedMs() + believeMs });
    return row;
  }

  /** Coarse and beside the way: nobody waits for it, and a full disk costs nobody the access. */
  function note(hash: string, row: TokenRow): void {
    const at = clock.now();
    if (row.lastUsedAt !== null && at - row.lastUsedAt < noteEveryMs) return;
    remembered.set(hash, { row: { ...row, lastUsedAt: at }, until: remembered.get(hash)?.until ?? 0 });
    (async () => store.access.tokensUsed({ boot: state.boot, uses: [{ id: row.id, at }] }))().catch((e: unknown) =>
      state.log("debug", "when a token was last used could not be noted", { token: row.id, error: String(e) }),
    );
  }

  async function find(name: string): Promise<NamespaceRow | undefined> {
    const known = namespaces.get(name);
    if (known) return known;
    const id = isNamespaceName(name) ? await store.access.namespace(name) : null;
    if (id === null) return undefined;
    const row = { id, name };
    namespaces.set(name, row);
    return row;
  }

  async function intern(name: string): Promise<NamespaceRow> {
    if (!isNamespaceName(name)) throw badNamespace(name);
    const there = await find(name);
    if (there) return there;
    const row = { id: await store.access.internNamespace({ boot: state.boot, name }), name };
    namespaces.set(name, row);
    return row;
  }

  return {
    async check(token) {
      if (!shape.test(token)) return undefined;
      const hash = hashOf(token);
      const row = await read(hash);
      if (row === undefined || stateOf(row, clock.now()) !== "active") return undefined;
      note(hash, row);
      return { id: row.id, role: row.role, namespace: row.namespace };
    },
    async any() {
      for (let after: string | null = null; ;) {
        const page: readonly TokenRow[] = await store.access.tokens({ namespace: null, after, limit: 100 });
        if (page.some((row) => stateOf(row, clock.now()) === "active")) return true;
        after = page.at(-1)?.id ?? null;
        if (after === null) return false;
      }
    },
    namespace: find,
    internNamespace: intern,
    tokens: (within) => ({
      async create(r) {
        check(r);
        const expiresAt = r.expiresAt === undefined ? null : Date.parse(r.expiresAt);
        if (expiresAt !== null && !(expiresAt > clock.now()))
          throw invalid("expiresAt", "it is no instant in the future", "leave it out, or name a later one");
        const asked = r.namespace ?? within?.name ?? defaultNamespace.name;
        if (within !== null && asked !== within.name)
          throw new FlotillaError("FLOTILLA_FORBIDDEN", {
            what: `a token for namespace ${asked}`,
            needs: "an access to every namespace",
          });
        const namespace = asked === anyNamespace ? null : await intern(asked);
        const id = `tok_${secret().slice(0, 12)}`;
        // Two draws: 256 random bits, so that the hash alone can be kept and be found by.
        const token = tokenPrefix + secret() + secret();
        const kept = { id, hash: hashOf(token), name: r.name, role: r.role, namespace: namespace?.id ?? null, expiresAt };
        await store.access.addToken({ boot: state.boot, token: kept, now: clock.now() });
        state.log("info", "a token was made", { token: id, role: r.role, namespace: asked });
        const row = { ...kept, namespace, createdAt: clock.now(), revokedAt: null, lastUsedAt: null };
        return { ...tokenView(row, clock.now()), token };
      },
      async list(q) {
        const limit = pageSize(q.limit);
        const rows = await store.access.tokens({ namespace: within?.id ?? null, after: q.after ?? null, limit: limit + 1 });
        const items = rows.slice(0, limit).map((row) => tokenView(row, clock.now()));
        return { items, next: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
      },
      async revoke(id) {
        const there = await store.access.revokeToken({
          boot: state.boot,
          id,
          namespace: within?.id ?? null,
          now: clock.now(),
        });
        if (!there) throw new FlotillaError("FLOTILLA_NOT_FOUND", { what: "token", id });
        for (const [hash, { row }] of remembered) if (row.id === id) remembered.delete(hash);
        state.log("info", "a token was revoked", { token: id });
      },
    }),
  };
}

/** Whatever is not of this shape needs no look into the store. */
const shape = /^flt_[0-9a-hjkmnp-tv-z]{52}$/;

/**
 * SHA-256, plain: the token is 256 random bits, so that nobody tries them all, and no two are alike. The slow salted
 * hashes that passwords need would protect nothing more, and would cost every request. It is looked up by this hash, so
 * how long a look takes tells nothing of the token.
 */
function hashOf(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

function stateOf(row: TokenRow, now: number): TokenView["state"] {
  if (row.revokedAt !== null) return "revoked";
  return row.expiresAt !== null && row.expiresAt <= now ? "expired" : "active";
}

function tokenView(row: TokenRow & { readonly hash?: string }, now: number): TokenView {
  return {
    id: row.id,
    name: row.name,
    role: row.role,
    namespace: row.namespace?.name ?? anyNamespace,
    createdAt: iso(row.createdAt) as string,
    expiresAt: iso(row.expiresAt),
    revokedAt: iso(row.revokedAt),
    lastUsedAt: iso(row.lastUsedAt),
    state: stateOf(row, now),
  };
}

function iso(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}

function check(r: TokenRequest): void {
  if (typeof r.name !== "string" || r.name.length === 0 || r.name.length > bounds.nameLength)
    throw invalid("name", "it is no text of a fitting length", `use 1 to ${bounds.nameLength} characters`);
  if (!isRole(r.role)) throw invalid("role", `${JSON.stringify(r.role)} is no role`, `use one of ${roles.join(", ")}`);
  if (r.namespace !== undefined && r.namespace !== anyNamespace && !isNamespaceName(r.namespace)) throw badNamespace(r.namespace);
}

function badNamespace(name: unknown): FlotillaError {
  const fix = 'use up to 63 lower-case letters, digits and single dashes, such as "team-a"';
  return invalid("namespace", `${JSON.stringify(name)} is no name of a namespace`, fix);
}

function invalid(field: string, problem: string, fix: string): FlotillaError {
  return new FlotillaError("FLOTILLA_CONFIG_INVALID", { field, problem, fix });
}
