import type { BulkRequest, BulkView } from "../../protocol/bulk.ts";
import { endEvent } from "../../protocol/http.ts";
import type { Caller } from "./caller.ts";
import { messages } from "./events.ts";
import { pauseMs } from "./repeat.ts";

/** A large store is counted for minutes. */
const countMs = 600_000;

/**
 * Asked again when the connection breaks: what was done is done no more, so only the rest is. What no longer fits then was
 * done, also when nobody heard of it.
 */
export async function* remoteBulk(caller: Caller, q: BulkRequest, signal: AbortSignal | undefined): AsyncGenerator<BulkView> {
  if (q.expect === undefined) {
    const body = JSON.stringify(q);
    yield await caller.json<BulkView>("/bulk/count", { method: "POST", body, signal, repeatable: true, heldMs: countMs });
    return;
  }
  const { action, ...rest } = q;
  const path = action === "purge" ? "/bulk/purge" : "/bulk";
  const ask = { method: "POST", body: JSON.stringify(action === "purge" ? rest : q), signal } as const;
  let first: number | undefined;
  let brokeAt: number | undefined;
  for (let tries = 0; ; tries++) {
    const opened = await caller.open(path, ask);
    if ("body" in opened) {
      let before = 0;
      try {
        for await (const event of messages(caller, opened, { any: false })) {
          if (event === endEvent) return;
          const view = event.data as BulkView;
          if (view.phase === "counting") {
            if (first === undefined) yield view;
            continue;
          }
          first ??= view.count;
          before = first - view.count;
          tries = 0;
          brokeAt = undefined;
          yield { ...view, count: first, done: view.done + before };
        }
      } finally {
        opened.hangUp();
      }
    }
    signal?.throwIfAborted();
    brokeAt ??= caller.deps.now();
    const waitMs = pauseMs(tries, caller.deps.random, "error" in opened ? opened.retryAfterMs : null);
    const isOver = caller.deps.now() - brokeAt + waitMs > caller.patience.callMs;
    if ("error" in opened && (!opened.passing || isOver)) throw opened.error;
    if (isOver) throw caller.unreachable(new Error("the connection broke before it was done"));
    await caller.pause(waitMs, signal);
  }
}
