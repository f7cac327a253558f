import { FlotillaError } from "../../core/error.ts";
import { runId } from "../../core/id.ts";
import type { WebhookCallView, WebhooksApi } from "../../protocol/webhooks.ts";
import type { WebhookCall } from "../../store/webhooks.ts";
import { pageSize } from "../queries.ts";
import type { State } from "../state.ts";

/** Calls of webhooks that people look at: of one namespace, or of all (null). */
export function webhooksOf(state: State, namespace: string | null): WebhooksApi {
  const { store, clock } = state;
  const find = async (id: string): Promise<WebhookCall> => {
    const number = numberOf(id);
    const [call] = number === null ? [] : await store.webhooks.list({ namespace, after: number - 1, limit: 1, givenUp: false });
    if (!call || call.id !== number) throw new FlotillaError("FLOTILLA_NOT_FOUND", { what: "call of a webhook", id });
    return call;
  };
  return {
    async calls(q) {
      const limit = pageSize(q.limit);
      const after = q.after === undefined ? 0 : numberOf(q.after);
      if (after === null)
        throw new FlotillaError("FLOTILLA_CONFIG_INVALID", {
          field: "after",
          problem: "it is no cursor of a page",
          fix: "pass the `next` of the page before",
        });
      const rows = await store.webhooks.list({ namespace, after, limit: limit + 1, givenUp: q.givenUp ?? false });
      const page = rows.slice(0, limit);
      return { items: page.map(callView), next: rows.length > limit ? String(page.at(-1)?.id) : null };
    },
    async retry(id) {
      const call = await find(id);
      const revived = await store.webhooks.revive({ boot: state.boot, now: clock.now(), ids: [call.id] });
      if (revived === 0) throw new FlotillaError("FLOTILLA_TOO_LATE", { what: `call ${id}`, why: "it is not given up" });
      const view = callView(await find(id));
      state.callsStored();
      return view;
    },
  };
}

function numberOf(text: string): number | null {
  return /^\d{1,15}$/.test(text) ? Number(text) : null;
}

function callView(c: WebhookCall): WebhookCallView {
  return {
    id: String(c.id),
    webhook: c.webhook,
    event: c.event,
    runId: runId(c.secret, c.run),
    definition: c.definition,
    namespace: c.namespace,
    state: c.dueAt === null ? "given up" : c.claimedBy === null ? "waiting" : "under way",
    at: new Date(c.at).toISOString(),
    tries: c.tries,
    nextAt: c.dueAt === null ? null : new Date(c.dueAt).toISOString(),
    problem: c.problem,
  };
}
