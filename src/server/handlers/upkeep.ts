import type { PurgeRequest } from "../../protocol/views.ts";
import { backupBody, checked, parseBody, present, purgeBody } from "../requests.ts";
import type { Handler } from "../route.ts";

export const purge: Handler = async ({ api }, call) => {
  const q = present(checked(purgeBody, parseBody(await call.body()), "body")) as PurgeRequest;
  return { status: 200, json: await api.purge(q) };
};

export const backup: Handler = async ({ api }, call) => {
  const { folder } = checked(backupBody, parseBody(await call.body()), "body");
  return { status: 201, json: await api.backup(folder) };
};
