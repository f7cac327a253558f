// A run's events over connections that break: each stored event exactly once, in order.
import { errorFromJson, type ErrorJson } from "../../core/error.ts";
import { endEvent, failureEvent, heartbeatMs } from "../../protocol/http.ts";
import type { EventView, OrchestratorApi } from "../../protocol/views.ts";
import type { Caller, Opened } from "./caller.ts";
import { pauseMs } from "./repeat.ts";
import { queryString } from "./query-string.ts";
import { readSse } from "./sse.ts";

type Options = Parameters<OrchestratorApi["events"]>[1];

/** Three heartbeats that did not come: the other end is gone, whatever the socket says. */
const silentMs = 3 * heartbeatMs;

/** Stored, each with a cursor of its own. The others happen once, and carry the cursor of the stored one before them. */
const numbered = new Set(["task.settled", "approval.asked", "custom"]);

/** Goes on from the last cursor when the stream breaks off, for as long as waits are tried again; then FLOTILLA_UNREACHABLE. */
export async function* remoteEvents(caller: Caller, run: string, o: Options): AsyncGenerator<EventView> {
  const path = `/runs/${encodeURIComponent(run)}/events${queryString({ types: o.types?.join(",") })}`;
  let cursor = o.after;
  let heardAt = caller.deps.now();
  for (let tries = 0; ; tries++) {
    const headers: Record<string, string> = cursor === undefined ? {} : { "last-event-id": cursor };
    const opened = await caller.open(path, { headers, signal: o.signal }).catch(unlessAborted(o.signal));
    if (opened === undefined) return;
    if ("body" in opened) {
      const heard = { any: false };
      try {
        for await (const event of messages(caller, opened, heard)) {
          if (event === endEvent) return;
          tries = 0;
          if (numbered.has(event.type) && cursor !== undefined && Number(event.cursor) <= Number(cursor)) continue;
          if (event.cursor !== "") cursor = event.cursor;
          yield event;
          // It has the cursor of the event before it: asked for what comes after that, the server would tell it again.
          if (event.type === "run.finished") return;
        }
      } finally {
        opened.hangUp();
        if (heard.any) heardAt = caller.deps.now();
      }
      if (o.signal?.aborted === true) return;
    }
    const waitMs = pauseMs(tries, caller.deps.random, "error" in opened ? opened.retryAfterMs : null);
    const isOver = caller.deps.now() - heardAt + waitMs > caller.patience.waitMs;
    if ("error" in opened && (!opened.passing || isOver)) throw opened.error;
    // One that was there and broke is taken up again even when nothing else is repeated; one that never says a word is not.
    if (isOver && tries > 0) throw caller.unreachable(new Error("the stream of events broke off again and again"));
    if (!isOver) await caller.pause(waitMs, o.signal).catch(unlessAborted(o.signal));
    if (o.signal?.aborted === true) return;
  }
}

/** The events of one connection, until it ends or breaks. @throws what the far side says went wrong */
export async function* messages(
  caller: Caller,
  opened: Opened,
  heard: { any: boolean },
): AsyncGenerator<EventView | typeof endEvent> {
  const chunks = readChunks(caller, opened, heard);
  for await (const message of readSse(chunks)) {
    if (message.event === failureEvent) throw errorFromJson(JSON.parse(message.data) as ErrorJson);
    yield message.event === endEvent ? endEvent : (JSON.parse(message.data) as EventView);
  }
}

/** The bytes of a body. One that breaks off, or is silent for too long, ends. */
async function* readChunks(caller: Caller, { body, hangUp }: Opened, heard: { any: boolean }): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  try {
    for (;;) {
      const stop = caller.deps.after(silentMs, hangUp);
      // Broken, hung up or aborted: what is to be done is decided where the connection was made.
      const next = await reader
        .read()
        .catch(() => undefined)
        .finally(stop);
      if (next === undefined || next.done) return;
      heard.any = true;
      yield next.value;
    }
  } finally {
    void reader.cancel().catch(() => {});
  }
}

function unlessAborted(signal: AbortSignal | undefined): (error: unknown) => undefined {
  return (error) => {
    if (signal?.aborted !== true) throw error;
  };
}
