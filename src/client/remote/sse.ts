// Server-sent events: the one reader. Their one writer is server/sse.ts.

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
    let from = 0;
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n", from)) {
      const message = parseMessage(text.slice(from, end));
      from = end + 2;
      if (message) yield message;
    }
    text = text.slice(from);
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
