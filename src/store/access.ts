// Who may enter which namespace, types only: part of the contract, in a file of its own.
import type { Role } from "../core/role.ts";
import type { Awaitable } from "./contract.ts";

/** A token as it is kept: never the token itself. */
export interface TokenRow {
  /** What people name it by. */
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  /** null: every namespace. */
  readonly namespace: NamespaceRow | null;
  readonly createdAt: number;
  readonly expiresAt: number | null;
  readonly revokedAt: number | null;
  /** Coarse: noted once a minute at most. */
  readonly lastUsedAt: number | null;
}

export interface NewToken {
  readonly id: string;
  /** SHA-256 of the token, hex. */
  readonly hash: string;
  readonly name: string;
  readonly role: Role;
  readonly namespace: number | null;
  readonly expiresAt: number | null;
}

export interface NamespaceRow {
  readonly id: number;
  readonly name: string;
}

/** Each change is one transaction of its own. Its writes belong to the latest life, as those of the catalogue do. */
export interface AccessStore {
  /** The number of that name, made when there is none. Two who ask at once get the same. */
  internNamespace(p: { readonly boot: number; readonly name: string }): Awaitable<number>;
  /** null: there is none. */
  namespace(name: string): Awaitable<number | null>;
  /** By name, those after `after`. */
  namespaces(p: { readonly after: string; readonly limit: number }): Awaitable<readonly NamespaceRow[]>;
  addToken(p: { readonly boot: number; readonly token: NewToken; readonly now: number }): Awaitable<void>;
  /** Also when it has expired or was revoked: the caller's clock decides. null: there is none. */
  tokenByHash(hash: string): Awaitable<TokenRow | null>;
  /** In the order of their making, those after the token `after` (null: from the first). `namespace` null: all of them. */
  tokens(p: {
    readonly namespace: number | null;
    readonly after: string | null;
    readonly limit: number;
  }): Awaitable<readonly TokenRow[]>;
  /** False: there is no such token (of that namespace, when one is named). Once more changes nothing and says true. */
  revokeToken(p: {
    readonly boot: number;
    readonly id: string;
    readonly namespace: number | null;
    readonly now: number;
  }): Awaitable<boolean>;
  /** `lastUsedAt` never goes back. */
  tokensUsed(p: {
    readonly boot: number;
    readonly uses: readonly { readonly id: string; readonly at: number }[];
  }): Awaitable<void>;
  /** Some run of that namespace uses the artifact. */
  holdsArtifact(p: { readonly namespace: number; readonly hash: string }): Awaitable<boolean>;
}
