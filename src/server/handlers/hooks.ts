import type { Handler } from "../route.ts";

/** Its signature is what lets it in: no token is looked at. */
export const receiveHook: Handler = async ({ hooks }, call) =>
  hooks.receive(call.param("name"), { header: call.header, body: await call.bytes() });
