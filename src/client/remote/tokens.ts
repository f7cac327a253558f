import type { TokenCreated, TokensApi, TokenView } from "../../protocol/tokens.ts";
import type { Page } from "../../protocol/views.ts";
import type { Caller } from "./caller.ts";
import { queryString } from "./query-string.ts";

/** `TokensApi` from afar. */
export function remoteTokens(caller: Caller): TokensApi {
  return {
    create: (r) => caller.json<TokenCreated>("/tokens", { method: "POST", body: JSON.stringify(r) }),
    list: (q) => caller.json<Page<TokenView>>(`/tokens${queryString(q)}`),
    async revoke(id) {
      await caller.text(`/tokens/${encodeURIComponent(id)}`, { method: "DELETE" });
    },
  };
}
