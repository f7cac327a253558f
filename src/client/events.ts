import type { Jsonify } from "../core/json.ts";
import type { Message } from "../core/message.ts";
import { cursorShape, type RunEvent } from "../protocol/events.ts";
import type { OrchestratorApi } from "../protocol/views.ts";
import { configInvalid } from "./check.ts";

type Source = Pick<OrchestratorApi, "events">;

/**
 * A reader that leaves (`break`, `return`, a throw) tells the orchestrator so: it stops collecting for it.
 * @throws FLOTILLA_CONFIG_INVALID when `after` is no cursor.
 */
export async function* runEvents<T extends RunEvent["type"]>(
  api: Source,
  run: string,
  o: { after?: string; types?: readonly T[] },
): AsyncGenerator<Extract<RunEvent, { type: T }>, void, undefined> {
  if (o.after !== undefined && !cursorShape.test(o.after))
    throw configInvalid(
      "events().after",
      `${JSON.stringify(o.after)} is no cursor`,
      "pass the `cursor` of the last event that was seen",
    );
  const left = new AbortController();
  try {
    // The orchestrator filters, and its views are the client's events by contract of the protocol.
    yield* api.events(run, { ...o, signal: left.signal }) as AsyncIterable<Extract<RunEvent, { type: T }>>;
  } finally {
    left.abort();
  }
}

/** The emitted values of one message, in the order of their commit. */
export async function* messagesOf<O>(
  api: Source,
  run: string,
  m: Message<string, never, O>,
): AsyncGenerator<Jsonify<O>, void, undefined> {
  for await (const event of runEvents(api, run, { types: ["custom"] })) {
    if (event.data.name === m.name) yield event.data.value as Jsonify<O>;
  }
}
