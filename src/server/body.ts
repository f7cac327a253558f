import { FlotillaError } from "../core/error.ts";

/** The body of a request or a reply as text. Stops reading at the cap, whatever the headers claim. @throws FLOTILLA_TOO_LARGE */
export async function readCapped(request: Request | Response, max: number): Promise<string> {
  const claimed = Number(request.headers.get("content-length") ?? 0);
  if (claimed > max) throw tooLarge(claimed, max);
  const decoder = new TextDecoder();
  let bytes = 0;
  let text = "";
  for await (const chunk of (request.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength;
    if (bytes > max) throw tooLarge(bytes, max);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function tooLarge(bytes: number, max: number): FlotillaError {
  return new FlotillaError("FLOTILLA_TOO_LARGE", { what: "the body", bytes, max });
}
