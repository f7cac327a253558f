// Tokens as clients see them; part of views.ts in a file of its own.
import type { Role } from "../core/role.ts";
import type { Page } from "./views.ts";

export interface TokenRequest {
  /** For people: what it is for. */
  readonly name: string;
  readonly role: Role;
  /** `*`: every one. @default where the caller is */
  readonly namespace?: string;
  /** @default never */
  readonly expiresAt?: string;
}

export interface TokenView {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  /** `*`: every one. */
  readonly namespace: string;
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly revokedAt: string | null;
  /** To the minute. */
  readonly lastUsedAt: string | null;
  readonly state: "active" | "expired" | "revoked";
}

export interface TokenCreated extends TokenView {
  /** Shown this once: only its hash is kept. */
  readonly token: string;
}

export interface TokensQuery {
  readonly limit?: number;
  readonly after?: string;
}

/** What may be asked about tokens. */
export interface TokensApi {
  /** A namespace that does not exist yet is made. @throws FLOTILLA_CONFIG_INVALID, FLOTILLA_FORBIDDEN */
  create(r: TokenRequest): Promise<TokenCreated>;
  /** The oldest first, those that no longer count included. */
  list(q: TokensQuery): Promise<Page<TokenView>>;
  /** At once here, and within seconds at other orchestrators of the same store. Once more is harmless. @throws FLOTILLA_NOT_FOUND */
  revoke(id: string): Promise<void>;
}
