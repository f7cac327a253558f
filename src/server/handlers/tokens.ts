import type { TokenRequest, TokensQuery } from "../../protocol/tokens.ts";
import { checked, parseBody, present, tokenBody, tokensQuery } from "../requests.ts";
import type { Handler } from "../route.ts";

/** The one answer that holds a token: it is shown this once. */
export const createToken: Handler = async ({ api }, call) => {
  const request = present(checked(tokenBody, parseBody(await call.body()), "body")) as TokenRequest;
  return { status: 201, json: await api.tokens.create(request) };
};

export const listTokens: Handler = async ({ api }, call) => {
  const query = present(checked(tokensQuery, call.query, "query")) as TokensQuery;
  return { status: 200, json: await api.tokens.list(query) };
};

export const revokeToken: Handler = async ({ api }, call) => {
  await api.tokens.revoke(call.param("id"));
  return { status: 200, json: { id: call.param("id"), revoked: true } };
};
