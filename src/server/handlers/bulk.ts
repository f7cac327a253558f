import type { BulkRequest, BulkView } from "../../protocol/bulk.ts";
import type { EventView } from "../../protocol/views.ts";
import { bulkBody, checked, parseBody, present } from "../requests.ts";
import type { Handler } from "../route.ts";

/** A dry run answers with the count. Else how far it is goes out as events until it is done; whoever hangs up stops it. */
export const bulk: Handler = async ({ api }, call) => {
  const { dryRun, where, ...rest } = checked(bulkBody, parseBody(await call.body()), "body");
  const request = { ...present(rest), where: present(where) } as BulkRequest;
  if (dryRun !== true) return { events: eventsOf(api.bulk(request, call.signal)) };
  let last: BulkView | undefined;
  for await (const view of api.bulk(request, call.signal)) last = view;
  return { status: 200, json: last };
};

async function* eventsOf(views: AsyncIterable<BulkView>): AsyncGenerator<EventView> {
  for await (const view of views) yield { type: "bulk", cursor: "", at: view.asOf, runId: "", data: view };
}
