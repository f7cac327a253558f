// Server-sent events: the one writer. Their one reader is client/remote/sse.ts.
import type { Clock } from "../core/clock.ts";
import { errorJson } from "../core/error.ts";
import { endEvent, failureEvent, heartbeatMs } from "../protocol/http.ts";
import type { EventView } from "../protocol/views.ts";

/** Heartbeats that find the reader where the one before found it: after so many it is cut, and comes back when it can. */
const stalledBeats = 4;
/** How soon a reader whose server closes should look for another one, in ms. */
const comeBackMs = 1_000;

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
  /** A failure of the source as its reader may see it. @default as it is */
  readonly seen?: (error: unknown) => unknown;
}

/**
 * Events as the bytes of a response. Nothing is made ahead of the reader: the stored events wait in the store, and what
 * is told live is kept up to a bound by its source. A reader that takes nothing for a minute is cut.
 */
export function sseStream({ events, signal, hangUp, seen = (e) => e }: SseSource, clock: Clock): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const iterator = events[Symbol.asyncIterator]();
  let beat = { cancel() {} };
  let stalled = 0;
  return new ReadableStream<Uint8Array>({
    start(controller) {
      // Headers leave with the first byte: the reader learns at once that it is connected.
      controller.enqueue(encoder.encode(": connected\n\n"));
      const schedule = (): void => {
        beat = clock.after(heartbeatMs, () => {
          // What lies there untaken says that we live; more would only pile up.
          if ((controller.desiredSize ?? 0) > 0) {
            stalled = 0;
            controller.enqueue(encoder.encode(": beat\n\n"));
          } else if ((stalled += 1) >= stalledBeats) {
            hangUp();
            void iterator.return?.();
            return controller.error(new Error("the reader takes nothing"));
          }
          schedule();
        });
      };
      schedule();
    },
    async pull(controller) {
      stalled = 0;
      try {
        const next = await iterator.next();
        if (next.done !== true) return controller.enqueue(encoder.encode(frame(next.value)));
        // Broken off, and not ended: whoever reads comes back for the rest.
        const last = signal.aborted ? `: closing\nretry: ${comeBackMs}\n\n` : `event: ${endEvent}\ndata: {}\n\n`;
        controller.enqueue(encoder.encode(last));
      } catch (error) {
        const { stack: _, ...why } = errorJson(seen(error));
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
