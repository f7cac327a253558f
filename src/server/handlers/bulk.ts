import type { BulkRequest, BulkView } from "../../protocol/bulk.ts";
import type { EventView, OrchestratorApi } from "../../protocol/views.ts";
import { bulkBody, bulkCountBody, bulkPurgeBody, checked, parseBody, present } from "../requests.ts";
import type { Call, Handler, Reply } from "../route.ts";

export const bulkCount: Handler = async ({ api }, call) => {
  const { where, ...rest } = checked(bulkCountBody, parseBody(await call.body()), "body");
  let last: BulkView | undefined;
  for await (const view of api.bulk({ ...present(rest), where: present(where) }, call.signal)) last = view;
  return { status: 200, json: last };
};

export const bulk: Handler = async ({ api }, call) => {
  const { where, ...rest } = checked(bulkBody, parseBody(await call.body()), "body");
  return told(api, call, { ...present(rest), where: present(where) });
};

export const bulkPurge: Handler = async ({ api }, call) => {
  const { where, ...rest } = checked(bulkPurgeBody, parseBody(await call.body()), "body");
  return told(api, call, { ...present(rest), action: "purge", where: present(where) });
};

/** How far it is goes out as events until it is done; whoever hangs up stops it. */
function told(api: OrchestratorApi, call: Call, request: BulkRequest): Reply {
  return { events: eventsOf(api.bulk(request, call.signal)) };
}

async function* eventsOf(views: AsyncIterable<BulkView>): AsyncGenerator<EventView> {
  for await (const view of views) yield { type: "bulk", cursor: "", at: view.asOf, runId: "", data: view };
}
