// Server-sent events: one writer, one reader, so that the two sides cannot disagree.
import type { Clock } from "../core/clock.ts";
import { errorJson } from "../core/error.ts";
import type { EventView } from "../protocol/views.ts";

/** Silence after which a comment is sent, in ms: proxies and dead sockets show themselves within it. */
const heartbeatMs = 15_000;

/** An event of its own name says that the run is over, so that a reader knows it from a connection that broke. */
export const endEvent = "end";
export const failureEvent = "failure";

function frame(e: EventView): string {
  // Live events may carry no cursor; an empty `id:` would make the reader forget the one that it has.
  const id = e.cursor === "" ? "" : `id: ${e.cursor}\n`;
  return `${id}event: ${e.type}\ndata: ${JSON.stringify(e)}\n\n`;
}

export interface SseSource {
  readonly events: AsyncIterable<EventView>;
  /** Aborted when the server closes or the reader is gone: then the stream breaks off instead of ending. */
  readonly signal: AbortSignal;
  /** Ends the source when the reader goes away. */
  readonly hangUp: () => void;
}

/** Events as the bytes of a response. */
export function sseStream({ events, signal, hangUp }: SseSource, clock: Clock): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const iterator = events[Symbol.asyncIterator]();
  let beat = { cancel() {} };
  return new ReadableStream<Uint8Array>({
    start(controller) {
      // Headers leave with the first byte: the reader learns at once that it is connected.
      controller.enqueue(encoder.encode(": connected\n\n"));
      const schedule = (): void => {
        beat = clock.after(heartbeatMs, () => {
          controller.enqueue(encoder.encode(": beat\n\n"));
          schedule();
        });
      };
      schedule();
    },
    async pull(controller) {
      try {
        const next = await iterator.next();
        if (next.done !== true) return controller.enqueue(encoder.encode(frame(next.value)));
        if (!signal.aborted) controller.enqueue(encoder.encode(`event: ${endEvent}\ndata: {}\n\n`));
      } catch (error) {
        const { stack: _, ...why } = errorJson(error);
        if (!signal.aborted) controller.enqueue(encoder.encode(`event: ${failureEvent}\ndata: ${JSON.stringify(why)}\n\n`));
      }
      beat.cancel();
      controller.close();
    },
    cancel() {
      beat.cancel();
      hangUp();
      // The signal ends a source that waits; one that has just given a value waits for us.
      void iterator.return?.();
    },
  });
}

export interface SseMessage {
  readonly event: string;
  readonly id: string;
  readonly data: string;
}

/** The messages of a text/event-stream body. Comments are dropped; a message cut off at the end is dropped too. */
export async function* readSse(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<SseMessage> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of chunks) {
    text += decoder.decode(chunk, { stream: true });
    let end = text.indexOf("\n\n");
    while (end >= 0) {
      const message = parseMessage(text.slice(0, end));
      text = text.slice(end + 2);
      if (message) yield message;
      end = text.indexOf("\n\n");
    }
  }
}

function parseMessage(block: string): SseMessage | undefined {
  const fields = { event: "message", id: "", data: "" };
  for (const line of block.split("\n")) {
    const colon = line.indexOf(": ");
    const key = line.slice(0, colon);
    if (key === "event" || key === "id") fields[key] = line.slice(colon + 2);
    if (key === "data") fields.data += line.slice(colon + 2);
  }
  return fields.data === "" ? undefined : fields;
}
