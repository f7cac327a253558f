import type { ApprovalsQuery } from "../../protocol/views.ts";
import { approvalsQuery, approveBody, checked, parseBody, present, rejectBody } from "../requests.ts";
import type { Handler } from "../route.ts";

export const listApprovals: Handler = async ({ api }, call) => {
  const query = present(checked(approvalsQuery, call.query, "query")) as ApprovalsQuery;
  return { status: 200, json: await api.approvals(query) };
};

export const getApproval: Handler = async ({ api }, call) => ({ status: 200, json: await api.approval(call.param("id")) });

export const approve: Handler = async ({ api }, call) => {
  const { value, ...rest } = checked(approveBody, parseBody(await call.body()), "body");
  // No value: what was proposed. The orchestrator checks an edited one against the approval's schema.
  const edited = value === undefined ? {} : { value: JSON.stringify(value) };
  await api.approve(call.param("id"), { ...present(rest), ...edited });
  return { status: 200, json: { id: call.param("id"), state: "approved" } };
};

export const reject: Handler = async ({ api }, call) => {
  await api.reject(call.param("id"), present(checked(rejectBody, parseBody(await call.body()), "body")));
  return { status: 200, json: { id: call.param("id"), state: "rejected" } };
};
