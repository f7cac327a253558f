// Server-sent events: the one writer. Their one reader is client/remote/sse.ts.
import type { Clock } from "../core/clock.ts";
import { errorJson } from "../core/error.ts";
import { endEvent, failureEvent, heartbeatMs } from "../protocol/http.ts";
import type { EventView } from "../protocol/views.ts";

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
