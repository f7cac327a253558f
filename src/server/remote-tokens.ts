import type { TokenCreated, TokensApi, TokenView } from "../protocol/tokens.ts";
import type { Page } from "../protocol/views.ts";
import type { Route } from "./route.ts";

type Ask = <T>(path: string, o?: { readonly method: Route["method"]; readonly body?: string }) => Promise<T>;

/** `TokensApi` from afar. */
export function remoteTokens(ask: Ask, queryString: (query: Readonly<Record<string, string | number>>) => string): TokensApi {
  return {
    create: (r) => ask<TokenCreated>("/tokens", { method: "POST", body: JSON.stringify(r) }),
    list: (q) => ask<Page<TokenView>>(`/tokens${queryString({ ...q })}`),
    async revoke(id) {
      await ask<unknown>(`/tokens/${encodeURIComponent(id)}`, { method: "DELETE" });
    },
  };
}
