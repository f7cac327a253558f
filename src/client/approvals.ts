import { toJson } from "../core/json.ts";
import type { ApprovalView, OrchestratorApi } from "../protocol/views.ts";

/** The inbox: what running workflows ask of people. The first answer counts. */
export interface Approvals {
  /** Open ones, the oldest first; at most `limit` (default 50, at most 500), after the one whose id is `after`. */
  list(o?: { limit?: number; after?: string }): Promise<ApprovalView[]>;
  /**
   * Goes on with what was proposed, or with `value` where the workflow lets it be edited.
   * @throws FLOTILLA_NOT_FOUND, FLOTILLA_TOO_LATE when it is not open any more, FLOTILLA_CONFIG_INVALID for a value that
   * nobody asked for
   */
  approve(id: string, o?: { by?: string; note?: string; value?: unknown }): Promise<void>;
  /** The workflow gets FLOTILLA_REJECTED with the reason. @throws FLOTILLA_NOT_FOUND, FLOTILLA_TOO_LATE */
  reject(id: string, o: { by?: string; reason: string }): Promise<void>;
}

export function approvalsOf(api: Pick<OrchestratorApi, "approvals" | "approve" | "reject">): Approvals {
  return {
    list: async (o = {}) => [...(await api.approvals(o)).items],
    approve: async (id, { value, ...o } = {}) =>
      api.approve(id, value === undefined ? o : { ...o, value: toJson(value, "approvals.approve") }),
    reject: async (id, o) => api.reject(id, o),
  };
}
